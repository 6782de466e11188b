import type { Successor } from '../../../src/machine/safety/moves.ts';
import {
  clientOf,
  codeOfWorld,
  type Model,
  replicaOf,
  type State,
  type World,
} from '../../../src/machine/safety/world.ts';
import { type Moves, modelMoves, modelOfWalk, touchesWorld, walk } from './walk.ts';

/** What a wrong model says that a move leads to; `undefined` where it is right. */
type Belief = (model: Model, before: World, successor: Successor) => World | undefined;

/** A model that is wrong in one point. */
export interface WrongModel {
  readonly believes: string;
  readonly belief: Belief;
}

/** Models that a comparison which sees everything must refute. */
export const WRONG_MODELS: readonly WrongModel[] = [
  { believes: 'a reload loads nothing', belief: nothing(({ move }) => isTask(move, 'reload')) },
  { believes: 'what is written is in force at once', belief: inForceAtOnce },
  { believes: 'a crash loses nothing', belief: nothing(({ move }) => move.kind === 'restart') },
  {
    believes: 'a client that restarts goes on as before',
    belief: nothing(({ move }) => move.kind === 'client-restart'),
  },
  {
    believes: 'a reconciler reaches the memory',
    belief: onReplica('reconcile', (_, source) => replicaOf(source, source)),
  },
  {
    believes: 'a new instance writes no disk',
    belief: onReplica('scale-out', ({ disk }, source) => replicaOf(source, disk)),
  },
  {
    believes: 'a new instance knows what the old one had in memory',
    belief: onReplica('scale-out', ({ memory }, source) => replicaOf(memory, source)),
  },
];

/** The moves as a wrong model has them, and the states that it was wrong about. */
export function movesOf({ belief }: WrongModel): { readonly moves: Moves; readonly wrong: WeakSet<State> } {
  const wrong = new WeakSet<State>();
  const moves: Moves = (model, before) =>
    modelMoves(model, before).map((successor) => {
      const world = belief(model, before.world, successor);
      if (world === undefined || codeOfWorld(world) === codeOfWorld(successor.state.world)) return successor;
      const state = { rotation: successor.state.rotation, world };
      wrong.add(state);
      return { move: successor.move, state };
    });
  return { moves, wrong };
}

/** Of the walks from a seed on, the one that comes soonest to a state that is looked for, by events in the world. */
export function soonest(
  model: Model,
  from: number,
  moves: Moves,
  isIt: (state: State, before: State) => boolean,
): number {
  const walks = Array.from({ length: WALKS }, (_, n) => {
    const seed = from + n;
    return { seed, events: eventsUntil(modelOfWalk(model, seed), seed, moves, isIt) };
  });
  const best = walks.reduce((a, b) => (b.events < a.events ? b : a));
  if (!Number.isFinite(best.events)) throw new Error(`no walk from ${from} on comes there`);
  return best.seed;
}

const WALKS = 40;
/** Further than this no walk is looked into. */
const FAR = 40;

function eventsUntil(model: Model, seed: number, moves: Moves, isIt: (state: State, before: State) => boolean): number {
  let events = 0;
  let before: State | undefined;
  for (const { move, state } of walk(model, seed, moves)) {
    if (touchesWorld(move)) events += 1;
    if (before !== undefined && isIt(state, before)) return events;
    if (events > FAR) break;
    before = state;
  }
  return Number.POSITIVE_INFINITY;
}

function nothing(of: (successor: Successor) => boolean): Belief {
  return (_model, before, successor) => (of(successor) ? before : undefined);
}

function isTask(move: Successor['move'], action: string): boolean {
  return move.kind === 'effect' && move.task.step.action === action;
}

function inForceAtOnce(_model: Model, _before: World, { move, state }: Successor): World | undefined {
  if (!isTask(move, 'write')) return undefined;
  const { world } = state;
  return {
    ...world,
    replicas: world.replicas.map(({ memory, disk }) => replicaOf(memory === undefined ? undefined : disk, disk)),
    clients: world.clients.map(({ disk, lingering }) => clientOf(disk, disk, lingering)),
  };
}

function onReplica(
  kind: 'reconcile' | 'scale-out',
  change: (replica: World['replicas'][number], source: World['templates'][number]) => World['replicas'][number],
): Belief {
  return ({ setting }, before, { move }) => {
    if (move.kind !== kind) return undefined;
    const [source] = before.templates;
    const place = setting.inventory.replicas.indexOf(move.target);
    if (source === undefined) return undefined;
    return { ...before, replicas: before.replicas.map((old, index) => (index === place ? change(old, source) : old)) };
  };
}
