import { describe, expect, it } from 'vitest';
import { soundRun } from '../support/sound-replay.ts';

const RUNS = 50;
/** Fleets that are looked at side by side: a run mostly waits for nonces to end. */
const AT_ONCE = 2;

describe('fifty runs of verify-replay on sound fleets', () => {
  it('raise no alarm', { timeout: 1_800_000 }, async () => {
    const seeds = Array.from({ length: RUNS }, (_, n) => n + 1);
    const alarms: string[] = [];
    const work = async (): Promise<void> => {
      for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
        const { code, bad } = await soundRun(seed);
        if (code !== 0 || bad.length > 0) alarms.push(`seed ${seed}: exit ${code}: ${bad.join('; ')}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    expect(alarms).toEqual([]);
  });
});
