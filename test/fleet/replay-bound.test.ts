import { describe, expect, it } from 'vitest';
import { replayBound } from '../../src/fleet/replay-bound.ts';

describe('replayBound', () => {
  const contract = { maxAgeMs: 60_000, clockErrorMs: 1000, storeTimeoutMs: 5000 };

  it.each([
    [126_999, false],
    [127_000, true],
    [127_001, true],
  ])('a nonce life of %d ms against the 127 s of the field: %s', (nonceTtlMs, ok) => {
    expect(replayBound({ ...contract, nonceTtlMs })).toEqual({ neededMs: 127_000, haveMs: nonceTtlMs, ok });
  });

  /**
   * All clock errors and store delays in steps, on a small scale: the last moment at which any replica can accept a
   * request again after another accepted it first is the bound, no less.
   */
  it('is exact: the longest time between two acceptances of one request over all clocks is the bound', () => {
    const small = { maxAgeMs: 5, clockErrorMs: 2, storeTimeoutMs: 3, nonceTtlMs: 0 };
    let longest = 0;
    for (let first = -2; first <= 2; first++) {
      for (let second = -2; second <= 2; second++) {
        for (let timestamp = -20; timestamp <= 20; timestamp++) {
          if (Math.abs(first - timestamp) > small.maxAgeMs) continue;
          for (let later = 0; later <= 40; later++) {
            if (Math.abs(later + second - timestamp) <= small.maxAgeMs)
              longest = Math.max(longest, later + small.storeTimeoutMs);
          }
        }
      }
    }
    expect(replayBound(small).neededMs).toBe(longest);
  });
});
