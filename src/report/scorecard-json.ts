import type { Metric, Scorecard } from '../drill/scorecard.ts';
import type { LedgerValue } from '../ledger/entry.ts';

/** The scorecard as a JSON value, for a command's `result`; its field names are the make target's. */
export type ScorecardDocument = { readonly [key: string]: LedgerValue };

/** The scorecard as plain data: schema `rotctl.scorecard.v1`. Durations in `results` are milliseconds where `unit` says so. */
export function scorecardDocument(card: Scorecard): ScorecardDocument {
  return {
    schema: 'rotctl.scorecard.v1',
    verdict: card.verdict,
    headline: card.headline,
    run: card.run,
    fleet: card.fleet,
    generated_at: card.generatedAt,
    total_checks: card.totalChecks,
    passed_checks: card.passedChecks,
    failed_checks: card.failedChecks,
    unknown_checks: card.unknownChecks,
    score_percent: card.scorePercent,
    total_duration_s: card.totalDurationS,
    slo: {
      min_pass_percent: card.slo.minPassPercent,
      max_total_duration_s: card.slo.maxTotalDurationS,
      pass_percent_met: card.slo.passPercentMet,
      total_duration_met: card.slo.totalDurationMet,
    },
    caps: [...card.caps],
    lead: card.lead.map(({ id, title, text, ms, status }) => ({ id, title, text, ms, status })),
    results: card.metrics.map(resultOf),
  };
}

/** The document as text: the same bytes for the same entries, with a line break at its end. */
export function renderScorecardJson(card: Scorecard): string {
  return `${JSON.stringify(scorecardDocument(card), undefined, 2)}\n`;
}

function resultOf(metric: Metric): ScorecardDocument {
  const { number, id, title, value, unit, target, samples, status, reason, details, entries } = metric;
  return {
    number,
    id,
    title,
    class: metric.class,
    status,
    value,
    unit,
    target,
    samples,
    ...(reason === undefined ? {} : { reason }),
    ...(details === undefined ? {} : { details: [...details] }),
    entries: [...entries],
  };
}
