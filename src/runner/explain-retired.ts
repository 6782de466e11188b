import type { Phase } from '../machine/phase.ts';
import type { RotatingGeneration } from '../machine/step.ts';
import type { Explained } from './explain-overlap.ts';
import type { World } from './world.ts';

/** The phases in which a generation is taken away, and which; in the others replicas that were changed accept both. */
export const TAKEN_AWAY: Readonly<Partial<Record<Phase, RotatingGeneration>>> = {
  retiring: 'current',
  destroying: 'current',
  closing: 'next',
};

/**
 * Which replica still accepts a secret that was taken away, what can be behind that, and what to look at. Not of gates,
 * whose answers depend on key ids as well: their rounds name the id under which it was accepted.
 */
export async function explainRetired(
  { fleet, prover }: Pick<World, 'fleet' | 'prover'>,
  phase: Phase,
  targets: readonly string[],
): Promise<Explained | undefined> {
  const gone = TAKEN_AWAY[phase];
  if (gone === undefined || fleet.protocol === 'gate-v1') return undefined;
  for (const { name } of fleet.replicas.filter((replica) => targets.includes(replica.name))) {
    const keeping = (await prover.sighted(name)).find(({ answers }) => answers[gone] === 'ACCEPTED');
    if (keeping === undefined) continue;
    return {
      seen: `${name} still accepts ${gone} of ${keeping.client}, which was taken away: it has not loaded its configuration, keeps secrets in a memory of its own, or a process of before answers beside the new one`,
      hint: `see whether the commands of ${name} made it read the file, that it caches no secret, and that no second process listens at its address`,
    };
  }
  return undefined;
}
