import { type Position, RotctlError } from '../errors/rotctl-error.ts';
import { MOVING_PHASES } from '../machine/phase.ts';
import type { Scheme } from '../machine/scheme.ts';
import type {
  Action,
  ClientSettings,
  Effect,
  Proof,
  ReplicaSettings,
  RotatingGeneration,
  Step,
} from '../machine/step.ts';
import type { Runbook } from '../runbook/runbook.ts';

/** What the runner knows how to do and to prove. A runbook may say more: all that it says is checked, this is carried out. */
const ACTIONS: readonly Action[] = ['write', 'reload', 'restart', 'drain', 'prove', 'seal', 'destroy'];

interface Known {
  readonly proofs: readonly Proof['proves'][];
  readonly replicas: readonly string[];
  readonly clients: readonly string[];
}

const PROOFS = ['accepts', 'refuses', 'signs', 'unused', 'checklist', 'replay', 'namespace', 'quiet'] as const;

/** By the rules of its fleet; what is not here is not carried out at all. */
const KNOWN: Readonly<Partial<Record<Scheme, Known>>> = {
  keyring: {
    proofs: PROOFS,
    replicas: ['accepts'] satisfies (keyof ReplicaSettings)[],
    clients: ['signs'] satisfies (keyof ClientSettings)[],
  },
  gate: {
    proofs: [...PROOFS, 'key-ids'],
    replicas: ['accepts', 'strict', 'revokes', 'keyIds'] satisfies (keyof ReplicaSettings)[],
    clients: ['signs', 'dual', 'keyIds'] satisfies (keyof ClientSettings)[],
  },
};

/**
 * Refuses a runbook that is right and that this version does not carry out.
 *
 * @throws RotctlError `STEP_UNSUPPORTED`, naming every such step and what in it, at the first one's place in the file
 */
export function requireCarriedOut(runbook: Runbook): void {
  const { scheme, name, program } = runbook;
  const steps = MOVING_PHASES.flatMap((phase) => program[phase]);
  const known = KNOWN[scheme];
  if (known === undefined) {
    throw refusal(
      `runbook ${name}: this version checks ${scheme} runbooks but does not carry them out`,
      steps,
      runbook,
    );
  }
  const beyond = steps.filter((step) => strangersIn(step, known).length > 0);
  if (beyond.length === 0) return;
  const named = beyond.map((step) => `${strangersIn(step, known).join(' and ')} in step ${step.id}`);
  throw refusal(`runbook ${name}: this version does not carry out ${named.join('; ')}`, beyond, runbook);
}

function refusal(message: string, [first]: readonly Step[], { positions }: Runbook): RotctlError {
  const at: Position | undefined = first === undefined ? undefined : positions.get(first.id);
  return new RotctlError('STEP_UNSUPPORTED', message, at === undefined ? {} : { at });
}

/** What a step says beyond what is carried out, in words. */
function strangersIn({ action, effects, proofs, order }: Step, known: Known): string[] {
  return [
    ...(ACTIONS.includes(action) ? [] : [`action ${action}`]),
    ...effects.flatMap((effect) => settingsBeyond(effect, known)),
    ...(order.unreachable === 'skip' ? ['unreachable: skip'] : []),
    ...proofs.filter(({ proves }) => !known.proofs.includes(proves)).map(({ proves }) => `proof ${proves}`),
  ];
}

function settingsBeyond(effect: Effect, { clients, replicas }: Known): string[] {
  if (!('set' in effect)) return [];
  const known = effect.of === 'client' ? clients : replicas;
  const said = [...Object.keys(effect.set), ...(effect.restores ?? [])];
  const beyond = said.filter((setting) => !known.includes(setting));
  return beyond.map((setting) => `setting ${setting} of a ${effect.of}`);
}

/** An effect that sets something on a replica or a template. */
type AcceptorEffect = Extract<Effect, { of: 'template' | 'replica'; set: unknown }>;

/** The generations that an effect has accepted, the primary one first. @throws RotctlError `INTERNAL` when it says none */
export function acceptedIn(effect: AcceptorEffect): readonly RotatingGeneration[] {
  return effect.set.accepts ?? notCarriedOut(effect);
}

/** The generation that an effect has a client sign with. @throws RotctlError `INTERNAL` when it says none */
export function signedIn(effect: Extract<Effect, { of: 'client'; set: unknown }>): RotatingGeneration {
  return effect.set.signs ?? notCarriedOut(effect);
}

/** What `requireCarriedOut` should have refused has come to be carried out. @throws RotctlError `INTERNAL`, always */
export function notCarriedOut(what: Effect | Proof): never {
  throw new RotctlError('INTERNAL', `this version does not carry out ${JSON.stringify(what)}`);
}
