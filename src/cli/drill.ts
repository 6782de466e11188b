import { join, resolve } from 'node:path';
import { FaultWatch } from '../drill/fault-watch.ts';
import { DRILL_FAULTS, DRILL_KINDS, drillKindOf, parseFault, type TypedFault } from '../drill/faults.ts';
import { readLimits } from '../drill/game-day/limits.ts';
import { playDrill } from '../drill/play.ts';
import type { Stage } from '../drill/stage.ts';
import type { Planted } from '../drill/tools.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Runbook } from '../runbook/runbook.ts';
import { requireCarriedOut } from '../runner/carried-out.ts';
import { type Collecting, collecting } from '../runner/collect.ts';
import { requireSafe } from '../runner/operate.ts';
import { UnsafeRunbook } from '../runner/safety.ts';
import { brokenEnd, type DrillEnd, playedEnd } from './drill-end.ts';
import type { FleetDrillRequest } from './drill-fleet.ts';
import { drillTools } from './drill-tools.ts';
import { loadFleet, runbookFor } from './load.ts';
import type { Platform, PracticeStore } from './platform.ts';
import { openProgress } from './progress.ts';
import { wouldDo } from './rehearsed.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';
import { openSession } from './session.ts';
import { unsafeEnd } from './unsafe-end.ts';

/** What was typed for `drill`. */
export interface DrillRequest extends FleetDrillRequest {
  /** `NAME` or `NAME@REPLICA`. */
  readonly faults: readonly string[];
  readonly listFaults: boolean;
  readonly store: PracticeStore;
  /** On the fleet that was typed, in place of a practice fleet. */
  readonly fleetGiven: boolean;
}

const DEFAULT_OUT = 'drill-out';
/** A fault that is planted without naming a replica goes to the second one: neither first nor last in any roll. */
const FAULTY_INDEX = 1;

/** Says what a drill would do. @throws RotctlError `USAGE` for faults that there are not, and as `loadRunbook` */
export async function rehearseDrill(
  platform: Platform,
  flags: GlobalFlags,
  request: DrillRequest,
): Promise<CommandEnd> {
  if (request.listFaults) return listFaults(platform, flags);
  refuseMixture(request);
  if (request.fleetGiven) return (await import('./drill-fleet.ts')).rehearseFleetDrill(platform, flags, request);
  const runbook = await runbookFor(platform, flags);
  requireCarriedOut(runbook);
  const names = request.faults.map((fault) => parseFault(fault, [drillKindOf(runbook)]));
  const home = resolve(platform.cwd, flags.out ?? DEFAULT_OUT);
  return wouldDo('drill', [
    `start a practice fleet in ${home}, with processes of its own, and end it afterwards`,
    `play a whole rotation by runbook ${runbook.name}, a second one that fails and is taken back, and an outage of the store`,
    ...names.map(
      ({ name, target }) =>
        `plant fault ${name}${target === undefined ? '' : ` on ${target}`}, and look whether it is found`,
    ),
    'write the ledger, the fleet file and the scorecard there',
  ]);
}

/** Rehearses a whole rotation on a practice fleet that is started for it, and ends with the scorecard. */
export async function drill(platform: Platform, flags: GlobalFlags, request: DrillRequest): Promise<CommandEnd> {
  if (request.listFaults) return listFaults(platform, flags);
  refuseMixture(request);
  if (request.fleetGiven) return (await import('./drill-fleet.ts')).drillFleet(platform, flags, request);
  const runbook = await runbookFor(platform, flags);
  requireCarriedOut(runbook);
  const names = request.faults.map((fault) => parseFault(fault, [drillKindOf(runbook)]));
  // The scorecard needs them at the end: a wrong one is refused before anything is played.
  readLimits({ environment: platform.env, flags: {} });
  const progress = collecting(await openProgress(platform, flags));
  const home = resolve(platform.cwd, flags.out ?? DEFAULT_OUT);
  await clearHome(platform, home, progress);
  progress.wait({ what: 'the practice fleet to come up', ms: 10_000 });
  const stage = await platform.startPractice({
    home,
    store: request.store,
    protocol: runbook.protocol,
    faults: [],
  });
  progress.wait(undefined);
  progress.note(
    `practice fleet is up in ${home}; replay store: ${stage.store}; window, nonce life and timeouts are shortened for practice`,
  );
  let stopped = false;
  try {
    const end = await onStage(platform, stage, runbook, names, progress).catch(async (error) => {
      if (!(error instanceof UnsafeRunbook)) throw error;
      return unsafeDrill(platform, flags, error);
    });
    stopped = end.verdict === 'stopped';
    if (!stopped) return end;
    const next = `rotctl resume --fleet ${stage.fleetFile}, or rotctl practice down --home ${home}`;
    return { ...end, summary: `${end.summary}; the practice fleet is left running`, next };
  } finally {
    // A drill that was stopped can be resumed by hand, as a rotation on any fleet.
    if (!stopped) await stage.close();
  }
}

