import type { PracticeWorld } from './practice-world.ts';
import type { Tally } from './tally.ts';
import { type Moves, modelMoves } from './walk.ts';
import { follow } from './walker.ts';

/** What is driven, how long, and by which model. */
export interface Drive {
  /** Of the first walk; each further walk has the next number. */
  readonly seed: number;
  /** How many events that touch the world, in all. */
  readonly events: number;
  /** What can happen; by default what the checker's model says. */
  readonly moves?: Moves;
  /** Share of the events after which a proof is taken in earnest, as the runner takes it. */
  readonly proofShare?: number;
}

/** Drives walks on fleets side by side, one walk after the other on each, and compares after every event. */
export async function drive(worlds: readonly PracticeWorld[], wish: Drive): Promise<Tally> {
  const { seed, events, moves = modelMoves, proofShare = PROOF_SHARE } = wish;
  const began = performance.now();
  const tally: Tally = {
    ...{ walks: 0, events: 0, cells: 0, proofs: 0, nonces: 0, ms: 0 },
    ...{ entered: new Set(), phases: new Map(), kinds: new Map() },
  };
  const keepGoing = async (world: PracticeWorld) => {
    while (tally.events < events) {
      const next = { seed: seed + tally.walks, events, moves, proofShare };
      tally.walks += 1;
      await follow(world, next, tally);
    }
  };
  await Promise.all(worlds.map(keepGoing));
  return { ...tally, ms: performance.now() - began };
}

const PROOF_SHARE = 0.05;
