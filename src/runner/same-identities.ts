import { RotctlError } from '../errors/rotctl-error.ts';
import { isForward } from '../machine/phase.ts';
import type { IdentityChange } from '../probe/identity-watch.ts';
import type { Journal } from './journal.ts';
import type { World } from './world.ts';

const SHOWN = 12;

/**
 * Whether the replicas are still who they were: another certificate, or another process that nobody restarted for us, is
 * recorded, and on the way forward work stops there, because what was proven was proven of the other. The record is what the
 * next command begins with, so that it goes on with the replicas as they are then, and asks them again.
 *
 * @throws RotctlError `HELD`, naming each
 */
export async function requireSameIdentities(world: World, journal: Journal): Promise<void> {
  const changes = world.identities?.take() ?? [];
  if (changes.length === 0) return;
  const reason = changes.map(sayChange).join('; ');
  const certificates = Object.fromEntries(
    changes.flatMap(({ replica, what, is }) => (what === 'certificate' ? [[replica, is]] : [])),
  );
  await journal.note('evidence', { proof: 'identity', verdict: 'unknown', reason, certificates });
  if (!isForward(journal.rotation.phase)) {
    world.progress.note(reason);
    return;
  }
  const hint =
    'find out what restarted or replaced it; `rotctl resume` goes on with it as it is, and `rotctl check` looks at it';
  throw new RotctlError('HELD', reason, { hint });
}

function sayChange({ replica, what, was, is }: IdentityChange): string {
  if (what === 'certificate') {
    return `${replica} shows another certificate than before (${is.slice(0, SHOWN)}, was ${was.slice(0, SHOWN)}), and rotctl changed none`;
  }
  return `${replica} answers as another process than before (${is.slice(0, 40)}, was ${was.slice(0, 40)}), and rotctl did not restart it`;
}
