import { RotctlError } from '../errors/rotctl-error.ts';
import type { Phase, Trigger } from '../machine/phase.ts';
import type { OnFailure, RotatingGeneration } from '../machine/step.ts';
import { type Goal, nextMove } from '../machine/way.ts';
import { passGates } from './gates.ts';
import type { Journal } from './journal.ts';
import { recordSnapshot } from './snapshot.ts';
import { runTask } from './task.ts';
import { checkpoint } from './wait.ts';
import type { TaskResult, World } from './world.ts';

/** What valid requests are signed with in each phase; what is about to be withdrawn is not used any more. */
export const SIGNED_WITH: Readonly<Record<Phase, readonly RotatingGeneration[]>> = {
  stable: ['current'],
  opening: ['current'],
  overlap: ['current', 'next'],
  moving: ['current', 'next'],
  switched: ['current', 'next'],
  retiring: ['next'],
  retired: ['next'],
  destroying: ['next'],
  destroyed: ['next'],
  widening: ['next'],
  returning: ['current'],
  closing: ['current'],
  'rolled-back': ['current'],
};

/** How a drive is to go. */
export interface DriveOptions {
  readonly goal: Goal;
  /** Wait at time gates instead of stopping there. */
  readonly wait: boolean;
  /** The operator's reason, where the way leads over a reinstatement. */
  readonly reason?: string;
  readonly enteredAt: Partial<Record<Phase, number>>;
  readonly touched: Set<string>;
}

/**
 * Drives a rotation to its goal: trigger by trigger, task by task.
 *
 * @throws RotctlError `HELD` when a step was not proven and everything was left as it is, `ROLLED_BACK` or
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
      const result = await runTask(world, journal, move.task, options.touched);
      if (result.result === 'failed')
        return giveWay(world, journal, options, sayFailure(result), result.task.step.onFailure);
    } else if (move.trigger === 'complete') {
      const hurt = await closePhase(world, journal, options);
      if (hurt !== undefined) return giveWay(world, journal, options, hurt, 'roll-back');
    } else {
      await passGates(world, journal, move.trigger, options.enteredAt, options.wait);
      await enter(world, journal, options, move.trigger);
    }
  }
}

/**
 * Records what traffic saw in a moving phase, and enters the resting phase that it leads to.
 *
 * @returns why not, when valid requests were hurt in it
 */
async function closePhase(world: World, journal: Journal, options: DriveOptions): Promise<string | undefined> {
  const { verdict, reason, sent, accepted, refused, faults, routes } = await world.traffic.report();
  const traffic = { sent, accepted, refused, faults, routes };
  await journal.note('evidence', { traffic, verdict, ...(reason === '' ? {} : { reason }) });
  if (verdict === 'fail') return `valid traffic in phase ${journal.rotation.phase}: ${reason}`;
  if (journal.rotation.phase === 'closing') await recordSnapshot(world, journal, [...world.pairs.keys()], 'after');
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

function sayFailure({ task, reason }: Extract<TaskResult, { result: 'failed' }>): string {
  return `${task.step.id} on ${task.targets.join(', ')}: ${reason}`;
}

/** After a failure: back by itself where no client's help is needed and the fleet's policy says so; else hold. */
async function giveWay(
  world: World,
  journal: Journal,
  options: DriveOptions,
  what: string,
  wish: OnFailure,
): Promise<void> {
  const { phase, told } = journal.rotation;
  const back =
    phase === 'opening' &&
    told.length === 0 &&
    wish === 'roll-back' &&
    world.fleet.policy.onFailedOverlap === 'roll-back';
  if (!back) throw new RotctlError(phase === 'closing' ? 'ROLLBACK_UNVERIFIED' : 'HELD', what);
  world.progress.note(`${what}; no client was told of next, so the change is taken back`);
  const wayBack: DriveOptions = { ...options, goal: 'rolled-back' };
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
