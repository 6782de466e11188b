import { RotctlError } from '../errors/rotctl-error.ts';
import type { Phase } from '../machine/phase.ts';
import type { Task } from '../machine/roll.ts';
import { hintFor, pinChanges, sayPinChanges } from './enumeration.ts';
import type { Journal } from './journal.ts';
import type { World } from './world.ts';

/** Phases whose changes cannot simply be left: clients move, `current` is withdrawn or destroyed, `next` is withdrawn. */
const IRREVERSIBLE: readonly Phase[] = ['moving', 'retiring', 'destroying', 'returning', 'closing'];

/**
 * Before a change that cannot simply be undone: looks again which replicas there are, and where. What was proven holds for
 * those that were asked, and for no other.
 *
 * @throws RotctlError `HELD`, naming each replica that is new, missing or elsewhere
 */
export async function requireSamePlaces(world: World, journal: Journal, { step }: Task): Promise<void> {
  const { pins } = world.fleet;
  if (pins.length === 0 || step.effects.length === 0 || !IRREVERSIBLE.includes(step.phase)) return;
  const found = await look(world);
  if (found === undefined) return;
  const { reason, hint } = found;
  await journal.note('evidence', { proof: 'replicas', verdict: 'unknown', reason });
  throw new RotctlError('HELD', `before ${step.id}: ${reason}`, { hint });
}

async function look({
  fleet,
  enumerate,
}: World): Promise<{ readonly reason: string; readonly hint: string } | undefined> {
  try {
    const changes = pinChanges(fleet.pins, await enumerate());
    return changes.length === 0 ? undefined : { reason: sayPinChanges(changes), hint: hintFor(changes) };
  } catch (error) {
    if (!(error instanceof RotctlError)) throw error;
    return { reason: `which replicas there are could not be told: ${error.message}`, hint: error.hint };
  }
}
