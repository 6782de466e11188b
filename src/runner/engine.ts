import { RotctlError } from '../errors/rotctl-error.ts';
import type { Verdict } from '../errors/verdict.ts';
import { isForward, type Phase, TRANSITIONS, type Trigger } from '../machine/phase.ts';
import type { OnFailure } from '../machine/step.ts';
import { type Goal, nextMove } from '../machine/way.ts';
import { announce } from './announce.ts';
import type { Journal } from './journal.ts';
import { requireSameIdentities } from './same-identities.ts';
import { requireSamePlaces } from './same-replicas.ts';
import { SIGNED_WITH } from './signed-with.ts';
import { recordSnapshot } from './snapshot.ts';
import { lookForSpike, recordProof, runTask } from './task.ts';
import { passGates } from './time-gates.ts';
import { checkpoint } from './wait.ts';
import type { TaskResult, TrafficReport, Waiting, World } from './world.ts';

/** How a drive is to go. */
export interface DriveOptions {
  readonly goal: Goal;
  /** Wait at time gates instead of stopping there. */
  readonly wait: boolean;
  /** The operator's reason, where the way leads over a reinstatement. */
  readonly reason?: string;
  readonly enteredAt: Partial<Record<Phase, number>>;
}

/**
 * Drives a rotation to its goal: trigger by trigger, task by task.
 *
 * @throws RotctlError `HELD` (or `FAILED_HELD`) when a step was not proven (or proven to have failed) and everything was left as it is, `ROLLED_BACK` or
 *   `ROLLBACK_UNVERIFIED` when the drive went back by itself, `STOPPED`, `GATE_WAITING`, `MOVE_REFUSED`
 */
export async function drive(world: World, journal: Journal, options: DriveOptions): Promise<void> {
  await world.traffic.sign(SIGNED_WITH[journal.rotation.phase]);
  while (journal.rotation.phase !== options.goal) {
    await checkpoint(world);
    await requireSameIdentities(world, journal);
    const move = nextMove(world.setting, journal.rotation, options.goal);
    if (move === undefined)
      throw new RotctlError('MOVE_REFUSED', `there is no way from ${journal.rotation.phase} to ${options.goal}`);
    if ('task' in move) {
      await requireSamePlaces(world, journal, move.task);
      const result = await runTask(world, journal, move.task);
      if (result.result === 'failed') {
        if (result.waiting !== undefined) throw awaited(result.waiting, result.reason);
        return giveWay(world, journal, options, failureOf(result));
      }
    } else if (move.trigger === 'complete') {
      const hurt = await closePhase(world, journal, options);
      if (hurt !== undefined) return giveWay(world, journal, options, hurt);
    } else {
      await passGates(world, journal, move.trigger, options.enteredAt, options.wait);
      await enter(world, journal, options, move.trigger);
    }
  }
}

/** What went wrong, whether that is proven, and what the step asks for then. */
interface Failure {
  readonly what: string;
  readonly verdict: Verdict;
  readonly wish: OnFailure;
  /** Whether a replica refuses valid requests for as long as it is left as it is. */
  readonly lockOut?: boolean;
  /** What to do about it, where more is known than what went wrong. */
  readonly hint?: string;
  /** Whether refused signatures spiked, for which the fleet has a policy of its own. */
  readonly spike?: boolean;
}

/** Records what traffic saw since the last record. */
async function recordTraffic(world: World, journal: Journal): Promise<TrafficReport> {
  const report = await world.traffic.report();
  const { verdict, reason, sent, accepted, refused, faults, routes } = report;
  const traffic = { sent, accepted, refused, faults, routes };
  await journal.note('evidence', { traffic, verdict, ...(reason === '' ? {} : { reason }) });
  return report;
}

/**
 * Enters the resting phase that a moving phase leads to, its steps being done.
 *
 * @returns why not, when valid requests were hurt on the way forward
 */
