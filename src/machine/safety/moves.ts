import type { Phase, Trigger } from '../phase.ts';
import type { Task } from '../roll.ts';
import {
  allowedTriggers,
  isNeedless,
  nextTask,
  type Rotation,
  type RotationEvent,
  type Setting,
  transition,
} from '../rotation.ts';
import { begun, carriedOut, finished, givenUp, restarted, withClient, withdrawing, withReplica } from './effects.ts';
import { isVouchedFor, mayBeDone } from './proofs.ts';
import { type Model, type Replica, replicaOf, type State, type World } from './world.ts';

/** One thing that happens. Targets are named as in the inventory. */
export type Move =
  /** `rotctl` writes down that it will carry out a task. */
  | { readonly kind: 'intent'; readonly task: Task }
  /** A task's effect happens on one of its targets. */
  | { readonly kind: 'effect'; readonly task: Task; readonly target: string }
  /** `rotctl` has seen the proofs, and writes down that the task is done. */
  | { readonly kind: 'done'; readonly task: Task }
  /** The same, of a reload or restart for which the fleet has no command: nothing was done, and nothing was seen. */
  | { readonly kind: 'left-out'; readonly task: Task }
  /** `rotctl` has not seen the proofs, and writes that down. */
  | { readonly kind: 'failed'; readonly task: Task }
  /** The operator, or the end of a phase, moves the rotation on. */
  | { readonly kind: 'trigger'; readonly trigger: Trigger }
  | { readonly kind: 'crash' | 'start' | 'restart' | 'client-restart'; readonly target: string }
  | { readonly kind: 'scale-out' | 'reconcile'; readonly target: string; readonly template: string };

/** A move and the state after it. */
export interface Successor {
  readonly move: Move;
  readonly state: State;
  /** Whether it rests on a balancer's answer that no replica would give just now: possible, but no way out to count on. */
  readonly hoped?: boolean;
}

/** A move that is none of the rotation's, and the world after it. */
export interface Event {
  readonly move: Move;
  readonly world: World;
}

/** Every move that the runner or the operator can make next, always in the same order. */
export function* ownMoves(model: Model, state: State): Generator<Successor> {
  yield* taskMoves(model, state);
  yield* triggerMoves(model, state);
}

/** Every move that the environment can make in a world, always in the same order. */
export function* events(model: Model, world: World): Generator<Event> {
  yield* replicaEvents(model, world);
  yield* clientEvents(model, world);
}

function* taskMoves(model: Model, { rotation, world }: State): Generator<Successor> {
  const { task, intended, done, failed } = turnsOf(model, rotation);
  if (task === undefined) return;
  if (intended !== undefined) {
    yield { move: { kind: 'intent', task }, state: { rotation: intended, world: begun(world, task) } };
  }
  if (done === undefined || failed === undefined) return;
  const targets = isNeedless(model.setting, rotation, task) ? [] : task.targets;
  for (const target of targets) {
    const changed = carriedOut(model, world, task, target);
    if (changed !== undefined) yield { move: { kind: 'effect', task, target }, state: { rotation, world: changed } };
  }
  if (mayBeDone(model, rotation, world, task)) {
    const state = { rotation: done, world: finished(world, task) };
    yield { move: { kind: 'done', task }, state, hoped: !isVouchedFor(model, world, task) };
  } else if (mayBeLeftOut(model, task)) {
    yield { move: { kind: 'left-out', task }, state: { rotation: done, world } };
  }
  yield { move: { kind: 'failed', task }, state: { rotation: failed, world: givenUp(world) } };
}

function mayBeLeftOut({ environment, lacking }: Model, { step: { over, action } }: Task): boolean {
  if (!environment.has('left-out') || (action !== 'reload' && action !== 'restart')) return false;
  return (over === 'replicas' || over === 'clients') && lacking.has(`${over} ${action}`);
}

