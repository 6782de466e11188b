import { servedNow } from './acceptance.ts';
import { canBeReadBack, effectOn } from './effects.ts';
import type { Generation, Task } from './program.ts';
import { tasksOf } from './program.ts';
import { holds, isGivenBySome, targetsIn } from './proofs.ts';
import {
  asSet,
  type Client,
  type Question,
  type Replica,
  type State,
  type Template,
  withClient,
  withLingering,
  withMemory,
  withReplica,
} from './state.ts';

/** A move: what is done, and the state that it leads to. */
export interface Move {
  readonly what: string;
  readonly to: State;
  /** Whether it rests on an answer of a balancer that no replica would give: no way out of a dead end. */
  readonly hoped?: boolean;
}

/** All moves from a state: the runner's, the operator's, the environment's; some may change nothing, and are none. */
export function movesFrom(question: Question, state: State): readonly Move[] {
  const tasks = tasksOf(question.program, question.inventory, state.phase);
  const moves = [
    ...runnersMoves(question, state, tasks),
    ...operatorsMoves(question, state, tasks),
    ...environmentsMoves(question, state),
  ];
  return moves.map((move) => ({ ...move, to: withServed(move.to) }));
}

function withServed(state: State): State {
  return state.served === null ? state : { ...state, served: asSet([...state.served, ...servedNow(state)]) };
}

function runnersMoves(question: Question, state: State, tasks: readonly Task[]): readonly Move[] {
  const task = tasks[state.done];
  if (task === undefined) return [];
  const what = (name: string): string => `${name} ${task.name} [${task.targets}]`;
  if (!state.intended) return [{ what: what('intent'), to: intent(state, task) }];
  const touched = isNeedless(question, state, task) ? [] : task.targets;
  const moves: Move[] = touched.map((target) => ({
    what: `effect ${task.name} on ${target}`,
    to: effectOn(state, task, target),
  }));
  const mayBe = mayBeDone(question, state, task);
  if (mayBe) {
    const hoped = !isGivenBySome(question, state, task);
    moves.push({ what: what('done'), to: afterDone(done(state, task), task), hoped });
  }
  const loads = task.action === 'reload' || task.action === 'restart';
  if (!mayBe && loads && question.environment.has('left-out')) {
    moves.push({ what: what('left out'), to: done(state, task) });
  }
  return [...moves, { what: what('failed'), to: failed(state, task) }];
}

const waysBack = ['closing', 'widening'];

function intent(state: State, task: Task): State {
  const tells = task.over === 'clients' && task.effects.some(writesNext);
  // That clients or the fleet were touched is asked by nothing, and is left out of a state's identity.
  const touches = !waysBack.includes(state.phase) && (task.over === 'replicas' || task.over === 'templates');
  const next: State = {
    ...state,
    intended: true,
    told: tells ? asSet([...state.told, ...task.targets]) : state.told,
    touched: touches ? asSet([...state.touched, ...task.targets]) : state.touched,
  };
  return generationsOf(task, 'drain').reduce(beginDrain, next);
}

function writesNext(effect: Task['effects'][number]): boolean {
  return effect.kind === 'set' && effect.where === 'disk' && effect.set.signs === 'next';
}

function generationsOf(task: Task, kind: 'drain' | 'destroy'): readonly Generation[] {
  return task.effects.flatMap((effect) => (effect.kind === kind ? [effect.generation] : []));
}

function beginDrain(state: State, generation: Generation): State {
  return withLingering(state, (message) =>
    message.generations.includes(generation) ? { ...message, mark: 'draining' } : message,
  );
}

function endDrain(state: State, generation: Generation): State {
  return withLingering(state, (message) =>
    message.generations.includes(generation) && message.mark === 'draining' ? null : message,
  );
}

function giveUpDrain(state: State): State {
  return withLingering(state, (message) => ({ ...message, mark: 'fresh' }));
}

function mayBeDone(question: Question, state: State, task: Task): boolean {
  if (isNeedless(question, state, task)) return true;
  return (
    targetsIn(state, task).every((target) => canBeReadBack(question, state, task, target)) &&
    task.proofs.every((proof) => holds(question, state, task, proof))
  );
}

function isNeedless({ inventory }: Question, state: State, task: Task): boolean {
  if (!waysBack.includes(state.phase)) return false;
  const untouched = (names: readonly string[]): boolean => names.every((name) => !state.touched.includes(name));
  if (task.over === 'templates') return untouched(task.targets);
  return task.over === 'replicas' && untouched(task.targets) && untouched(inventory.templates);
}

