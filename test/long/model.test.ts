import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PHASES } from '../../src/machine/phase.ts';
import { drive } from '../machine/world/drive.ts';
import { PracticeWorld } from '../machine/world/practice-world.ts';
import { sayTally } from '../machine/world/tally.ts';
import { within } from '../support/practice-fleet.ts';

const SEED = Number(process.env.ROTCTL_TEST_SEED ?? Math.floor(Math.random() * 1e6));
const EVENTS = Number(process.env.ROTCTL_TEST_EVENTS ?? 10_000);
/** Side by side, so that the processors have work while one fleet waits for a signer to leave service. */
const FLEETS = 2;
const worlds: PracticeWorld[] = [];

beforeAll(async () => {
  for (let n = 0; n < FLEETS; n += 1) worlds.push(await PracticeWorld.start());
}, within(60).timeout);

afterAll(() => Promise.all(worlds.map((world) => world.close())));

describe('model and world agree', within(3600), () => {
  it(`on ${EVENTS} events of random walks, through every phase (ROTCTL_TEST_SEED=${SEED})`, async () => {
    const tally = await drive(worlds, { seed: SEED, events: EVENTS });
    process.stdout.write(`${sayTally(tally)}\n`);
    expect(tally.events).toBeGreaterThanOrEqual(EVENTS);
    expect(tally.entered).toEqual(new Set(PHASES));
  });
});
