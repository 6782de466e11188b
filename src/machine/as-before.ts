import type { Scheme } from './scheme.ts';
import type { Beginning, Effect, Inventory, Step } from './step.ts';

const AT_FIRST: Beginning = { strict: false, keyIds: 'default' };

/** How the fleet of an inventory stands when the rotation begins. */
export function beginningOf({ beginning = AT_FIRST }: Inventory): Beginning {
  return beginning;
}

/** How fleets of a scheme may begin. Gates alone have key ids to differ in, and to enforce; those are then own ones. */
export function beginningsOf(scheme: Scheme): readonly Beginning[] {
  if (scheme !== 'gate') return [AT_FIRST];
  return [AT_FIRST, { strict: false, keyIds: 'own' }, { strict: true, keyIds: 'own' }];
}

/** A step in which every setting that is to be `as-before` has the value that the rotation began with. */
export function resolved(step: Step, inventory: Inventory): Step {
  if (!step.effects.some(restoresAny)) return step;
  return { ...step, effects: step.effects.map((effect) => resolvedEffect(effect, beginningOf(inventory))) };
}

function restoresAny(effect: Effect): boolean {
  return 'restores' in effect && effect.restores !== undefined;
}

function resolvedEffect(effect: Effect, beginning: Beginning): Effect {
  if (!('restores' in effect) || effect.restores === undefined) return effect;
  const before = Object.fromEntries(effect.restores.map((setting) => [setting, beginning[setting]]));
  return { ...effect, set: { ...effect.set, ...before } } as Effect;
}
