/** Numbers from 0 to below 1 that are the same for the same seed (mulberry32). */
export type Random = () => number;

/** A generator of its own for a seed, which is a whole number. */
export function seeded(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One of a list, all alike likely; `undefined` of an empty one. */
export function oneOf<T>(random: Random, list: readonly T[]): T | undefined {
  return list[Math.floor(random() * list.length)];
}

/** One of a list by its weights, which are not all 0; `undefined` of an empty list. */
export function weighted<T>(random: Random, list: readonly T[], weightOf: (one: T) => number): T | undefined {
  const weights = list.map(weightOf);
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
  return list.find((_, index) => {
    left -= weights[index] ?? 0;
    return left < 0;
  });
}