async function closePhase(world: World, journal: Journal, options: DriveOptions): Promise<Failure | undefined> {
  const { phase } = journal.rotation;
  const { verdict, reason } = await recordTraffic(world, journal);
  if (verdict === 'fail' && isForward(phase)) {
    return { what: `valid traffic in phase ${phase}: ${reason}`, verdict, wish: 'roll-back' };
  }
  if (isForward(phase)) {
    const { spike, verdict: quiet, reason: why } = await lookForSpike(world, journal, []);
    if (quiet !== 'pass') return { what: `the logs in phase ${phase}: ${why}`, verdict: quiet, wish: 'hold', spike };
  }
  const closed = await world.prover.closes?.(phase);
  if (closed !== undefined) {
    await recordProof(world, journal, { proof: 'closes' }, closed);
    if (closed.verdict !== 'pass') {
      return { what: `at the end of phase ${phase}: ${closed.reason}`, verdict: closed.verdict, wish: 'hold' };
    }
  }
  if (phase === 'closing') await recordSnapshot(world, journal, 'after');
  // Before the end of the phase is recorded: a command after a crash in between comes by here once more.
  await world.prover.forget?.(phase);
  await enter(world, journal, options, 'complete');
  return undefined;
}

/** Pulls a trigger: records it with the goal, and lets traffic sign with what the new phase allows. */
export async function enter(world: World, journal: Journal, options: DriveOptions, trigger: Trigger): Promise<void> {
  const from = journal.rotation.phase;
  const to = TRANSITIONS[from][trigger];
  if (trigger !== 'complete' && to !== undefined) await announce(world, journal, { event: 'before', phase: to });
  const reason = trigger === 'reinstate' && options.reason !== undefined ? { reason: options.reason } : {};
  await journal.apply({ kind: 'trigger', trigger }, { goal: options.goal, ...reason });
  const { phase } = journal.rotation;
  options.enteredAt[phase] = world.clock.now();
  world.progress.phase(phase);
  await world.settleOwn?.(phase);
  await world.traffic.sign(SIGNED_WITH[phase]);
  if (trigger === 'complete') await announce(world, journal, { event: 'after', phase: from });
}

function failureOf(failed: Extract<TaskResult, { result: 'failed' }>): Failure {
  const { task, reason, verdict, lockedOut, hint, spike = false } = failed;
  const { id, onFailure } = task.step;
  const what = `${id} on ${task.targets.join(', ')}: ${reason}`;
  return {
    what,
    verdict,
    wish: onFailure,
    lockOut: lockedOut.length > 0,
    spike,
    ...(hint === undefined ? {} : { hint }),
  };
}

/** Nothing is wrong, and somebody else has to act before it can go on. */
function awaited({ next }: Waiting, reason: string): RotctlError {
  return new RotctlError('GATE_WAITING', reason, { next });
}

/** What is left to do in a phase that nothing but going on leads out of. */
function noWayBack(phase: Phase): string {
  return `mend what the report names, then \`rotctl resume\`: nothing else leads out of phase ${phase}`;
}

/**
 * After a failure: back by itself where no client's help is needed and the fleet's policy says so, or where a replica
 * refuses valid requests for as long as it is left as it is; else hold.
 */
async function giveWay(world: World, journal: Journal, options: DriveOptions, failure: Failure): Promise<void> {
  const { phase, told } = journal.rotation;
  const { what, verdict, wish, lockOut = false, spike = false } = failure;
  const { onSpike, onFailedOverlap } = world.fleet.policy;
  const hint = failure.hint ?? (TRANSITIONS[phase].rollback === undefined ? noWayBack(phase) : undefined);
  const details = hint === undefined ? {} : { hint };
  const wanted = spike ? onSpike === 'roll-back' : wish === 'roll-back' && onFailedOverlap === 'roll-back';
  if (phase !== 'opening' || told.length > 0 || !(wanted || lockOut)) {
    if (phase === 'closing') throw new RotctlError('ROLLBACK_UNVERIFIED', what);
    throw new RotctlError(verdict === 'fail' ? 'FAILED_HELD' : 'HELD', what, details);
  }
  world.progress.note(`${what}; no client was told of next, so the change is taken back`);
  const wayBack: DriveOptions = { ...options, goal: 'rolled-back' };
  await recordTraffic(world, journal);
  await enter(world, journal, wayBack, 'rollback');
  try {
    await drive(world, journal, wayBack);
  } catch (error) {
    if (error instanceof RotctlError && error.code === 'STOPPED') throw error;
    throw new RotctlError(
      'ROLLBACK_UNVERIFIED',
      `${what}; taking it back: ${error instanceof Error ? error.message : 'failed'}`,
      { cause: error },
    );
  }
  throw new RotctlError('ROLLED_BACK', what, details);
}
