import type { Phase } from '../phase.ts';
import type { Task } from '../roll.ts';
import { adviceFor } from './advice.ts';
import { carriedOut } from './effects.ts';
import type { Explored, Stage } from './explore.ts';
import { type Breach, INVARIANTS, type InvariantId } from './invariants.ts';
import type { Move } from './moves.ts';
import { type Holding, holdingsIn, REFUSAL, sayMessage, sayServer, sayTrust } from './words.ts';
import { initialState, type Model, messageOf, type State, sameMessage } from './world.ts';

/** One line of a counterexample: something that changes what somebody holds, or what is known of it. */
export interface TraceLine {
  readonly number: number;
  readonly by: 'runbook' | 'operator' | 'environment';
  /** The ids of the runbook's steps that it is made of; empty for what others do. */
  readonly steps: readonly string[];
  readonly targets: readonly string[];
  readonly phase: Phase;
  readonly text: string;
  /** What every party holds after it. */
  readonly holds: readonly Holding[];
}

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
  const lines = linesOf(model, way);
  const last = lastTask(way);
  const step = last === undefined ? {} : { step: last.step.id };
  const before = holdingsIn(model, initialState(model).world);
  if (found.result === 'dead-end') {
    return {
      invariant: 'no dead end',
      statement: 'from every state the rotation can be brought to its end, or rolled back',
      before,
      lines,
      request: 'from here on no sequence of moves leads to the end of the rotation, nor back to where it began',
      ...step,
      advice: 'give this phase a way on: a step that puts right what its proofs would find wrong',
    };
  }
  const { breach } = found;
  return {
    invariant: breach.invariant,
    statement: INVARIANTS[breach.invariant],
    before,
    lines,
    request: requestOf(model, way.at(-1)?.state ?? initialState(model), breach),
    ...step,
    advice: adviceFor(model, breach, last),
  };
}

/** The last task that changed something, or should have. */
function lastTask(way: readonly Stage[]): Task | undefined {
  const changes = way.flatMap(({ move }) => ('task' in move && move.task.step.effects.length > 0 ? [move] : []));
  return changes.findLast(({ kind }) => kind !== 'failed')?.task;
}

/** A line while it is being put together. */
type Draft = Omit<TraceLine, 'number' | 'holds'> & {
  readonly state: State;
  readonly batch: readonly string[] | undefined;
  /** What became of it, said after steps and targets, where it was not carried out. */
  readonly how?: string;
};

/** The moves of a way that somebody can see, one line each; what is done to one batch in a row is one line. */
function linesOf(model: Model, way: readonly Stage[]): TraceLine[] {
  const drafts: Draft[] = [];
  let before = initialState(model);
  for (const { move, state } of way) {
    const draft = draftOf(model, before, move, state);
    const open = drafts.at(-1);
    if (draft !== undefined && open?.batch !== undefined && open.batch === draft.batch && open.how === draft.how) {
      const steps = [...new Set([...open.steps, ...draft.steps])];
      const targets = [...new Set([...open.targets, ...draft.targets])];
      const text = `${steps.join(', ')} on ${targets.join(', ')}${draft.how ?? ''}`;
      drafts[drafts.length - 1] = { ...draft, steps, targets, text };
    } else if (draft !== undefined) drafts.push(draft);
    before = state;
  }
  return drafts.map(({ state, batch: _, how: __, ...line }, index) => ({
    ...line,
    number: index + 1,
    holds: holdingsIn(model, state.world),
  }));
}

function draftOf(model: Model, before: State, move: Move, state: State): Draft | undefined {
  const { phase } = before.rotation;
  switch (move.kind) {
    case 'intent':
    case 'failed':
      return undefined;
    case 'effect':
      return ofStep(move.task, [move.target], `${move.task.step.id} on ${move.target}`, state, move.task.targets);
    case 'done': {
      const silent = move.task.targets.filter((target) => wasSkipped(model, before, move.task, target));
      if (silent.length > 0) return ofSkipped(move.task, silent, state);
      const idle = move.task.targets.filter((target) => fellFlat(model, before, move.task, target));
      const text = `${move.task.step.id} on ${idle.join(', ')} reports success and changes nothing`;
      if (idle.length > 0) return ofStep(move.task, idle, text, state);
      return state.world === before.world ? undefined : ofStep(move.task, [], move.task.step.id, state);
    }
    case 'left-out': {
      const { task } = move;
      const why = `there is no ${task.step.action} command`;
      return ofStep(task, task.targets, `${task.step.id} on ${task.targets.join(', ')} is left out: ${why}`, state);
    }
    case 'trigger':
      return ofTrigger(move.trigger, state);
    default:
      return {
        by: 'environment',
        steps: [],
        targets: [move.target],
        phase,
        text: sayEvent(move),
        state,
        batch: undefined,
      };
  }
}

function ofStep(
  { step }: Task,
  targets: readonly string[],
  text: string,
  state: State,
  batch?: readonly string[],
): Draft {
  return { by: 'runbook', steps: [step.id], targets, phase: step.phase, text, state, batch };
}

/** Whether a target was left out because it did not answer, so that it lacks what the step would have changed. */
function wasSkipped(model: Model, { world }: State, task: Task, target: string): boolean {
  const replica = world.replicas[model.setting.inventory.replicas.indexOf(target)];
  const { action, order } = task.step;
  if (order.unreachable !== 'skip' || replica === undefined || replica.memory !== undefined) return false;
  return action === 'reload' || action === 'push' || carriedOut(model, world, task, target) !== undefined;
}

function ofSkipped(task: Task, silent: readonly string[], state: State): Draft {
  const how = ': left out, no answer';
  return { ...ofStep(task, silent, `${task.step.id} on ${silent.join(', ')}${how}`, state, task.targets), how };
}

/** Whether a load was recorded as done on a target that it would have changed and did not. */
function fellFlat(model: Model, { world }: State, task: Task, target: string): boolean {
  const [effect] = task.step.effects;
  return effect !== undefined && 'from' in effect && carriedOut(model, world, task, target) !== undefined;
}

function ofTrigger(trigger: string, state: State): Draft | undefined {
  const { phase } = state.rotation;
  const line = (by: 'runbook' | 'operator', text: string): Draft => {
    return { by, steps: [], targets: [], phase, text, state, batch: undefined };
  };
  if (trigger === 'complete') return phase === 'retired' ? line('runbook', 'current is declared retired') : undefined;
  if (trigger === 'rollback') return line('operator', `the operator rolls back: phase ${phase}`);
  return trigger === 'reinstate' ? line('operator', 'the operator reinstates current, on the record') : undefined;
}

function sayEvent(move: Exclude<Move, { task: Task } | { kind: 'trigger' }>): string {
  switch (move.kind) {
    case 'crash':
      return `${move.target} goes down`;
    case 'start':
      return `${move.target} starts again, from its disk`;
    case 'restart':
      return `${move.target} ends and starts again, from its disk`;
    case 'client-restart':
      return `${move.target} takes up its configuration by itself`;
    case 'scale-out':
      return `${move.target} is made anew from template ${move.template}`;
    case 'reconcile':
      return `a reconciler puts template ${move.template} back on the disk of ${move.target}`;
  }
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
