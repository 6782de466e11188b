import { RotctlError } from '../errors/rotctl-error.ts';
import { isForward, isMoving, type Phase } from '../machine/phase.ts';
import type { Journal } from './journal.ts';
import type { World } from './world.ts';

/** What others are told of. */
export interface Announcement {
  readonly event: 'before' | 'after' | 'held' | 'rolled-back' | 'incident';
  readonly phase: Phase;
  /** What happened, in words; absent where the phase says it. */
  readonly what?: string;
}

/** What each end of a command is told as. */
const EVENTS: Readonly<Partial<Record<RotctlError['code'], Announcement['event']>>> = {
  HELD: 'held',
  FAILED_HELD: 'held',
  GATE_WAITING: 'held',
  ROLLED_BACK: 'rolled-back',
  ROLLBACK_UNVERIFIED: 'incident',
  PROBE_NOT_INERT: 'incident',
};

type Telling = Pick<World, 'fleet' | 'clock' | 'progress' | 'announce'>;

/**
 * Tells others, by the fleet's own command, and writes down whether that worked.
 *
 * @throws RotctlError `HELD` before a phase on the way forward, where the fleet wants it told and it could not be
 */
export async function announce(world: Telling, journal: Journal, { event, phase, what }: Announcement): Promise<void> {
  const { fleet, clock, progress } = world;
  if (fleet.announce === undefined || world.announce === undefined) return;
  const failed = await world.announce({
    schema: 'rotctl.announcement.v1',
    event,
    fleet: fleet.name,
    environment: fleet.environment,
    rotation: journal.id,
    phase,
    at: new Date(clock.now()).toISOString(),
    ...(what === undefined ? {} : { what }),
  });
  const reason = failed === undefined ? {} : { reason: failed };
  await journal.note('gate', {
    gate: 'announce',
    event,
    of: phase,
    ...reason,
    verdict: failed === undefined ? 'pass' : 'unknown',
  });
  if (failed === undefined) return;
  progress.note(`announce: ${failed}`);
  if (!fleet.announce.required || event !== 'before' || !isMoving(phase) || !isForward(phase)) return;
  throw new RotctlError('HELD', `${phase} could not be announced (${failed}), and announce.required is true`, {
    hint: 'mend the announce command, or set announce.required to false; then `rotctl resume`',
  });
}

/** Tells others how a command ended that did not end well. Never throws for what the command does. */
export async function announceEnd(world: Telling, journal: Journal, error: unknown): Promise<void> {
  if (!(error instanceof RotctlError)) return;
  const event = EVENTS[error.code];
  if (event !== undefined)
    await announce(world, journal, { event, phase: journal.rotation.phase, what: error.message });
}
