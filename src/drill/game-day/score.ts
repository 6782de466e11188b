import { compose, type Verdict } from '../../errors/verdict.ts';
import type { Finding } from '../../probe/finding.ts';
import type { Slo } from '../scorecard.ts';
import type { FaultEnd } from '../tools.ts';
import { type Job, sayJob } from './campaign.ts';
import type { DrillDocument } from './document.ts';
import { type LeadSum, sumLeads } from './lead.ts';
import type { GameDayLimits } from './limits.ts';
import type { JobEnd } from './play.ts';

/** One drill of a game day, judged. */
export interface DrillRow {
  readonly job: Job;
  readonly verdict: Verdict | 'not-run';
  /** Seconds from its start to its end; 0 for one that was not run. */
  readonly seconds: number;
  /** Its critical metrics, its faults, and its end where that was none of its own; those that do not apply too. */
  readonly checks: readonly Finding[];
  readonly faults: readonly FaultEnd[];
  /** Whether it failed and is not proven to be restored. */
  readonly unrestored: boolean;
  /** Why it is not a pass. */
  readonly reason?: string;
  readonly ledger?: string;
}

/** A game day's score, over the checks of all its drills. */
export interface GameDay {
  readonly verdict: Verdict | 'stopped';
  readonly exitCode: number;
  /** Counts, without the verdict's word. */
  readonly headline: string;
  readonly totalChecks: number;
  readonly passedChecks: number;
  readonly failedChecks: number;
  readonly unknownChecks: number;
  /** Rounded down; `null` while a check is unknown. */
  readonly scorePercent: number | null;
  readonly totalDurationS: number;
  readonly limits: GameDayLimits;
  readonly slo: Slo;
  readonly lead: readonly LeadSum[];
  readonly rows: readonly DrillRow[];
}

/** What is scored. */
export interface Played {
  readonly ends: readonly JobEnd[];
  readonly limits: GameDayLimits;
  /** From the first drill's start to the last one's end. */
  readonly totalMs: number;
  /** Whether the operator stopped it. */
  readonly stopped: boolean;
}

/**
 * Scores a game day. A fault that was found and recovered from is a passed check, one that was not is a failed one; a drill
 * that was cut short is unknown, as is one that somebody asked for and that was not run.
 */
export function scoreGameDay({ ends, limits, totalMs, stopped }: Played): GameDay {
  const rows = ends.map(rowOf);
  const verdicts = rows.flatMap(({ checks }) => checks.map(({ verdict }) => verdict));
  const count = (verdict: Verdict): number => verdicts.filter((each) => each === verdict).length;
  const [passed, failed, unknown] = [count('pass'), count('fail'), count('unknown')];
  const total = passed + failed + unknown;
  const percent = unknown > 0 || total === 0 ? null : Math.floor((100 * passed) / total);
  const totalDurationS = Math.round(totalMs / 100) / 10;
  const slo: Slo = {
    minPassPercent: limits.minPassPercent.value,
    maxTotalDurationS: limits.maxTotalDurationS.value,
    passPercentMet: percent === null ? null : percent >= limits.minPassPercent.value,
    totalDurationMet: totalDurationS <= limits.maxTotalDurationS.value,
  };
  const judged = verdictOf(rows, slo);
  return {
    verdict: stopped ? 'stopped' : judged,
    exitCode: stopped ? 14 : exitOf(judged, rows),
    headline: headlineOf(rows, passed, total, unknown),
    totalChecks: total,
    passedChecks: passed,
    failedChecks: failed,
    unknownChecks: unknown,
    scorePercent: percent,
    totalDurationS,
    limits,
    slo,
    lead: sumLeads(ends),
    rows,
  };
}

function verdictOf(rows: readonly DrillRow[], { passPercentMet, totalDurationMet }: Slo): Verdict {
  const verdict = compose(rows.flatMap(({ checks }) => checks.flatMap((check) => asVerdict(check) ?? [])));
  if (verdict !== 'pass') return verdict;
  return passPercentMet === true && totalDurationMet ? 'pass' : 'fail';
}

function exitOf(verdict: Verdict, rows: readonly DrillRow[]): number {
  if (verdict === 'pass') return 0;
  if (verdict === 'unknown') return 12;
  return rows.some(({ unrestored }) => unrestored) ? 11 : 10;
}

