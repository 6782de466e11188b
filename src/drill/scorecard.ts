import { compose, type Verdict } from '../errors/verdict.ts';
import type { Entry, LedgerValue } from '../ledger/entry.ts';
import { failureBudget } from './metrics/budget.ts';
import { coverage } from './metrics/coverage.ts';
import { faultProof, timeToDecide, timeToDetect } from './metrics/detection.ts';
import { acceptedInvalid } from './metrics/invalid.ts';
import { lockOutMinutes } from './metrics/lock-out.ts';
import { judged, type Measure, type Metric, type MetricClass, notApplicable } from './metrics/metric.ts';
import { overlapLength, timeToOverlap, timeToSwitch } from './metrics/overlap.ts';
import { freshness, ledgerIntegrity, mtlsHealth, operatorLoad, secretHygiene } from './metrics/record.ts';
import { refusedValid } from './metrics/refused.ts';
import { replayLeaks } from './metrics/replay.ts';
import { oldSecretDead, retireLatency } from './metrics/retirement.ts';
import { declaredAway, readStory, type ScorecardOptions, type Story } from './metrics/story.ts';
import { stragglers } from './metrics/stragglers.ts';
import { rollbackFidelity, timeToUndo } from './metrics/undo.ts';
import { list, mapping, text } from './metrics/values.ts';

export type { Metric } from './metrics/metric.ts';
export type { ScorecardOptions } from './metrics/story.ts';

/** One of the four numbers that stand first. */
export interface LeadMetric {
  readonly id: string;
  readonly title: string;
  /** `0 of 4210`, `3/3 replicas`; empty where it is a duration. */
  readonly text: string;
  /** Milliseconds, where it is a duration; `null` where it is none, or was not measured. */
  readonly ms: number | null;
  readonly status: Metric['status'];
}

/** What the make target demands, and whether it is met; `null` while there is no percentage. */
export interface Slo {
  readonly minPassPercent: number;
  readonly maxTotalDurationS: number;
  readonly passPercentMet: boolean | null;
  readonly totalDurationMet: boolean;
}

/** A game day's scorecard. A function of the ledger's entries: no clock, no surroundings. */
export interface Scorecard {
  readonly verdict: Verdict;
  /** The word and the coverage: `PASS 16/16 checks, 0 unknown`. Checks are the critical metrics that apply. */
  readonly headline: string;
  /** Id of the drill, or of the last rotation; empty without entries. */
  readonly run: string;
  readonly fleet: string;
  /** UTC time of the last entry that is scored; empty without entries. */
  readonly generatedAt: string;
  readonly totalChecks: number;
  readonly passedChecks: number;
  readonly failedChecks: number;
  readonly unknownChecks: number;
  /** Of the critical metrics, rounded down; `null` while one of them is unknown, or while the verdict is capped. */
  readonly scorePercent: number | null;
  /** Seconds from the first scored entry to the last. */
  readonly totalDurationS: number;
  readonly slo: Slo;
  /** Why the verdict can be no better than inconclusive: overrides, by entry. */
  readonly caps: readonly string[];
  readonly lead: readonly LeadMetric[];
  readonly metrics: readonly Metric[];
}

interface Definition {
  readonly number: number;
  readonly id: string;
  readonly title: string;
  readonly class: MetricClass;
  readonly measure: (story: Story) => Measure;
}

