import type { Task } from '../roll.ts';
import { nextTask } from '../rotation.ts';
import type { Effect } from '../step.ts';
import { adviceFor } from './advice.ts';
import type { Explored } from './explore.ts';
import type { Stage } from './graph.ts';
import { type Breach, INVARIANTS, type InvariantId } from './invariants.ts';
import { linesOf, type TraceLine } from './trace.ts';
import { type Holding, holdingsIn, REFUSAL, sayMessage, sayServer, sayTrust } from './words.ts';
import { initialState, type Model, messageOf, type State, sameMessage } from './world.ts';

/** The shortest sequence that breaks a runbook, for people and for programs. */
export interface Counterexample {
  readonly invariant: InvariantId | 'no dead end';
  readonly statement: string;
  /** What every party holds before the first line. */
  readonly before: readonly Holding[];
  readonly lines: readonly TraceLine[];
  /** The request that is refused or wrongly accepted at the end, and what has to happen for it. */
  readonly request: string;
  /** The step to change: the last one that the runbook carried out; absent when none was. */
  readonly step?: string;
  readonly advice: string;
}

/** The counterexample that an exploration ended with, in words. */
export function counterexampleOf(
  model: Model,
  found: Extract<Explored, { result: 'unsafe' | 'dead-end' }>,
): Counterexample {
  const { way } = found;
  const end = way.at(-1)?.state ?? initialState(model);
  const lines = linesOf(model, way);
  const last = lastTask(way);
  const step = last === undefined ? {} : { step: last.step.id };
  const before = holdingsIn(model, initialState(model).world);
  if (found.result === 'dead-end') {
    // Where all goes well and it gets no further, what is due is what cannot be proven.
    const due = found.canEnd ? nextTask(model.setting, end.rotation)?.step.id : undefined;
    return {
      invariant: 'no dead end',
      statement: 'from every state the rotation can be brought to its end, and it can be done',
      before,
      lines,
      request: `${due === undefined ? '' : `${due} is due, and cannot be proven: `}${found.canEnd ? NEVER_DONE : NO_WAY_OUT}`,
      ...(due === undefined ? step : { step: due }),
      advice:
        'give this phase a way on: a step that brings about what the proofs want, or puts right what they find wrong',
    };
  }
  const { breach } = found;
  return {
    invariant: breach.invariant,
    statement: INVARIANTS[breach.invariant],
    before,
    lines,
    request: requestOf(model, end, breach),
    ...step,
    advice: adviceFor(model, breach, last),
  };
}

function matters(effect: Effect): boolean {
  return effect.of !== 'material' || effect.becomes === 'destroyed';
}

const NO_WAY_OUT =
  'from here on no sequence of moves leads to the end of the rotation, nor back to where it began; only an accident would';
const NEVER_DONE =
  'further than this it never gets, however well all goes: it can be given up from here, and not be done; only an accident would help';

/** The last task that changed something, or should have. Sealing changes nobody's settings. */
function lastTask(way: readonly Stage[]): Task | undefined {
  const changes = way.flatMap(({ move }) => ('task' in move && move.task.step.effects.some(matters) ? [move] : []));
  return changes.findLast(({ kind }) => kind !== 'failed')?.task;
}

const FIRST: Readonly<Record<Breach['after'][number], (breach: Breach) => string>> = {
  'replica-restart': ({ server }) => `${server} restarts`,
  'client-restart': ({ client }) => `${client} restarts`,
  'scale-out': ({ server }) => `an instance is made from template ${server}`,
};

/** Whether a request is one that its client does not send any more. */
function isLate({ setting }: Model, { clients }: State['world'], { client, message, after }: Breach): boolean {
  const sender = clients[setting.inventory.clients.indexOf(client ?? '')];
  if (sender === undefined || message === undefined || after.includes('client-restart')) return false;
  return !sameMessage(message, messageOf(sender.memory));
}

/** What goes wrong at the end, with what has to happen for it. */
function requestOf(model: Model, { world }: State, breach: Breach): string {
  const { scheme, setting } = model;
  const { client, server, message, generation, after } = breach;
  const first = after.map((event) => FIRST[event](breach));
  const then = first.length === 0 ? '' : `${first.join(', ')}; then `;
  const template = world.templates[setting.inventory.templates.indexOf(server ?? '')];
  const replica = world.replicas[setting.inventory.replicas.indexOf(server ?? '')];
  const verifier = template ?? (after.includes('replica-restart') ? replica?.disk : replica?.memory);
  const name = template === undefined ? server : 'the new instance';
  const says = `${name} ${sayServer(scheme, verifier)}`;
  const trusting = `${name}, which ${sayTrust(verifier)}`;
  switch (breach.invariant) {
    case 'I1':
    case 'I1b':
    case 'I1c':
    case 'I1d': {
      const late = isLate(model, world, breach) ? ', sent before it changed, arrives late' : '';
      const request = message === undefined ? '' : sayMessage(scheme, message);
      return `${then}a request of ${client} ${request}${late}: ${says}, and refuses it (${REFUSAL[scheme]})`;
    }
    case 'I1e':
      return `${then}a request that names no client id is taken for the id of ${generation}: ${says}, and refuses it (AUTH_INVALID_CLIENT)`;
    case 'I2':
    case 'I2b':
      return `${then}a request signed with ${generation}, which was withdrawn: ${says}, and accepts it`;
    case 'I3':
      return `a captured request signed with ${generation} was accepted under one namespace of nonces; sent again to a replica under the other, it is accepted a second time`;
    case 'T1':
      return `${then}${client} shows its certificate of ${message?.signs.join()} to ${trusting}: ${REFUSAL[scheme]}`;
    case 'T2':
      return `${then}${name} shows its certificate of ${generation} to ${client}, which does not trust it: ${REFUSAL[scheme]}`;
    case 'T3':
      return `${client} goes on with a session made under ${generation}, which was withdrawn, and is served`;
    case 'T4':
      return server === undefined
        ? `${client} still trusts ${generation}, which was withdrawn`
        : `${then}a certificate of ${generation}, which was withdrawn, is shown to ${trusting}: it is accepted`;
  }
}
