import type { Action, Effect, Proof, TargetKind } from '../machine/step.ts';

/** The one effect that a step must declare: what of, and for settings whether they are given or taken from the disk. */
interface Wanted {
  readonly of: Effect['of'];
  readonly where?: 'disk' | 'memory';
  /** Whether the effect names the settings that it changes; otherwise what is on the disk is taken over. */
  readonly sets?: boolean;
}

/** What an action may be applied to, and which effects it must declare there. */
interface CatalogueEntry {
  readonly means: string;
  readonly on: readonly {
    readonly over: TargetKind;
    /** `undefined` for a step that changes nothing. */
    readonly effect: Wanted | undefined;
  }[];
}

const LOADS = (of: 'replica' | 'client'): Wanted => ({ of, where: 'memory', sets: false });

/**
 * The catalogue of actions: what each does and what it may change. A step whose declared effects are not those of its
 * action is refused when the runbook is read, so that what is declared and what is done cannot differ.
 */
const CATALOGUE: Readonly<Record<Action, CatalogueEntry>> = {
  write: {
    means: "replace settings in the target's configuration, atomically; the running process does not notice",
    on: [
      { over: 'templates', effect: { of: 'template', where: 'disk', sets: true } },
      { over: 'replicas', effect: { of: 'replica', where: 'disk', sets: true } },
      { over: 'clients', effect: { of: 'client', where: 'disk', sets: true } },
    ],
  },
  reload: {
    means: 'have the running process read its configuration again; left out where the fleet declares no reload command',
    on: [
      { over: 'replicas', effect: LOADS('replica') },
      { over: 'clients', effect: LOADS('client') },
    ],
  },
  restart: {
    means: 'end the process and start it from its disk; left out where the fleet declares no restart command',
    on: [
      { over: 'replicas', effect: LOADS('replica') },
      { over: 'clients', effect: LOADS('client') },
    ],
  },
  push: {
    means: 'tell the running process by its own interface; its disk stays as it is',
    on: [{ over: 'replicas', effect: { of: 'replica', where: 'memory', sets: true } }],
  },
  drain: {
    means: 'wait until no request signed with the generation can still be accepted or be on its way',
    on: [{ over: 'fleet', effect: { of: 'flight' } }],
  },
  'end-sessions': {
    means: 'change the ticket keys and close kept connections, so that no session made under the generation goes on',
    on: [{ over: 'fleet', effect: { of: 'sessions' } }],
  },
  prove: {
    means: 'change nothing; look',
    on: [
      { over: 'fleet', effect: undefined },
      { over: 'replicas', effect: undefined },
      { over: 'clients', effect: undefined },
    ],
  },
  seal: {
    means:
      'declare the material retired, and keep it sealed, for a recorded reinstatement during the soak and for nothing else',
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
  if (effect === undefined || more.length > 0 || !matches(effect, wanted)) {
    return `action ${step.action} over ${step.over} declares exactly one effect, ${sayWanted(wanted)}`;
  }
  if (effect.of === 'material' && (effect.becomes === 'sealed') !== (step.action === 'seal')) {
    return `action ${step.action} makes material ${step.action === 'seal' ? 'sealed' : 'destroyed'}, got ${effect.becomes}`;
  }
  return undefined;
}

/** Why a proof has nobody to ask in a step over such targets, so that it could never pass; or `undefined`. */
export function nobodyAsked(over: TargetKind, proof: Proof): string | undefined {
  const onTarget = 'on' in proof && proof.on === 'target';
  const has = onTarget ? over === 'replicas' || (proof.proves === 'presents' && over === 'clients') : true;
  if (!has) return `${proof.proves} on target asks replicas, and the step goes over ${over}`;
  if (proof.proves === 'signs' && over !== 'clients') return `signs asks clients, and the step goes over ${over}`;
  return undefined;
}

function matches(effect: Effect, wanted: Wanted): boolean {
  if (effect.of !== wanted.of) return false;
  return !('where' in effect) || (effect.where === wanted.where && 'set' in effect === wanted.sets);
}

function sayWanted({ of, where, sets }: Wanted): string {
  if (where === undefined) return `of ${of}`;
  return sets ? `of ${of} on ${where}, with what it sets` : `of ${of} on ${where}, from disk`;
}
