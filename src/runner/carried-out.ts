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
const ACTIONS: readonly Action[] = ['write', 'reload', 'restart', 'drain', 'end-sessions', 'prove', 'seal', 'destroy'];

interface Known {
  readonly proofs: readonly Proof['proves'][];
  readonly replicas: readonly string[];
  readonly clients: readonly string[];
}

const PROOFS = ['accepts', 'refuses', 'signs', 'unused', 'checklist', 'replay', 'namespace', 'quiet'] as const;

/** By the rules of its fleet. */
const KNOWN: Readonly<Record<Scheme, Known>> = {
  keyring: {
    proofs: [...PROOFS, 'default-id'],
    replicas: ['accepts', 'defaultId'] satisfies (keyof ReplicaSettings)[],
    clients: ['signs'] satisfies (keyof ClientSettings)[],
  },
  gate: {
    proofs: [...PROOFS, 'key-ids'],
    replicas: ['accepts', 'strict', 'revokes', 'keyIds'] satisfies (keyof ReplicaSettings)[],
    clients: ['signs', 'dual', 'keyIds'] satisfies (keyof ClientSettings)[],
  },
  mtls: {
    proofs: [
      'accepts',
      'refuses',
      'presents',
      'trusts',
      'distrusts',
      'unused',
      'no-session',
      'checklist',
      'replay',
      'namespace',
    ],
    replicas: ['accepts', 'presents'] satisfies (keyof ReplicaSettings)[],
    clients: ['signs', 'accepts'] satisfies (keyof ClientSettings)[],
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

/** The generation that an effect has a client sign with. @throws RotctlError `INTERNAL` when it says none */
export function signedIn(effect: Extract<Effect, { of: 'client'; set: unknown }>): RotatingGeneration {
  return effect.set.signs ?? notCarriedOut(effect);
}

/** What `requireCarriedOut` should have refused has come to be carried out. @throws RotctlError `INTERNAL`, always */
export function notCarriedOut(what: Effect | Proof): never {
  throw new RotctlError('INTERNAL', `this version does not carry out ${JSON.stringify(what)}`);
}
