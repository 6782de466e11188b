import { dirname, join, resolve } from 'node:path';
import { FaultWatch } from '../drill/fault-watch.ts';
import { DRILL_FAULTS } from '../drill/faults.ts';
import { playDrill } from '../drill/play.ts';
import { type Scorecard, scorecardRecord } from '../drill/scorecard.ts';
import type { Stage } from '../drill/stage.ts';
import type { DrillTools, FaultEnd, Planted } from '../drill/tools.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Finding } from '../probe/finding.ts';
import { formatDuration } from '../report/duration.ts';
import type { FaultResult } from '../report/result.ts';
import { scorecardDocument } from '../report/scorecard-json.ts';
import { renderScorecardText } from '../report/scorecard-text.ts';
import { type Collecting, collecting } from '../runner/collect.ts';
import { operate } from '../runner/operate.ts';
import { SecretSearch } from './hygiene.ts';
import { loadFleet, loadRunbook } from './load.ts';
import { noteInLedger } from './note.ts';
import type { Platform } from './platform.ts';
import { openProgress } from './progress.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';
import { scoreEntries } from './scorecard.ts';
import { openSession, type Session } from './session.ts';

/** What was typed for `drill`. */
export interface DrillRequest {
  /** `NAME` or `NAME@REPLICA`. */
  readonly faults: readonly string[];
  readonly listFaults: boolean;
  readonly store: 'auto' | 'embedded';
  readonly fleetGiven: boolean;
}

const DEFAULT_OUT = 'drill-out';
/** A fault that is planted without naming a replica goes to the second one: neither first nor last in any roll. */
const FAULTY_INDEX = 1;

/** Rehearses a whole rotation on a practice fleet that is started for it, and ends with the scorecard. */
export async function drill(platform: Platform, flags: GlobalFlags, request: DrillRequest): Promise<CommandEnd> {
  if (request.listFaults) return listFaults();
  if (request.fleetGiven) {
    throw new RotctlError(
      'USAGE',
      'a drill on a fleet that is not its own needs that fleet to be rehearsed step by step: overlap, retire, rollback',
      {
        hint: 'leave --fleet out to rehearse on a practice fleet',
      },
    );
  }
  const names = request.faults.map(parseFault);
  const progress = collecting(await openProgress(platform, flags));
  const home = resolve(platform.cwd, flags.out ?? DEFAULT_OUT);
  await clearHome(platform, home, progress);
  progress.wait({ what: 'the practice fleet to come up', ms: 10_000 });
  const stage = await platform.startPractice({ home, store: request.store, faults: [] });
  progress.wait(undefined);
  progress.note(
    `practice fleet is up in ${home}; replay store: ${stage.store}; window, nonce life and timeouts are shortened for practice`,
  );
  let stopped = false;
  try {
    const end = await onStage(platform, flags, stage, names, progress);
    stopped = end.verdict === 'stopped';
    if (!stopped) return end;
    const next = `rotctl resume --fleet ${stage.fleetFile}, or rotctl practice down --home ${home}`;
    return { ...end, summary: `${end.summary}; the practice fleet is left running`, next };
  } finally {
    // A drill that was stopped can be resumed by hand, as a rotation on any fleet.
    if (!stopped) await stage.close();
  }
}

/** A drill begins with a fleet of its own; the last one's folder is kept beside it. */
async function clearHome(platform: Platform, home: string, progress: Collecting): Promise<void> {
  if (!(await platform.exists(join(home, 'practice.json')))) return;
  const runs = await platform.attachPractice(home).then(
    () => true,
    () => false,
  );
  if (runs) {
    throw new RotctlError('PRACTICE_FAILED', `a practice fleet runs in ${home} already`, {
      hint: 'a drill that was killed leaves its fleet, so that its rotation can be resumed',
      next: `rotctl resume --fleet ${join(home, 'rotctl.yaml')}, or rotctl practice down --home ${home}`,
    });
  }
  progress.note(`the last drill's folder is now ${await platform.moveAside(home)}`);
}

async function onStage(
  platform: Platform,
  flags: GlobalFlags,
  stage: Stage,
  names: readonly { name: string; target: string | undefined }[],
  progress: Collecting,
): Promise<CommandEnd> {
  const fleet = await loadFleet(platform, { fleet: stage.fleetFile, fleetGiven: true });
  const runbook = await loadRunbook(platform, flags.runbook);
  const replicas = fleet.replicas.map((replica) => replica.name);
  const faults = names.map(({ name, target }): Planted => ({ name, target: target ?? replicas[FAULTY_INDEX] ?? '' }));
  const stranger = faults.find(({ target }) => !replicas.includes(target));
  if (stranger !== undefined)
    throw new RotctlError(
      'USAGE',
      `the practice fleet has no replica ${stranger.target}; it has ${replicas.join(', ')}`,
    );
  const session = await openSession(platform, { ledger: undefined }, fleet, runbook, { progress });
  const tools = drillTools(platform, session, stage, progress);
  const watch = new FaultWatch(tools);
  const base = { command: 'drill', fleet: fleet.name };
  try {
    const cutover = await playDrill(tools, watch, faults);
    return { ...base, ...(await endOf(platform, session, stage, watch.ends(), cutover)) };
  } catch (error) {
    if (!(error instanceof RotctlError)) throw error;
    return { ...base, ...(await brokenOff(platform, session, stage, watch.ends(), error)) };
  } finally {
    await session.close();
  }
}

