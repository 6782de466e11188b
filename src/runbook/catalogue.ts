import type { Action, Effect, TargetKind } from '../machine/step.ts';

/** What an action may be applied to, and which effects it must declare there. */
interface CatalogueEntry {
  readonly means: string;
  readonly on: readonly {
    readonly over: TargetKind;
    /** The one effect that the step must declare, or `undefined` for a step that changes nothing. */
    readonly effect: { readonly of: Effect['of']; readonly where?: 'disk' | 'memory' } | undefined;
  }[];
}

/**
 * The catalogue of actions: what each does and what it may change. A step whose declared effects are not those of its
 * action is refused when the runbook is read, so that what is declared and what is done cannot differ.
 */
const CATALOGUE: Readonly<Record<Action, CatalogueEntry>> = {
  write: {
    means: "replace the secrets in the target's configuration, atomically; the running process does not notice",
    on: [
      { over: 'replicas', effect: { of: 'replica', where: 'disk' } },
      { over: 'clients', effect: { of: 'client', where: 'disk' } },
    ],
  },
  reload: {
    means: 'have the running process read its configuration again; left out where the fleet declares no reload command',
    on: [
      { over: 'replicas', effect: { of: 'replica', where: 'memory' } },
      { over: 'clients', effect: { of: 'client', where: 'memory' } },
    ],
  },
  restart: {
    means: 'end the process and start it from its disk; left out where the fleet declares no restart command',
    on: [
      { over: 'replicas', effect: { of: 'replica', where: 'memory' } },
      { over: 'clients', effect: { of: 'client', where: 'memory' } },
    ],
  },
  drain: {
    means: 'wait until no request signed with the generation can still be accepted or be on its way',
    on: [{ over: 'fleet', effect: { of: 'flight' } }],
  },
  prove: {
    means: 'change nothing; look',
    on: [
      { over: 'fleet', effect: undefined },
      { over: 'replicas', effect: undefined },
    ],
  },
  seal: {
    means: 'keep the material sealed, for a recorded reinstatement during the soak and for nothing else',
    on: [{ over: 'fleet', effect: { of: 'material' } }],
  },
  destroy: {
    means: 'destroy the material',
    on: [{ over: 'fleet', effect: { of: 'material' } }],
  },
};

/** Why a step's declaration does not fit its action, or `undefined` when it does. */
export function misfit(step: { action: Action; over: TargetKind; effects: readonly Effect[] }): string | undefined {
  const entry = CATALOGUE[step.action].on.find((candidate) => candidate.over === step.over);
  if (entry === undefined) {
    const allowed = CATALOGUE[step.action].on.map((candidate) => candidate.over).join(' or ');
    return `action ${step.action} goes over ${allowed}, got ${step.over}`;
  }
  const wanted = entry.effect;
  if (wanted === undefined) {
    return step.effects.length === 0
      ? undefined
      : `action ${step.action} changes nothing, so it has no effect to declare`;
  }
  const [effect, ...more] = step.effects;
  const where = wanted.where === undefined ? '' : ` on ${wanted.where}`;
  if (effect === undefined || more.length > 0 || !matches(effect, wanted)) {
    return `action ${step.action} over ${step.over} declares exactly one effect, of ${wanted.of}${where}`;
  }
  if (effect.of === 'material' && (effect.becomes === 'sealed') !== (step.action === 'seal')) {
    return `action ${step.action} makes material ${step.action === 'seal' ? 'sealed' : 'destroyed'}, got ${effect.becomes}`;
  }
  return undefined;
}

function matches(effect: Effect, wanted: { of: Effect['of']; where?: 'disk' | 'memory' }): boolean {
  return effect.of === wanted.of && (!('where' in effect) || effect.where === wanted.where);
}
