import { RotctlError } from '../errors/rotctl-error.ts';
import type { World } from './world.ts';

const LOOK_EVERY_MS = 250;

type Waiter = Pick<World, 'clock' | 'progress' | 'stop'>;

/** Throws `STOPPED` when the operator or the safety lever wants work to stop; called at safe points only. */
export async function checkpoint(world: Pick<World, 'stop'>): Promise<void> {
  const reason = await world.stop.reason();
  if (reason !== undefined) throw new RotctlError('STOPPED', reason);
}

/**
 * Waits for `ms` of monotonic time, shown with a countdown.
 *
 * @param what what is waited for, in words that complete "waiting for …"
 * @throws RotctlError `STOPPED` as soon as work is to stop
 */
export async function waitFor(world: Waiter, what: string, ms: number): Promise<void> {
  if (ms <= 0) return;
  const until = world.clock.monotonic() + ms;
  world.progress.wait({ what, ms });
  try {
    for (let left = ms; left > 0; left = until - world.clock.monotonic()) {
      await checkpoint(world);
      await world.clock.sleep(Math.min(left, LOOK_EVERY_MS), world.stop.signal).catch(() => checkpoint(world));
    }
  } finally {
    world.progress.wait(undefined);
  }
}
