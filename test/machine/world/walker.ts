import { initialState, type Model, type State } from '../../../src/machine/safety/world.ts';
import {
  differences,
  expectedDisks,
  expectedMatrix,
  expectedTraffic,
  GENERATIONS,
  inPlaces,
  placeOf,
  type Sight,
} from './expected.ts';
import type { PracticeWorld } from './practice-world.ts';
import { proofsToTake, wouldPass } from './proof-choice.ts';
import { oneOf, type Random, seeded } from './random.ts';
import type { Tally } from './tally.ts';
import { type Moves, modelOfWalk, type Step, sayStep, touchesWorld, walk } from './walk.ts';

/** One walk: which, by which model, and when to stop. */
export interface Wish {
  readonly seed: number;
  /** The walk ends when so many events were driven, by all walks together. */
  readonly events: number;
  readonly moves: Moves;
  readonly proofShare: number;
}

/** The model and the fleet disagree. The message says where, and how to come there again. */
export class Disagreement extends Error {}

/** Traffic is looked at after each event that a client may notice, and each so many others. */
const TRAFFIC_EVERY = 5;
/** A nonce is burned once in each walk, after this many events. */
const NONCE_AT = 6;

/** Makes one walk in earnest on one fleet, and compares after every event. Throws `Disagreement`. */
export function follow(world: PracticeWorld, wish: Wish, tally: Tally): Promise<void> {
  return new Walker(world, wish, tally).run();
}

/** The state in which each fleet was left: the next walk begins from there. After a disagreement nobody knows it. */
const left = new WeakMap<PracticeWorld, State>();

/** One walk, made in earnest on one fleet. */
class Walker {
  readonly #world: PracticeWorld;
  readonly #wish: Wish;
  readonly #tally: Tally;
  readonly #model: Model;
  readonly #random: Random;
  readonly #words: string[] = [];
  #state: State;
  #events = 0;

  constructor(world: PracticeWorld, wish: Wish, tally: Tally) {
    this.#world = world;
    this.#wish = wish;
    this.#tally = tally;
    this.#model = modelOfWalk(world.model, wish.seed);
    this.#random = seeded(~wish.seed);
    this.#state = initialState(this.#model);
  }