function drillTools(platform: Platform, session: Session, stage: Stage, progress: Collecting): DrillTools {
  const { tools, probes } = session;
  const { fleet } = tools;
  const clients = fleet.clients.map((client) => client.id);
  const head = { rotation: `drill-${tools.runId}`, fleet: fleet.name, runbook: 'drill' };
  const search = new SecretSearch(platform, session, [dirname(fleet.file)]);
  const secrets = () => tools.readCurrent(clients);
  /** Outside a rotation every client has one secret: it stands for both generations, and only `current` is asked for. */
  const prover = async () =>
    tools.prover(new Map([...(await secrets())].map(([id, secret]) => [id, { current: secret, next: secret }])));
  let keeper: Awaited<ReturnType<typeof prover>> | undefined;
  return {
    stage,
    fleet,
    runId: tools.runId,
    version: tools.version,
    clock: tools.clock,
    progress,
    probes,
    operate: ({ command }) =>
      operate(tools, {
        command,
        wait: true,
        reinstate: false,
        reason: undefined,
        compromised: false,
        clients,
        brought: new Map(),
      }),
    seen: () => progress.take(),
    note: (kind, data) => noteInLedger(tools, head, kind, data),
    secrets,
    async burn() {
      keeper = await prover();
      await keeper.burn('stable');
    },
    async namespace() {
      const proven = await keeper?.prove({ proves: 'namespace' }, 'stable', []);
      return proven?.findings ?? [];
    },
    searchSecrets: () => search.run(),
  };
}

async function endOf(
  platform: Platform,
  session: Session,
  stage: Stage,
  faults: readonly FaultEnd[],
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
    result: resultOf(session, stage, card, cutover),
    text: textOf(session, stage, card),
    ...(good ? {} : { next: `rotctl scorecard --from-ledger ${session.ledger}` }),
  };
}

/** A drill that could not go on: what was seen until then is scored as it is. */
async function brokenOff(
  platform: Platform,
  session: Session,
  stage: Stage,
  faults: readonly FaultEnd[],
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
    result: resultOf(session, stage, card),
    text: textOf(session, stage, card),
    next: `rotctl ledger show --ledger ${session.ledger}`,
  };
}

function toResult({ check, ...fault }: FaultEnd): FaultResult {
  return check === null ? fault : { ...fault, check };
}

/** The drill's own part of the JSON result. */
function resultOf({ tools, ledger }: Session, stage: Stage, card: Scorecard, cutover?: FaultEnd): object {
  const { replay, file } = tools.fleet;
  return {
    store: stage.store,
    fleetFile: file,
    ledger,
    replay,
    ...(cutover === undefined ? {} : { cutover }),
    scorecard: scorecardDocument(card),
  };
}

function textOf({ tools }: Session, stage: Stage, card: Scorecard): string {
  const { maxAgeMs, nonceTtlMs, storeTimeoutMs } = tools.fleet.replay;
  const settings = [maxAgeMs, nonceTtlMs, storeTimeoutMs].map(formatDuration);
  return [
    renderScorecardText(card).trimEnd(),
    '',
    `replay store: ${stage.store}`,
    `shortened for practice: window ${settings[0]}, nonce life ${settings[1]}, store timeout ${settings[2]}`,
  ].join('\n');
}

/** Scores the drill from its ledger, and records the score there. */
async function recordedCard(platform: Platform, { tools }: Session): Promise<Scorecard> {
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
function checksOf(card: Scorecard): Finding[] {
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

function parseFault(text: string): { name: string; target: string | undefined } {
  const [name = '', target] = text.split('@');
  if (!DRILL_FAULTS.some((fault) => fault.name === name)) {
    throw new RotctlError(
      'USAGE',
      `no fault is called ${JSON.stringify(name)}; there are ${DRILL_FAULTS.map((fault) => fault.name).join(', ')}`,
      {
        next: 'rotctl drill --list-faults',
      },
    );
  }
  return { name, target };
}

function listFaults(): CommandEnd {
  const width = Math.max(...DRILL_FAULTS.map(({ name }) => name.length));
  return {
    command: 'drill',
    verdict: 'pass',
    summary: `${DRILL_FAULTS.length} faults can be planted`,
    result: { faults: DRILL_FAULTS },
    text: `${DRILL_FAULTS.map(({ name, does }) => `${name.padEnd(width)}  ${does}`).join('\n')}\n`,
  };
}
