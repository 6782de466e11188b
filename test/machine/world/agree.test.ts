import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { within } from '../../support/practice-fleet.ts';
import { drive } from './drive.ts';
import { PracticeWorld } from './practice-world.ts';
import { sayTally } from './tally.ts';
import { modelMoves } from './walk.ts';
import { Disagreement } from './walker.ts';
import { movesOf, soonest, WRONG_MODELS } from './wrong-models.ts';

const SEED = Number(process.env.ROTCTL_TEST_SEED ?? Math.floor(Math.random() * 1e6));
let world: PracticeWorld;

beforeAll(async () => {
  world = await PracticeWorld.start();
}, within(30).timeout);

afterAll(() => world?.close());

describe('model and world agree', within(60), () => {
  it(`state by state, on random walks (ROTCTL_TEST_SEED=${SEED})`, async () => {
    const tally = await drive([world], { seed: SEED, events: 150 });
    process.stdout.write(`${sayTally(tally)}\n`);
    expect(tally.events).toBe(150);
  });
});

/** What the comparison says of a walk that must not succeed. */
async function disagreement(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof Disagreement) return error.message;
  throw error ?? new Error('model and world agreed');
}

describe('the comparison finds', within(30), () => {
  afterEach(() => world.repair());

  it.each(WRONG_MODELS)(`a model that believes: $believes (ROTCTL_TEST_SEED=${SEED})`, async (wrongModel) => {
    const { moves, wrong } = movesOf(wrongModel);
    const seed = soonest(world.model, SEED, moves, (state) => wrong.has(state));
    const message = await disagreement(drive([world], { seed, events: 40, moves, proofShare: 0 }));
    expect(message).toMatch(/^model and world disagree .* ROTCTL_TEST_SEED=\d+:\n {2}.*: expected .*, seen /);
    expect(message).toMatch(/\n {3}1\. [a-z]+ .*\n/);
  });

  const next = (state: 'accepts' | 'refuses', place: number) => {
    return ({ world: { replicas } }: Parameters<Parameters<typeof soonest>[3]>[0]) =>
      replicas[place]?.memory?.accepts.includes('next') === (state === 'accepts');
  };

  it('a signer that misses next', async () => {
    const seed = soonest(world.model, SEED, modelMoves, next('accepts', 1));
    await world.supervisor.tell('fault', 'plant', 'misses-next', 'signer-b');
    const message = await disagreement(drive([world], { seed, events: 60, proofShare: 0 }));
    await world.supervisor.tell('fault', 'lift', 'misses-next', 'signer-b');
    expect(message).toContain('next of client-a at signer-b: expected ACCEPTED, seen AUTH_INVALID_HMAC\n');
    expect(message).toContain('next of client-b at signer-b: expected ACCEPTED, seen AUTH_INVALID_HMAC\n');
    expect(message).not.toMatch(/at signer-[ac]: expected/);
  });

  it('a signer that keeps what it was to forget', async () => {
    const seed = soonest(world.model, SEED, modelMoves, (state, before) => {
      return next('accepts', 0)(before) && next('refuses', 0)(state) && state.world.replicas[0]?.memory !== undefined;
    });
    await world.supervisor.tell('fault', 'plant', 'keeps-old', 'signer-a');
    const message = await disagreement(drive([world], { seed, events: 60, proofShare: 0 }));
    await world.supervisor.tell('fault', 'lift', 'keeps-old', 'signer-a');
    expect(message).toContain('next of client-a at signer-a: expected AUTH_INVALID_HMAC, seen ACCEPTED\n');
  });
});