/** @throws RotctlError `USAGE` for flags that belong to the other of the two kinds of drill */
function refuseMixture({ fleetGiven, faults, store, allowProduction, confirm }: DrillRequest): void {
  if (fleetGiven && faults.length > 0) {
    throw new RotctlError('USAGE', '--fault breaks a replica on purpose, which is done to practice fleets alone', {
      hint: 'leave --fault out to rehearse on your fleet, or --fleet out to have faults planted in a practice fleet',
    });
  }
  if (fleetGiven && store !== 'auto')
    throw new RotctlError(
      'USAGE',
      '--store is for the practice fleet; the fleet that --fleet names has a store of its own',
    );
  if (!fleetGiven && (allowProduction || confirm !== undefined)) {
    throw new RotctlError(
      'USAGE',
      '--allow-production and --confirm are for a drill on your own fleet, and none is named',
      {
        hint: 'name it with --fleet FILE; ROTCTL_FLEET and a rotctl.yaml here do not count, so that no drill begins on a fleet by mistake',
      },
    );
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
  stage: Stage,
  runbook: Runbook,
  names: readonly TypedFault[],
  progress: Collecting,
): Promise<CommandEnd> {
  const fleet = await loadFleet(platform, { fleet: stage.fleetFile, fleetGiven: true });
  const replicas = fleet.replicas.map((replica) => replica.name);
  const faults = names.map(({ name, target }): Planted => ({ name, target: target ?? replicas[FAULTY_INDEX] ?? '' }));
  const stranger = faults.find(({ target }) => !replicas.includes(target));
  if (stranger !== undefined)
    throw new RotctlError(
      'USAGE',
      `the practice fleet has no replica ${stranger.target}; it has ${replicas.join(', ')}`,
    );
  const session = await openSession(platform, { ledger: undefined }, fleet, runbook, { progress });
  try {
    const clients = fleet.clients.map(({ id }) => id);
    const safety = await requireSafe(session.tools, { clients, compromised: false });
    return {
      command: 'drill',
      fleet: fleet.name,
      ...(await played({ platform, session, stage, safety }, faults, progress)),
    };
  } finally {
    await session.close();
  }
}

async function played(
  stand: Omit<DrillEnd, 'faults'>,
  faults: readonly Planted[],
  progress: Collecting,
): Promise<Omit<CommandEnd, 'command'>> {
  const tools = drillTools(stand.platform, stand.session, stand.stage, progress);
  const watch = new FaultWatch(tools);
  try {
    const cutover = await playDrill(tools, watch, faults);
    return await playedEnd({ ...stand, faults: watch.ends() }, cutover);
  } catch (error) {
    if (!(error instanceof RotctlError)) throw error;
    return await brokenEnd({ ...stand, faults: watch.ends() }, error);
  }
}

async function unsafeDrill(platform: Platform, flags: GlobalFlags, error: UnsafeRunbook): Promise<CommandEnd> {
  const shown = await unsafeEnd(platform, flags, error);
  return { command: 'drill', verdict: 'fail', summary: error.message, error, ...shown };
}

/** Lists the faults of the drill that was named, or of all. */
async function listFaults(platform: Platform, flags: GlobalFlags): Promise<CommandEnd> {
  const isNamed = flags.runbook !== undefined || flags.material !== undefined;
  const kinds = isNamed ? [drillKindOf(await runbookFor(platform, flags))] : DRILL_KINDS;
  const lists = kinds.map((kind) => ({ kind, faults: DRILL_FAULTS[kind] })).filter(({ faults }) => faults.length > 0);
  const all = lists.flatMap(({ faults }) => faults);
  const width = Math.max(...all.map(({ name: fault }) => fault.length));
  const lines = lists.flatMap(({ kind, faults }, index) => [
    ...(index === 0 ? [] : ['']),
    `${kind}:`,
    ...faults.map((fault) => `  ${fault.name.padEnd(width)}  ${fault.does}`),
  ]);
  return {
    command: 'drill',
    verdict: 'pass',
    summary: `${all.length} faults can be planted`,
    result: { faults: lists.flatMap(({ kind, faults }) => faults.map((fault) => ({ ...fault, kind }))) },
    text: `${lines.join('\n')}\n`,
  };
}
