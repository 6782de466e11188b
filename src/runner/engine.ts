import { RotctlError } from '../errors/rotctl-error.ts';
import type { Verdict } from '../errors/verdict.ts';
import { isForward, type Phase, type Trigger } from '../machine/phase.ts';
import type { OnFailure } from '../machine/step.ts';
import { type Goal, nextMove } from '../machine/way.ts';
import type { Journal } from './journal.ts';
import { SIGNED_WITH } from './signed-with.ts';
import { recordSnapshot } from './snapshot.ts';
import { runTask } from './task.ts';
import { passGates } from './time-gates.ts';
import { checkpoint } from './wait.ts';
import type { TaskResult, TrafficReport, World } from './world.ts';

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
    const move = nextMove(world.setting, journal.rotation, options.goal);
    if (move === undefined)
      throw new RotctlError('MOVE_REFUSED', `there is no way from ${journal.rotation.phase} to ${options.goal}`);
    if ('task' in move) {
      const result = await runTask(world, journal, move.task);
      if (result.result === 'failed') return giveWay(world, journal, options, failureOf(result));
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
  if (phase === 'closing') await recordSnapshot(world, journal, 'after');
  await enter(world, journal, options, 'complete');
  return undefined;
}

/** Pulls a trigger: records it with the goal, and lets traffic sign with what the new phase allows. */
export async function enter(world: World, journal: Journal, options: DriveOptions, trigger: Trigger): Promise<void> {
  const reason = trigger === 'reinstate' && options.reason !== undefined ? { reason: options.reason } : {};
  await journal.apply({ kind: 'trigger', trigger }, { goal: options.goal, ...reason });
  const { phase } = journal.rotation;
  options.enteredAt[phase] = world.clock.now();
  world.progress.phase(phase);
  await world.traffic.sign(SIGNED_WITH[phase]);
}

function failureOf({ task, reason, verdict }: Extract<TaskResult, { result: 'failed' }>): Failure {
  const what = `${task.step.id} on ${task.targets.join(', ')}: ${reason}`;
  return { what, verdict, wish: task.step.onFailure };
}

/** After a failure: back by itself where no client's help is needed and the fleet's policy says so; else hold. */
async function giveWay(world: World, journal: Journal, options: DriveOptions, failure: Failure): Promise<void> {
  const { phase, told } = journal.rotation;
  const { what, verdict, wish } = failure;
  const mayGoBack = phase === 'opening' && told.length === 0 && wish === 'roll-back';
  if (!mayGoBack || world.fleet.policy.onFailedOverlap !== 'roll-back') {
    if (phase === 'closing') throw new RotctlError('ROLLBACK_UNVERIFIED', what);
    throw new RotctlError(verdict === 'fail' ? 'FAILED_HELD' : 'HELD', what);
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
  throw new RotctlError('ROLLED_BACK', what);
}