  async run(): Promise<void> {
    try {
      await this.#world.renew(left.get(this.#world) ?? this.#state);
      left.set(this.#world, this.#state);
      await this.#compare(true);
      this.#tally.entered.add(this.#state.rotation.phase);
      for (const step of walk(this.#model, this.#wish.seed, this.#wish.moves)) {
        await this.#follow(step);
        if (this.#tally.events >= this.#wish.events) break;
      }
      await this.#compareTraffic([]);
    } catch (error) {
      left.delete(this.#world);
      if (error instanceof Disagreement) throw error;
      throw new Error(
        this.#told('the walk broke off', [error instanceof Error ? (error.stack ?? '') : 'unknown failure']),
      );
    }
  }

  async #follow(step: Step): Promise<void> {
    this.#words.push(sayStep(step));
    this.#state = step.state;
    left.set(this.#world, step.state);
    this.#tally.entered.add(step.state.rotation.phase);
    if (!touchesWorld(step.move)) return;
    await this.#world.bring(step.move);
    this.#count(step);
    const touched = clientsBegunAnew(step);
    if (touched.length > 0) await this.#world.expectTraffic(this.#up());
    await this.#compare(touched.length > 0 || this.#events % TRAFFIC_EVERY === 0, touched);
    if (this.#events === NONCE_AT) await this.#burn();
    if (this.#random() < this.#wish.proofShare) await this.#prove();
  }

  #count({ move, state, vain }: Step): void {
    const { phases, kinds } = this.#tally;
    const kind = move.kind === 'effect' ? `${move.task.step.action} on ${move.task.step.over}` : move.kind;
    const words = vain ? `${kind} (vain)` : kind;
    this.#events += 1;
    this.#tally.events += 1;
    phases.set(state.rotation.phase, (phases.get(state.rotation.phase) ?? 0) + 1);
    kinds.set(words, (kinds.get(words) ?? 0) + 1);
  }

  /** The replicas that the model says are up. */
  #up(): readonly string[] {
    const { replicas } = this.#model.setting.inventory;
    return replicas.filter((_, index) => this.#state.world.replicas[index]?.memory !== undefined);
  }

  /** Compares everything; the traffic only where it is asked for, and that of some clients not before it has come. */
  async #compare(traffic: boolean, awaited: readonly string[] = []): Promise<void> {
    const { world } = this.#state;
    const matrix = await this.#world.matrix();
    this.#tally.cells += matrix.size;
    this.#demand(expectedMatrix(this.#model, world), matrix);
    this.#demand(expectedDisks(this.#model, world), await this.#world.disks());
    if (traffic) await this.#compareTraffic(this.#up().length === 0 ? [] : awaited);
  }

  async #compareTraffic(awaited: readonly string[]): Promise<void> {
    await this.#world.seeTraffic(awaited);
    const seen = await this.#world.traffic();
    const looked = new Set([...seen.keys(), ...awaited.map(placeOf.traffic)]);
    this.#demand(
      inPlaces(expectedTraffic(this.#model, this.#state.world), (place) => looked.has(place)),
      seen,
    );
    const refused = await this.#world.refused();
    this.#demand(new Map([['valid requests refused', '0']]), new Map([['valid requests refused', String(refused)]]));
  }

  /** A nonce burned at one replica is refused at all that accept its signature, and look it up in the declared place. */
  async #burn(): Promise<void> {
    const up = this.#up();
    const at = oneOf(this.#random, up);
    if (at === undefined) return;
    const { replicas } = this.#model.setting.inventory;
    const accepted = (name: string, generation: 'current' | 'next') =>
      this.#state.world.replicas[replicas.indexOf(name)]?.memory?.accepts.includes(generation) === true;
    const generation = GENERATIONS.find((one) => accepted(at, one)) ?? 'current';
    const wanted = up.map((name): [string, string] => [
      name,
      accepted(name, generation) ? 'REPLAY_NONCE_USED' : 'AUTH_INVALID_HMAC',
    ]);
    const seen = await this.#world.burnedElsewhere(at, generation);
    this.#demand(
      new Map(wanted),
      inPlaces(seen, (name) => up.includes(name)),
    );
    this.#tally.nonces += 1;
  }

  /** Takes proofs in earnest, as far as they pass, and compares with what the model says of them. */
  async #prove(): Promise<void> {
    const task = proofsToTake(this.#random, this.#model, this.#state);
    const expected = wouldPass(this.#model, this.#state, task);
    let seen = true;
    let last = '';
    for (const proof of task.step.proofs) {
      last = JSON.stringify(proof);
      seen = await this.#world.isProven(proof, task.step.phase, task.targets);
      if (!seen) break;
    }
    this.#tally.proofs += 1;
    const place = `proofs of ${task.step.id} on ${task.targets.join(', ')}, down to ${last}`;
    this.#demand(new Map([[place, String(expected)]]), new Map([[place, String(seen)]]));
  }

  #demand(expected: Sight, seen: Sight): void {
    const lines = differences(expected, seen);
    if (lines.length > 0) throw new Disagreement(this.#told('model and world disagree', lines));
  }

  /** What went wrong, and how to come there again. */
  #told(what: string, lines: readonly string[]): string {
    const words = this.#words.map((text, index) => `${String(index + 1).padStart(4)}. ${text}`);
    const { phase } = this.#state.rotation;
    return [
      `${what} in phase ${phase}, after move ${words.length} of the walk ROTCTL_TEST_SEED=${this.#wish.seed}:`,
      ...lines.map((line) => `  ${line}`),
      'the walk, from everybody on current alone:',
      ...words,
    ].join('\n');
  }
}

/** The clients whose processes begin anew. */
function clientsBegunAnew({ move }: Step): readonly string[] {
  if (move.kind === 'client-restart') return [move.target];
  const anew = move.kind === 'effect' && move.task.step.over === 'clients' && move.task.step.action === 'restart';
  return anew ? [move.target] : [];
}
