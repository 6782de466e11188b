import { describe, expect, it } from 'vitest';
import { soundRun } from '../support/sound-replay.ts';

/** A slice of the fifty runs of `make test-long`. */
const SEEDS = [1, 2];

describe('verify-replay on sound fleets', () => {
  it('raises no alarm, whatever their shape', { timeout: 180_000 }, async () => {
    const ended = await Promise.all(SEEDS.map(soundRun));
    expect(ended).toEqual(SEEDS.map(() => ({ code: 0, verdict: 'pass', bad: [] })));
  });
});
