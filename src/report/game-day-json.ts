import type { DrillRow, GameDay } from '../drill/game-day/score.ts';
import type { LedgerValue } from '../ledger/entry.ts';

/** The scorecard file of a game day: the field names are those that the make target's users know. */
export type GameDayDocument = { readonly [key: string]: LedgerValue };

/**
 * A game day as plain data: `generated_at, total_checks, passed_checks, score_percent, total_duration_s, slo, results[]`,
 * with one result for each drill, and no field besides.
 *
 * @param generatedAt Unix milliseconds
 */
export function gameDayDocument(day: GameDay, generatedAt: number): GameDayDocument {
  return {
    generated_at: new Date(generatedAt).toISOString(),
    total_checks: day.totalChecks,
    passed_checks: day.passedChecks,
    score_percent: day.scorePercent,
    total_duration_s: day.totalDurationS,
    slo: {
      min_pass_percent: day.slo.minPassPercent,
      max_total_duration_s: day.slo.maxTotalDurationS,
      pass_percent_met: day.slo.passPercentMet,
      total_duration_met: day.slo.totalDurationMet,
    },
    results: day.rows.map(resultOf),
  };
}

/** The `result` of the command's JSON: the scorecard file's fields, the limits' sources and the lead metrics. */
export function gameDayResult(day: GameDay, generatedAt: number): GameDayDocument {
  return {
    ...gameDayDocument(day, generatedAt),
    failed_checks: day.failedChecks,
    unknown_checks: day.unknownChecks,
    sources: {
      min_pass_percent: day.limits.minPassPercent.from,
      max_total_duration_s: day.limits.maxTotalDurationS.from,
    },
    lead: day.lead.map(({ id, title, text, ms, drills, missing }) => ({ id, title, text, ms, drills, missing })),
  };
}

function resultOf({ job, verdict, seconds, checks, faults, reason, ledger }: DrillRow): GameDayDocument {
  const count = (wanted: string): number => checks.filter((check) => check.verdict === wanted).length;
  const [passed, failed, unknown] = [count('pass'), count('fail'), count('unknown')];
  return {
    id: job.id,
    drill: job.drill,
    planted: [...job.faults],
    verdict,
    duration_s: seconds,
    total_checks: passed + failed + unknown,
    passed_checks: passed,
    failed_checks: failed,
    unknown_checks: unknown,
    faults: faults.map(({ name, target, found, check, recovered }) => ({ name, target, found, check, recovered })),
    ...(reason === undefined ? {} : { reason }),
    ...(ledger === undefined ? {} : { ledger }),
  };
}
