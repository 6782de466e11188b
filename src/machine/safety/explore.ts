import { Graph, type Stage } from './graph.ts';
import type { Breach } from './invariants.ts';
import { ownMoves } from './moves.ts';
import type { Model } from './world.ts';

/** What an exploration came to. `states` and `moves` are how many different ones were seen. */
export type Explored = { readonly states: number; readonly moves: number } & (
  | { readonly result: 'safe' }
  /** The shortest way to a state in which an invariant does not hold. */
  | { readonly result: 'unsafe'; readonly way: readonly Stage[]; readonly breach: Breach }
  /** The shortest way to a state from which the rotation can never end; or, where it can, but never be done, to the furthest. */
  | { readonly result: 'dead-end'; readonly way: readonly Stage[]; readonly canEnd: boolean }
  /** There are more states than may be kept: nothing is known. */
  | { readonly result: 'too-large' }
);

/** How many states are kept at most; one takes about 1 KiB. */
const MAX_STATES = 400_000;

/** After how many states an exploration yields. */
const YIELD_EVERY = 1024;

/**
 * Explores every state that can be reached, breadth first, so that a counterexample is as short as any. The order of
 * states and moves is fixed, so that the same question gives the same answer, counts included.
 *
 * It takes a while on large models, and yields now and then how many states it has found: whoever runs it may stop.
 */
export function* exploring(
  model: Model,
  { maxStates = MAX_STATES, mustBeDone = false }: ExploreOptions = {},
): Generator<number, Explored> {
  const graph = new Graph(model);
  for (let at = 0; at < graph.states.length; at += 1) {
    const state = graph.states[at];
    if (state === undefined) break;
    if (at % YIELD_EVERY === YIELD_EVERY - 1) yield graph.states.length;
    const breach = graph.breachIn(state.world);
    if (breach !== undefined) return { result: 'unsafe', way: graph.wayTo(at), breach, ...graph.size };
    for (const { move, state: next, hoped } of ownMoves(model, state)) {
      graph.add(at, move, next.rotation, next.world, hoped);
    }
    for (const { move, world } of graph.eventsIn(state.world)) graph.add(at, move, state.rotation, world);
    if (graph.states.length > maxStates) return { result: 'too-large', ...graph.size };
  }
  const stuck = graph.firstStuck();
  if (stuck !== undefined) return { result: 'dead-end', way: graph.wayTo(stuck), canEnd: false, ...graph.size };
  const furthest = mustBeDone ? graph.furthestUndone() : undefined;
  if (furthest !== undefined) return { result: 'dead-end', way: graph.wayTo(furthest), canEnd: true, ...graph.size };
  return { result: 'safe', ...graph.size };
}

/** How an exploration differs from the ordinary. */
interface ExploreOptions {
  /** How many states are kept at most. */
  readonly maxStates?: number;
  /** A model in which no state is `destroyed` is a dead end as a whole: the rotation can be given up, and never be done. */
  readonly mustBeDone?: boolean;
}

/** Explores in one go. */
export function explore(model: Model, options: ExploreOptions = {}): Explored {
  return toEnd(exploring(model, options));
}

/** Runs what yields on the way, for what it returns. */
export function toEnd<T>(work: Generator<unknown, T>): T {
  let step = work.next();
  while (step.done !== true) step = work.next();
  return step.value;
}
