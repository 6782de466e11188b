import { RotctlError } from '../errors/rotctl-error.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Trigger } from '../machine/phase.ts';
import type { History } from './history.ts';
import { isOpen } from './history.ts';
import type { Journal } from './journal.ts';
import type { Tools } from './tools.ts';
import { waitFor } from './wait.ts';
import { hasWindows, type Standing, standingAt } from './windows.ts';
import type { World } from './world.ts';

/** Moves that policy may put off. Going back is never among them. */
const PUT_OFF: readonly Trigger[] = ['overlap', 'move-clients', 'retire', 'destroy'];
/** What is typed to go on with each. */
const AGAIN: Readonly<Partial<Record<Trigger, string>>> = { retire: 'rotctl retire', destroy: 'rotctl retire' };

/** Whether the fleet's policy lets work begin at a moment, and otherwise from when on. */
export async function standingOf({ policy }: Pick<Fleet, 'policy'>, now: number): Promise<Standing> {
  if (!hasWindows(policy.windows)) return { free: true };
  const { loadZoneTime } = await import('./zone-time.ts');
  return standingAt(policy.windows, now, await loadZoneTime());
}

/** When the next free time is, in words. */
export function sayFree(standing: Extract<Standing, { free: false }>): string {
  const { at, why } = standing;
  return at === undefined ? `${why}; there is no free time within a year` : `${why}; free from ${utc(at)}`;
}

/** What of an order bears on its time. */
interface Timed {
  readonly command: 'overlap' | 'retire' | 'rollback' | 'resume';
  readonly wait: boolean;
  readonly compromised: boolean;
}

/**
 * Sees to it that a command begins in a free time, before it takes the lock. A rollback always may, and so may whatever
 * goes on with one, and a rotation of a compromised secret.
 *
 * @throws RotctlError `PRECONDITION_FAILED` where no rotation is open, `GATE_WAITING` where one is, both with the earliest time
 */
export async function requireFreeTime(
  tools: Pick<Tools, 'fleet' | 'clock' | 'progress' | 'stop'>,
  { command, wait, compromised }: Timed,
  history: History | undefined,
): Promise<void> {
  const open = isOpen(history) ? history : undefined;
  if (command === 'rollback' || (open === undefined && command !== 'overlap')) return;
  if (open !== undefined && command === 'resume' && (isGoingBack(open) || open.rotation.phase === open.goal)) return;
  const standing = await standingOf(tools.fleet, tools.clock.now());
  if (standing.free) return;
  if (compromised || open?.rotation.compromised === true) {
    tools.progress.note(`the policy would have it wait (${sayFree(standing)}); a compromised secret does not`);
    return;
  }
  if (wait && standing.at !== undefined) {
    await waitFor(tools, `a free time (${standing.why})`, standing.at - tools.clock.now());
    return;
  }
  const code = open === undefined ? 'PRECONDITION_FAILED' : 'GATE_WAITING';
  throw new RotctlError(
    code,
    `policy: ${command} has to wait: ${sayFree(standing)}`,
    nextOf(`rotctl ${command}`, standing),
  );
}

/**
 * The policy's gate before a trigger, on the record.
 *
 * @throws RotctlError `GATE_WAITING` with the earliest time, unless it is to be waited for
 */
export async function passWindow(world: World, journal: Journal, trigger: Trigger, wait: boolean): Promise<void> {
  if (!PUT_OFF.includes(trigger) || journal.rotation.compromised || !hasWindows(world.fleet.policy.windows)) return;
  const now = world.clock.now();
  const standing = await standingOf(world.fleet, now);
  const put = standing.free
    ? {}
    : { why: standing.why, earliest: standing.at === undefined ? 'none' : utc(standing.at) };
  await journal.note('gate', { gate: 'window', trigger, ...put, verdict: standing.free ? 'pass' : 'unknown' });
  if (standing.free) return;
  if (wait && standing.at !== undefined) return waitFor(world, `a free time (${standing.why})`, standing.at - now);
  const command = AGAIN[trigger] ?? 'rotctl overlap';
  throw new RotctlError(
    'GATE_WAITING',
    `policy: ${trigger} has to wait: ${sayFree(standing)}`,
    nextOf(command, standing),
  );
}

function isGoingBack({ goal, rotation: { phase } }: History): boolean {
  return goal === 'rolled-back' || phase === 'returning' || phase === 'closing' || phase === 'widening';
}

function nextOf(command: string, { at }: Extract<Standing, { free: false }>): { next: string; hint: string } {
  const hint =
    at === undefined
      ? 'change policy.blockedWindows or policy.allowedWindows, which leave no free time'
      : `run the command again from ${utc(at)} on, or add --wait to have it wait`;
  return { next: command, hint };
}

function utc(at: number): string {
  return new Date(at).toISOString().replace('.000Z', 'Z');
}
