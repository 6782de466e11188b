import { RotctlError } from '../errors/rotctl-error.ts';
import type { Phase } from '../machine/phase.ts';
import { countClients } from './count-clients.ts';
import { FaultWatch } from './fault-watch.ts';
import { CUTOVER_FAULT } from './faults.ts';
import { playOutage } from './outage.ts';
import type { DrillTools, FaultEnd, Planted } from './tools.ts';

/** The parts of the scenario, in order; the drill's header announces them and the scorecard counts them. */
const DRILL_PARTS = ['rotation', 'failed-cutover', 'outage', 'hygiene'] as const;

/**
 * Plays the whole scenario: a rotation to its end, a second one whose cutover fails on one replica and is taken back,
 * an outage of the replay store, and a search for secrets.
 *
 * @param watch knows, also after a throw, what became of the planted faults
 * @returns what became of the fault that the scenario itself plants for the cutover
 *
 * @throws RotctlError of the part that failed without a planted fault to explain it
 */
export async function playDrill(tools: DrillTools, watch: FaultWatch, faults: readonly Planted[]): Promise<FaultEnd> {
  const { fleet, runId, version } = tools;
  await tools.note('header', {
    version,
    run: runId,
    fleetDigest: fleet.digest,
    environment: fleet.environment,
    scenario: 'whole-rotation',
    expects: [...DRILL_PARTS],
    faults: faults.map(({ name, target }) => ({ name, target })),
  });
  for (const fault of faults) await watch.plant(fault);
  tools.progress.part('a whole rotation: overlap, move the clients, retire, destroy');
  await reach(tools, watch, 'overlap', 'switched');
  await reach(tools, watch, 'retire', 'destroyed');
  tools.progress.part('a second rotation, whose cutover fails on one replica');
  const cutover = await failedCutover(tools);
  tools.progress.part('an outage of the replay store');
  await playOutage(tools, watch);
  tools.progress.part('a search for secrets');
  await countClients(tools);
  const { searched, where } = await tools.searchSecrets();
  await tools.note('evidence', {
    hygiene: { searched, found: where.length, where: [...where] },
    verdict: where.length === 0 ? 'pass' : 'fail',
  });
  return cutover;
}

/**
 * Gives a command until the rotation is in the wanted phase. A failure is accepted only while a planted fault explains
 * it: then that fault is lifted, and the rotation goes on the way its operator would go on.
 */
async function reach(tools: DrillTools, watch: FaultWatch, command: 'overlap' | 'retire', goal: Phase): Promise<void> {
  let next: 'overlap' | 'retire' | 'resume' = command;
  for (;;) {
    tools.seen();
    try {
      const { phase } = await tools.operate({ command: next });
      if (phase === goal) return;
      next = command;
    } catch (error) {
      const found = await watch.recover(tools.seen());
      if (found === 0 || !(error instanceof RotctlError)) throw error;
      next = afterFailure(error, command);
    }
  }
}

function afterFailure(error: RotctlError, command: 'overlap' | 'retire'): 'overlap' | 'retire' | 'resume' {
  switch (error.code) {
    case 'HELD':
    case 'FAILED_HELD':
    case 'ROLLBACK_UNVERIFIED':
      return 'resume';
    case 'PRECONDITION_FAILED':
    case 'ROLLED_BACK':
      return command;
    default:
      throw error;
  }
}

/** A second rotation whose cutover fails on the last replica: it must be noticed, taken back, and proven to be back. */
async function failedCutover(tools: DrillTools): Promise<FaultEnd> {
  const target = tools.fleet.replicas.at(-1)?.name ?? '';
  const watch = new FaultWatch(tools);
  await watch.plant({ name: CUTOVER_FAULT[tools.kind], target });
  tools.seen();
  try {
    await tools.operate({ command: 'overlap' });
  } catch (error) {
    if (!(error instanceof RotctlError) || error.code !== 'ROLLED_BACK') throw error;
    await watch.recover(tools.seen());
    const [end] = watch.ends();
    if (end?.recovered === true) return end;
    throw new RotctlError(
      'FAILED_HELD',
      `the cutover failed for another reason than the fault on ${target}: ${error.message}`,
      { cause: error },
    );
  }
  throw new RotctlError('FAILED_HELD', `a cutover that missed next on ${target} was not noticed`);
}