function done(state: State, task: Task): State {
  const movesBack =
    task.over === 'clients' &&
    task.proofs.some(({ proves, generation }) => ['signs', 'presents'].includes(proves) && generation === 'current');
  return {
    ...state,
    done: state.done + 1,
    intended: false,
    told: movesBack ? state.told.filter((name) => !task.targets.includes(name)) : state.told,
  };
}

function afterDone(state: State, task: Task): State {
  const drained = generationsOf(task, 'drain').reduce(endDrain, state);
  return generationsOf(task, 'destroy').reduce(withdraw, drained);
}

function withdraw(state: State, generation: Generation): State {
  return state.withdrawn.includes(generation) ? state : { ...state, withdrawn: [...state.withdrawn, generation] };
}

function failed(state: State, task: Task): State {
  return giveUpDrain({ ...state, done: task.batchStart, intended: false });
}

type Trigger = readonly [name: string, phase: string];

const triggers: Readonly<Record<string, readonly Trigger[]>> = {
  stable: [['overlap', 'opening']],
  opening: [
    ['complete', 'overlap'],
    ['rollback', 'closing'],
  ],
  overlap: [
    ['move-clients', 'moving'],
    ['rollback', 'closing'],
  ],
  moving: [
    ['complete', 'switched'],
    ['rollback', 'returning'],
  ],
  switched: [
    ['retire', 'retiring'],
    ['rollback', 'returning'],
  ],
  retiring: [
    ['complete', 'retired'],
    ['rollback', 'widening'],
  ],
  retired: [
    ['destroy', 'destroying'],
    ['reinstate', 'widening'],
  ],
  destroying: [['complete', 'destroyed']],
  widening: [['complete', 'switched']],
  returning: [['complete', 'closing']],
  closing: [['complete', 'rolled-back']],
};

function operatorsMoves(question: Question, state: State, tasks: readonly Task[]): readonly Move[] {
  return (triggers[state.phase] ?? [])
    .filter(([name, phase]) => isLegal(question, state, tasks, name, phase))
    .map(([name, phase]) => ({ what: name, to: entered(state, name, phase) }));
}

function isLegal(
  { compromised }: Question,
  state: State,
  tasks: readonly Task[],
  name: string,
  phase: string,
): boolean {
  if (compromised && (name === 'reinstate' || (name === 'rollback' && state.phase === 'retiring'))) return false;
  if (name === 'complete') return state.done >= tasks.length;
  return !(name === 'rollback' && phase === 'closing' && state.told.length > 0);
}

function entered(state: State, name: string, phase: string): State {
  const next = giveUpDrain({ ...state, phase, done: 0, intended: false });
  if (phase === 'retired') return withdraw(next, 'current');
  if (phase === 'rolled-back') return withdraw(next, 'next');
  if (name !== 'reinstate') return next;
  return { ...next, withdrawn: next.withdrawn.filter((generation) => generation !== 'current') };
}

/** Replica by replica its crash and what templates make of it, then client by client its restart. */
function environmentsMoves(question: Question, state: State): readonly Move[] {
  const { environment } = question;
  return [
    ...state.replicas.flatMap((replica) => [
      ...(environment.has('crash') ? [crash(question, state, replica)] : []),
      ...state.templates.flatMap((template) => [
        ...(environment.has('reconcile') ? [reconcile(state, replica, template)] : []),
        ...(environment.has('scale-out') ? [scaleOut(state, replica, template)] : []),
      ]),
    ]),
    ...(environment.has('client-restart') ? state.clients.map((client) => clientRestart(state, client)) : []),
  ];
}

/** One move, or two where a step leaves out replicas that are down: going, and coming back. */
function crash({ program }: Question, state: State, { name, memory, disk }: Replica): Move {
  const inTwo = [...program.phases.values()].flat().some((step) => step.order.unreachable === 'skip');
  const goes = inTwo && memory !== null;
  const to = withReplica(state, name, (replica) => ({ ...replica, memory: goes ? null : disk }));
  return { what: `${memory === null ? 'start' : 'crash'} ${name}`, to };
}

function reconcile(state: State, { name }: Replica, { name: template, settings }: Template): Move {
  const to = withReplica(state, name, (replica) => ({ ...replica, disk: settings }));
  return { what: `reconcile ${name} from ${template}`, to };
}

function scaleOut(state: State, { name }: Replica, { name: template, settings }: Template): Move {
  const to = withReplica(state, name, (replica) => ({ ...replica, memory: settings, disk: settings }));
  return { what: `scale-out ${name} from ${template}`, to };
}

function clientRestart(state: State, { name }: Client): Move {
  const to = withClient(state, name, (client) => withMemory(client, client.disk));
  return { what: `restart of ${name}`, to };
}