/** The metrics by number, as the game-day table defines them. */
const DEFINITIONS: readonly Definition[] = [
  { number: 1, id: 'time-to-overlap', title: 'time to overlap', class: 'critical', measure: timeToOverlap },
  { number: 2, id: 'time-to-switch', title: 'time to switch', class: 'warn', measure: timeToSwitch },
  { number: 3, id: 'overlap-length', title: 'overlap length', class: 'critical', measure: overlapLength },
  { number: 4, id: 'stragglers', title: 'stragglers', class: 'critical', measure: stragglers },
  { number: 5, id: 'refused-valid', title: 'refused valid requests', class: 'critical', measure: refusedValid },
  {
    number: 6,
    id: 'accepted-invalid',
    title: 'accepted invalid requests',
    class: 'critical',
    measure: acceptedInvalid,
  },
  { number: 7, id: 'replay-leaks', title: 'accepted replays', class: 'critical', measure: replayLeaks },
  { number: 8, id: 'retire-latency', title: 'retire latency', class: 'critical', measure: retireLatency },
  { number: 9, id: 'time-to-detect', title: 'time to detect', class: 'warn', measure: timeToDetect },
  { number: 10, id: 'time-to-decide', title: 'time to decide', class: 'warn', measure: timeToDecide },
  { number: 11, id: 'time-to-undo', title: 'time to undo', class: 'critical', measure: timeToUndo },
  { number: 12, id: 'rollback-fidelity', title: 'rollback fidelity', class: 'critical', measure: rollbackFidelity },
  { number: 13, id: 'lock-out', title: 'lock-out minutes', class: 'critical', measure: lockOutMinutes },
  { number: 14, id: 'failure-budget', title: 'failure budget', class: 'critical', measure: failureBudget },
  { number: 15, id: 'mtls-health', title: 'mTLS health', class: 'critical', measure: mtlsHealth },
  { number: 16, id: 'coverage', title: 'coverage', class: 'critical', measure: coverage },
  { number: 17, id: 'fault-proof', title: 'faults really happened', class: 'critical', measure: faultProof },
  { number: 18, id: 'secret-hygiene', title: 'secret hygiene', class: 'critical', measure: secretHygiene },
  { number: 19, id: 'ledger-integrity', title: 'ledger integrity', class: 'critical', measure: ledgerIntegrity },
  { number: 20, id: 'operator-load', title: 'operator load', class: 'info', measure: operatorLoad },
  { number: 21, id: 'freshness', title: 'freshness', class: 'warn', measure: freshness },
];

/** Metrics that depend on more than the entries, and are therefore no part of what is computed again. */
const OUTSIDE: readonly string[] = ['ledger-integrity', 'freshness'];

/** Computes the scorecard of the newest drill in a ledger, or of the whole ledger when there is no drill in it. */
export function scorecard(entries: readonly Entry[], options: ScorecardOptions = {}): Scorecard {
  const story = readStory(entries, options);
  const metrics = DEFINITIONS.map((definition) => measured(definition, story));
  return summarise(story, withRecorded(story, metrics));
}

/** What goes into the drill's verdict entry (`data.scorecard`), so that computing it again can be compared with it. */
export function scorecardRecord(card: Scorecard): { readonly [key: string]: LedgerValue } {
  const { verdict, headline, totalChecks, passedChecks, scorePercent, metrics } = card;
  const results = metrics.map(({ id, status, value }) => ({ id, status, value }));
  return {
    verdict,
    headline,
    total_checks: totalChecks,
    passed_checks: passedChecks,
    score_percent: scorePercent,
    results,
  };
}

/** One metric. A definition that throws has proven nothing, and says so. */
function measured({ measure, ...definition }: Definition, story: Story): Metric {
  const result = tryMeasure(measure, story);
  const reason = text(declaredAway(story)[definition.id]);
  const away = reason !== '' && result.samples === 0 && result.status === 'unknown';
  return {
    ...definition,
    ...(away ? notApplicable(result.unit, reason, story.drill === undefined ? [] : [story.drill.seq]) : result),
  };
}

function tryMeasure(measure: Definition['measure'], story: Story): Measure {
  try {
    return measure(story);
  } catch (error) {
    const doubts = [
      `its definition failed on these entries: ${error instanceof Error ? error.message : 'unknown cause'}`,
    ];
    return judged({ value: 0, unit: '', target: '', samples: 0, doubts, entries: [] });
  }
}

