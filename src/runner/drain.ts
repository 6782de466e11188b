import type { Fleet } from '../fleet/fleet.ts';
import type { RotatingGeneration } from '../machine/step.ts';
import { waitFor } from './wait.ts';
import type { World } from './world.ts';

/**
 * How long after its last use a signature may still arrive and be accepted, in milliseconds: the longest that a client
 * keeps a signed request at rest, or the age at which replicas stop accepting it, whichever is more.
 */
export function drainMs(fleet: Pick<Fleet, 'clients' | 'replay'>): number {
  const { maxAgeMs, clockErrorMs } = fleet.replay;
  return Math.max(...fleet.clients.map((client) => client.atRestMs), maxAgeMs + 2 * clockErrorMs);
}

/** Waits until nothing signed with the generation can be on its way any more. */
export async function drain(world: World, generation: RotatingGeneration): Promise<void> {
  await waitFor(world, `requests signed with ${generation} to drain`, drainMs(world.fleet));
}
