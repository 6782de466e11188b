import { type Scorecard, scorecardRecord } from '../drill/scorecard.ts';
import type { Stage } from '../drill/stage.ts';
import type { FaultEnd } from '../drill/tools.ts';
import type { RotctlError } from '../errors/rotctl-error.ts';
import type { Finding } from '../probe/finding.ts';
import { formatDuration } from '../report/duration.ts';
import type { FaultResult } from '../report/result.ts';
import { safetyDocument } from '../report/safety-json.ts';
import { sayProof } from '../report/safety-text.ts';
import { scorecardDocument } from '../report/scorecard-json.ts';
import { renderScorecardText } from '../report/scorecard-text.ts';
import type { Safety } from '../runner/safety.ts';
import { noteInLedger } from './note.ts';
import type { Platform } from './platform.ts';
import type { CommandEnd } from './result.ts';
import { scoreEntries } from './scorecard.ts';
import type { Session } from './session.ts';

/** How a drill ended: what was played, on what, and what became of its faults. */
export interface DrillEnd {
  readonly platform: Platform;
  readonly session: Session;
  readonly stage: Stage;
  readonly faults: readonly FaultEnd[];
  /** The proof by which it was played. */
  readonly safety: Safety;
}

/** The end of a drill that was played to its end. */
export async function playedEnd(
  { platform, session, stage, faults, safety }: DrillEnd,
  cutover: FaultEnd,
): Promise<Omit<CommandEnd, 'command'>> {
  const card = await recordedCard(platform, session);
  const missed = faults.filter((fault) => !fault.found || !fault.recovered);
  const good = card.verdict === 'pass' && missed.length === 0;
  const verdict = good ? 'pass' : card.verdict === 'unknown' && missed.length === 0 ? 'unknown' : 'fail';
  const exitCode =
    verdict === 'pass' ? 0 : verdict === 'unknown' ? 12 : missed.some((fault) => !fault.recovered) ? 11 : 10;
  const found = faults.map(({ name, target, check }) => `${name} on ${target} found by ${check ?? 'nothing'}`);
  return {
    verdict,
    exitCode,
    summary: ['drill', `replay store: ${stage.store}`, ...found].join('; '),
    checks: checksOf(card),
    faults: faults.map(toResult),
    phase: 'rolled-back',
    rollback: 'verified',
    result: resultOf(session, stage, card, safety, cutover),
    text: textOf(session, stage, card, safety),
    ...(good ? {} : { next: `rotctl scorecard --from-ledger ${session.ledger}` }),
  };
}

/** A drill that could not go on: what was seen until then is scored as it is. */
export async function brokenEnd(
  { platform, session, stage, faults, safety }: DrillEnd,
  error: RotctlError,
): Promise<Omit<CommandEnd, 'command'>> {
  const card = await recordedCard(platform, session);
  const stopped = error.code === 'STOPPED';
  return {
    verdict: stopped ? 'stopped' : error.exitCode === 12 ? 'unknown' : 'fail',
    summary: error.message,
    error,
    checks: checksOf(card),
    faults: faults.map(toResult),
    result: resultOf(session, stage, card, safety),
    text: textOf(session, stage, card, safety),
    next: `rotctl ledger show --ledger ${session.ledger}`,
  };
}

function toResult({ check, ...fault }: FaultEnd): FaultResult {
  return check === null ? fault : { ...fault, check };
}

/** The drill's own part of the JSON result. */
function resultOf(
  { tools, ledger }: Session,
  stage: Stage,
  card: Scorecard,
  safety: Safety,
  cutover?: FaultEnd,
): object {
  const { replay, file } = tools.fleet;
  return {
    store: stage.store,
    fleetFile: file,
    ledger,
    replay,
    ...(cutover === undefined ? {} : { cutover }),
    safety: safetyDocument(safety),
    scorecard: scorecardDocument(card),
  };
}

function textOf({ tools }: Session, stage: Stage, card: Scorecard, safety: Safety): string {
  const { maxAgeMs, nonceTtlMs, storeTimeoutMs } = tools.fleet.replay;
  const settings = [maxAgeMs, nonceTtlMs, storeTimeoutMs].map(formatDuration);
  return [
    renderScorecardText(card).trimEnd(),
    '',
    sayProof(safety),
    `replay store: ${stage.store}`,
    `shortened for practice: window ${settings[0]}, nonce life ${settings[1]}, store timeout ${settings[2]}`,
  ].join('\n');
}

/** Scores the drill from its ledger, and records the score there. */
export async function recordedCard(platform: Platform, { tools }: Session): Promise<Scorecard> {
  const score = async () => scoreEntries(platform, await tools.readLedger());
  const card = await score();
  const head = { rotation: `drill-${tools.runId}`, fleet: tools.fleet.name, runbook: 'drill' };
  await noteInLedger(tools, head, 'verdict', {
    command: 'drill',
    verdict: card.verdict,
    scorecard: scorecardRecord(card),
  });
  return score();
}

/** The critical metrics of a scorecard in the form of checks, for the JSON result and the verdict line's counts. */
export function checksOf(card: Scorecard): Finding[] {
  const critical = card.metrics.filter((metric) => metric.class === 'critical');
  return critical.map((metric) => ({
    id: `metric.${metric.id}`,
    verdict: metric.status,
    critical: metric.class === 'critical',
    target: 'fleet',
    expected: metric.target,
    seen: metric.value === null ? 'not measured' : `${metric.value} ${metric.unit}`,
    ...(metric.reason === undefined ? {} : { reason: metric.reason }),
    samples: metric.samples,
    ms: 0,
  }));
}