/** Compares with the scorecard that was recorded for these entries: a difference breaks the ledger's integrity. */
function withRecorded(story: Story, metrics: readonly Metric[]): readonly Metric[] {
  const recorded = list(mapping(story.verdict?.data.scorecard).results).map(mapping);
  const differing = metrics.filter(({ id, status, value }) => {
    const before = recorded.find((result) => result.id === id);
    return (
      !OUTSIDE.includes(id) && before !== undefined && (before.status !== status || (before.value ?? null) !== value)
    );
  });
  if (differing.length === 0 || story.verdict === undefined) return metrics;
  const reason = `entry ${story.verdict.seq} records another result for ${differing.map(({ id }) => id).join(', ')}`;
  return metrics.map((metric) => (metric.id === 'ledger-integrity' ? { ...metric, status: 'fail', reason } : metric));
}

function summarise(story: Story, metrics: readonly Metric[]): Scorecard {
  const critical = metrics.filter((metric) => metric.class === 'critical' && metric.status !== 'not-applicable');
  const count = (status: Verdict) => critical.filter((metric) => metric.status === status).length;
  const caps = story.entries
    .filter(({ kind }) => kind === 'override')
    .map(({ seq, data }) => `override in entry ${seq}: ${text(data.what)}`);
  const verdicts = critical.flatMap(({ status }) => (status === 'not-applicable' ? [] : [status]));
  const verdict = compose([...verdicts, ...caps.map((): Verdict => 'unknown')]);
  const [first, last] = [story.entries[0], story.entries.at(-1)];
  const percent =
    verdict === 'unknown' || count('unknown') > 0 ? null : Math.floor((100 * count('pass')) / critical.length);
  const totalDurationS =
    first === undefined || last === undefined ? 0 : (Date.parse(last.at) - Date.parse(first.at)) / 1000;
  return {
    verdict,
    headline: headlineOf(verdict, count('pass'), critical.length, count('unknown'), warnings(metrics)),
    run: (story.drill ?? story.rotations.at(-1)?.header)?.rotation ?? '',
    fleet: first?.fleet ?? '',
    generatedAt: last?.at ?? '',
    totalChecks: critical.length,
    passedChecks: count('pass'),
    failedChecks: count('fail'),
    unknownChecks: count('unknown'),
    scorePercent: percent,
    totalDurationS,
    slo: sloOf(story, percent, totalDurationS),
    caps,
    lead: leadOf(story, metrics),
    metrics,
  };
}

function headlineOf(verdict: Verdict, passed: number, total: number, unknown: number, warned: number): string {
  const word = { pass: 'PASS', fail: 'FAIL', unknown: 'INCONCLUSIVE' }[verdict];
  return `${word} ${passed}/${total} checks, ${unknown} unknown${warned === 0 ? '' : `, ${warned} warning${warned === 1 ? '' : 's'}`}`;
}

function warnings(metrics: readonly Metric[]): number {
  return metrics.filter((metric) => metric.class === 'warn' && metric.status === 'fail').length;
}

function sloOf({ options }: Story, percent: number | null, seconds: number): Slo {
  const { minPassPercent = 100, maxTotalDurationS = 120 } = options.slo ?? {};
  return {
    minPassPercent,
    maxTotalDurationS,
    passPercentMet: percent === null ? null : percent >= minPassPercent,
    totalDurationMet: seconds <= maxTotalDurationS,
  };
}

function leadOf(story: Story, metrics: readonly Metric[]): LeadMetric[] {
  const { dead, replicas } = oldSecretDead(story);
  return [
    leadMetric(metrics, 'refused-valid', 'refused valid requests', ({ value, samples }) => `${value} of ${samples}`),
    leadMetric(metrics, 'retire-latency', 'old secret dead', () => `${dead}/${replicas} replicas`),
    leadMetric(metrics, 'replay-leaks', 'accepted replays', ({ value, samples }) => `${value} of ${samples}`),
    leadMetric(metrics, 'time-to-undo', 'time to undo', () => ''),
  ];
}

function leadMetric(
  metrics: readonly Metric[],
  id: string,
  title: string,
  say: (metric: Metric) => string,
): LeadMetric {
  const metric = metrics.find((candidate) => candidate.id === id);
  if (metric === undefined || metric.value === null)
    return { id, title, text: 'not measured', ms: null, status: metric?.status ?? 'unknown' };
  const said = say(metric);
  return { id, title, text: said, ms: said === '' ? metric.value : null, status: metric.status };
}
