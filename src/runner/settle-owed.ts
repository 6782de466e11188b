import { RotctlError } from '../errors/rotctl-error.ts';
import type { Journal } from './journal.ts';
import type { Owed } from './owed.ts';
import { recordProof } from './task.ts';
import { waitFor } from './wait.ts';
import type { World } from './world.ts';

/** How often checks that could not be told are taken again, each time when the life of their nonces is over anew. */
const AGAIN = 1;

/**
 * Finishes the replay checks that had to wait for a nonce's life to end: those that are due, and with `wait` the others
 * too, after a countdown.
 *
 * @throws RotctlError `HELD` when a check fails or cannot be told; it stays owed
 */
export async function settleOwed(
  world: Pick<World, 'clock' | 'progress' | 'stop'> & { readonly prover: Pick<World['prover'], 'anew' | 'settle'> },
  journal: Journal,
  owed: readonly Owed[],
  wait: boolean,
): Promise<void> {
  let open = owed;
  for (let turn = 0; ; turn += 1) {
    if (wait && open.length > 0) {
      const latest = Math.max(...open.map((check) => check.dueAt));
      await waitFor(world, 'burned nonces to end their life, to be used once more', latest - world.clock.now());
    }
    const due = open.filter((check) => check.dueAt <= world.clock.now());
    if (due.length === 0) return;
    // A kill may come when the nonces are used and nobody has recorded it: they are owed anew from here on.
    await journal.note('evidence', { proof: 'after-ttl', owed: world.prover.anew(due).map((check) => ({ ...check })) });
    const proven = await world.prover.settle(due, journal.rotation.phase);
    const settled = proven.verdict === 'pass' ? due.map((check) => check.nonce) : [];
    await recordProof(world, journal, { proof: 'after-ttl', settled }, proven);
    if (proven.verdict === 'pass') return;
    open = proven.owed;
    if (proven.verdict === 'unknown' && wait && turn < AGAIN) continue;
    const code = proven.verdict === 'fail' ? 'FAILED_HELD' : 'HELD';
    throw new RotctlError(code, `reuse of a nonce after its life: ${proven.reason}`);
  }
}
