import { expect, it } from 'vitest';
import { pooledRandom } from '../../src/system/random.ts';

it('gives hex of the length asked, across the ends of its pool and beyond its size', () => {
  const random = pooledRandom();
  for (const bytes of [1, 16, 24, 32, 4095, 4096, 4097, 10_000])
    expect(random.hex(bytes)).toMatch(new RegExp(`^[0-9a-f]{${2 * bytes}}$`));
});

it('never gives the same bytes twice, nor what was wiped', () => {
  const random = pooledRandom();
  const seen = new Set(Array.from({ length: 20_000 }, () => random.hex(16)));
  expect([seen.size, seen.has('0'.repeat(32))]).toEqual([20_000, false]);
});