function headlineOf(rows: readonly DrillRow[], passed: number, total: number, unknown: number): string {
  const played = rows.filter(({ verdict }) => verdict !== 'not-run');
  const faults = played.flatMap((row) => row.faults);
  const found = faults.filter((fault) => fault.found).length;
  const away = rows.length - played.length;
  const drills = `${played.length} drill${played.length === 1 ? '' : 's'}, ${found} of ${faults.length} faults found`;
  return `${passed}/${total} checks, ${unknown} unknown: ${drills}${away === 0 ? '' : `, ${away} not run`}`;
}

function rowOf(end: JobEnd): DrillRow {
  const { job } = end;
  if (end.state === 'not-run') {
    const checks = job.asked ? [endCheck(job, 'unknown', end.reason, 0)] : [];
    return { job, verdict: 'not-run', seconds: 0, checks, faults: [], unrestored: false, reason: end.reason };
  }
  const { document, ms } = end;
  const faults = document?.faults.map(faultEnd) ?? [];
  const own = document === undefined ? [] : checksOf(job, document, end.cut !== undefined);
  const parts = own.flatMap((check) => asVerdict(check) ?? []);
  const verdict = compose([...parts, verdictOfEnd(end)]);
  const reason = verdict === 'pass' ? undefined : reasonOf(end, own);
  // What the drill's own checks do not say is said by one more, so that the score is never better than its drills.
  const silent = parts.length === 0 || compose(parts) !== verdict;
  return {
    job,
    verdict,
    seconds: Math.round(ms / 100) / 10,
    checks: silent ? [...own, endCheck(job, verdict, reason ?? 'nothing was checked', ms)] : own,
    faults,
    unrestored: verdict === 'fail' && document?.exitCode === 11,
    ...(reason === undefined ? {} : { reason }),
    ...(document?.result === undefined ? {} : { ledger: document.result.ledger }),
  };
}

/** What the drill itself says: one that was cut, or has measured nothing, is unknown. */
function verdictOfEnd({ document, cut }: Extract<JobEnd, { state: 'played' }>): Verdict {
  if (document === undefined || cut !== undefined || document.verdict === 'stopped') return 'unknown';
  return document.checks.length === 0 ? 'unknown' : document.verdict;
}

function checksOf(job: Job, { checks, faults }: DrillDocument, cut: boolean): Finding[] {
  const metrics = checks.map(({ reason, ...check }): Finding => {
    return { ...check, target: job.id, ...(reason === undefined ? {} : { reason }) };
  });
  return [...metrics, ...faults.map((fault) => faultCheck(job, fault, cut))];
}

function faultCheck(
  job: Job,
  { name, target, found, check, recovered }: DrillDocument['faults'][number],
  cut: boolean,
) {
  const good = found && recovered;
  return {
    id: `fault.${name}`,
    verdict: good ? 'pass' : cut ? 'unknown' : 'fail',
    critical: true,
    target: `${target} in ${job.id}`,
    expected: 'found and recovered from',
    seen: found
      ? `found by ${check ?? 'a check'}, ${recovered ? 'recovered from' : 'not recovered from'}`
      : 'not found',
    samples: 1,
    ms: 0,
  } satisfies Finding;
}

function endCheck(job: Job, verdict: Verdict, reason: string, ms: number): Finding {
  const base = { id: 'drill.end', verdict, critical: true, target: job.id, expected: 'played to its end' };
  return { ...base, seen: reason, samples: verdict === 'unknown' ? 0 : 1, ms };
}

function faultEnd({ check, ...fault }: DrillDocument['faults'][number]): FaultEnd {
  return { ...fault, check: check ?? null };
}

function reasonOf({ job, document, cut, how, said }: Extract<JobEnd, { state: 'played' }>, own: readonly Finding[]) {
  if (cut === 'time') return 'the time was up before it was done';
  if (cut === 'operator') return 'the operator stopped it';
  if (document === undefined) return `${sayJob(job)} ended without a result (${how}${said === '' ? '' : `: ${said}`})`;
  if (document.error !== undefined) return `${document.error.code}: ${document.error.message}`;
  const bad = own.filter(({ verdict }) => verdict === 'fail' || verdict === 'unknown');
  const words = bad.map(({ id, verdict, reason, seen }) => `${id} ${verdict}: ${reason ?? seen}`);
  return words.length === 0 ? document.summary : words.join('; ');
}

function asVerdict({ verdict }: Finding): Verdict | undefined {
  return verdict === 'not-applicable' ? undefined : verdict;
}
