import { isFinal, PHASES } from '../phase.ts';
import type { Rotation } from '../rotation.ts';
import { type Breach, breachIn } from './invariants.ts';
import { type Event, events, type Move } from './moves.ts';
import {
  codeOfRotation,
  codeOfWorld,
  codeUpToNames,
  initialState,
  type Model,
  type State,
  type World,
} from './world.ts';

/** One move of a way through the model, and the state that it led to. */
export interface Stage {
  readonly move: Move;
  readonly state: State;
}

/** The phases of a rotation that goes well, which is how their list begins. */
const WAY = PHASES.slice(0, PHASES.indexOf('destroyed') + 1);

/** More than there can be different worlds, so that a rotation and a world make one number. */
const MAX_WORLDS = 2 ** 24;

/** What is worked out once for each different world: many states share one. */
interface KnownWorld {
  readonly id: number;
  readonly world: World;
  breach?: Breach | null;
  events?: readonly Event[];
}

/** The states that were reached, how each was reached first, and every move between them. */
export class Graph {
  readonly states: State[] = [];
  readonly #model: Model;
  readonly #symmetric: boolean;
  readonly #places = new Map<string | number, number>();
  readonly #worlds = new Map<string, KnownWorld>();
  readonly #knownWorlds = new WeakMap<World, KnownWorld>();
  readonly #rotations = new Map<string, { readonly id: number; readonly rotation: Rotation }>();
  readonly #knownRotations = new WeakMap<Rotation, { readonly id: number; readonly rotation: Rotation }>();
  readonly #parents: number[] = [];
  readonly #moves: (Move | undefined)[] = [];
  readonly #from: number[] = [];
  readonly #to: number[] = [];

  constructor(model: Model) {
    this.#model = model;
    this.#symmetric = model.alike.replicas.length + model.alike.clients.length > 0;
    const { rotation, world } = initialState(model);
    this.#place(rotation, world, -1, undefined);
  }

  get size(): { states: number; moves: number } {
    return { states: this.states.length, moves: this.#from.length };
  }

  breachIn(world: World): Breach | undefined {
    const known = this.#worldOf(world);
    known.breach ??= breachIn(this.#model, world) ?? null;
    return known.breach ?? undefined;
  }

  eventsIn(world: World): readonly Event[] {
    const known = this.#worldOf(world);
    known.events ??= [...events(this.#model, world)].map((event) => ({
      move: event.move,
      world: this.#worldOf(event.world).world,
    }));
    return known.events;
  }

  /** Notes a move, and the state that it leads to if that is new. What is only hoped for is no way out of a dead end. */
  add(from: number, move: Move, rotation: Rotation, world: World, hoped = false): void {
    const to = this.#place(rotation, world, from, move);
    this.#from.push(from);
    this.#to.push(hoped ? from : to);
  }

  #place(rotation: Rotation, world: World, parent: number, move: Move | undefined): number {
    const state: State = { rotation: this.#rotationOf(rotation).rotation, world: this.#worldOf(world).world };
    const key = this.#symmetric
      ? codeUpToNames(this.#model, state)
      : this.#rotationOf(rotation).id * MAX_WORLDS + this.#worldOf(world).id;
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const fresh = this.states.length;
    this.#places.set(key, fresh);
    this.states.push(state);
    this.#parents.push(parent);
    this.#moves.push(move);
    return fresh;
  }

  /** The one object that stands for every world of the same content. */
  #worldOf(world: World): KnownWorld {
    const same = this.#knownWorlds.get(world);
    if (same !== undefined) return same;
    const code = codeOfWorld(world);
    const known = this.#worlds.get(code) ?? { id: this.#worlds.size, world };
    this.#worlds.set(code, known);
    this.#knownWorlds.set(world, known);
    return known;
  }

  /** Likewise for rotations. */
  #rotationOf(rotation: Rotation): { readonly id: number; readonly rotation: Rotation } {
    const same = this.#knownRotations.get(rotation);
    if (same !== undefined) return same;
    const code = codeOfRotation(this.#model, rotation);
    const known = this.#rotations.get(code) ?? { id: this.#rotations.size, rotation };
    this.#rotations.set(code, known);
    this.#knownRotations.set(rotation, known);
    return known;
  }

  /** The moves by which a state was first reached. */
  wayTo(place: number): Stage[] {
    const way: Stage[] = [];
    for (let at = place; at > 0; at = this.#parents[at] ?? 0) {
      const [move, state] = [this.#moves[at], this.states[at]];
      if (move !== undefined && state !== undefined) way.unshift({ move, state });
    }
    return way;
  }

  /** The state that comes nearest to the end, where none has come to it. */
  furthestUndone(): number | undefined {
    const progress = this.states.map(({ rotation: { phase, done } }) => [WAY.indexOf(phase), done] as const);
    if (progress.some(([phase]) => phase === WAY.length - 1)) return undefined;
    return progress.reduce((best, [phase, done], place) => {
      const [furthest, most] = progress[best] ?? [-1, 0];
      return phase > furthest || (phase === furthest && done > most) ? place : best;
    }, 0);
  }

  /** The first state from which no moves lead to the end of the rotation. */
  firstStuck(): number | undefined {
    const before: number[][] = this.states.map(() => []);
    for (const [index, to] of this.#to.entries()) before[to]?.push(this.#from[index] ?? 0);
    const ends = this.states.map(({ rotation }) => isFinal(rotation.phase));
    const queue = [...ends.keys()].filter((place) => ends[place] === true);
    for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
      for (const place of before[at] ?? []) {
        if (ends[place] === true) continue;
        ends[place] = true;
        queue.push(place);
      }
    }
    const stuck = ends.indexOf(false);
    return stuck === -1 ? undefined : stuck;
  }
}