function* triggerMoves(model: Model, { rotation, world }: State): Generator<Successor> {
  for (const { trigger, to } of turnsOf(model, rotation).triggers) {
    yield {
      move: { kind: 'trigger', trigger },
      state: { rotation: to, world: declared(givenUp(world), trigger, to.phase) },
    };
  }
}

/** Where the machine lets a rotation go, whatever the world is like: an event that is not legal now has no place here. */
interface Turns {
  readonly task: Task | undefined;
  readonly intended?: Rotation;
  readonly done?: Rotation;
  readonly failed?: Rotation;
  readonly triggers: readonly { readonly trigger: Trigger; readonly to: Rotation }[];
}

const known = new WeakMap<Setting, WeakMap<Rotation, Turns>>();

/** Worked out once for each rotation: a great many states share one. */
function turnsOf({ setting }: Model, rotation: Rotation): Turns {
  const ofSetting = known.get(setting) ?? new WeakMap<Rotation, Turns>();
  known.set(setting, ofSetting);
  const before = ofSetting.get(rotation);
  if (before !== undefined) return before;
  const to = (event: RotationEvent): Rotation[] => {
    const result = transition(setting, rotation, event);
    return result.ok ? [result.rotation] : [];
  };
  const triggers = allowedTriggers(setting, rotation).flatMap((trigger) =>
    to({ kind: 'trigger', trigger }).map((next) => ({ trigger, to: next })),
  );
  const [intended] = rotation.intended ? [] : to({ kind: 'intent' });
  const [[done], [failed]] = [to({ kind: 'done' }), to({ kind: 'failed' })];
  const turns: Turns = {
    task: nextTask(setting, rotation),
    ...(intended === undefined ? {} : { intended }),
    ...(done === undefined ? {} : { done }),
    ...(failed === undefined ? {} : { failed }),
    triggers,
  };
  ofSetting.set(rotation, turns);
  return turns;
}

/**
 * What the ledger's entry of a move declares: phase `retired` withdraws `current`, and a reinstatement takes that back;
 * phase `rolled-back` withdraws `next`.
 */
function declared(world: World, trigger: Trigger, phase: Phase): World {
  if (phase === 'retired') return withdrawing(world, 'current');
  if (phase === 'rolled-back') return withdrawing(world, 'next');
  if (trigger !== 'reinstate') return world;
  return { ...world, withdrawn: world.withdrawn.filter((generation) => generation !== 'current') };
}

function* replicaEvents(model: Model, world: World): Generator<Event> {
  const { environment, setting } = model;
  for (const [index, target] of setting.inventory.replicas.entries()) {
    const replica = world.replicas[index];
    if (replica === undefined) continue;
    const { memory, disk } = replica;
    const to = (move: Move, changed: Replica): Event[] =>
      changed.code === replica.code ? [] : [{ move, world: withReplica(model, world, index, changed) }];
    const started = replicaOf(disk, disk);
    if (memory === undefined) yield* to({ kind: 'start', target }, started);
    else if (environment.has('crash')) {
      if (model.downtime) yield* to({ kind: 'crash', target }, replicaOf(undefined, disk));
      else yield* to({ kind: 'restart', target }, started);
    }
    for (const [place, template] of setting.inventory.templates.entries()) {
      const source = world.templates[place];
      if (source === undefined) continue;
      if (environment.has('reconcile')) yield* to({ kind: 'reconcile', target, template }, replicaOf(memory, source));
      if (environment.has('scale-out')) yield* to({ kind: 'scale-out', target, template }, replicaOf(source, source));
    }
  }
}

function* clientEvents(model: Model, world: World): Generator<Event> {
  if (!model.environment.has('client-restart')) return;
  for (const [index, target] of model.setting.inventory.clients.entries()) {
    const old = world.clients[index];
    const client = old === undefined ? undefined : restarted(old);
    if (client === undefined) continue;
    yield { move: { kind: 'client-restart', target }, world: withClient(model, world, index, client) };
  }
}
