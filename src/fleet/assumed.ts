import type { AssumedNumber } from './fleet.ts';

const NUMBERS: readonly AssumedNumber[] = ['maxAge', 'nonceTtl', 'clockError', 'storeTimeout'];

/** The numbers of `replay` that a fleet file (its plain value, with its profile) leaves to their defaults. */
export function assumedIn(written: unknown): readonly AssumedNumber[] {
  const replay = memberOf(written, 'replay');
  return NUMBERS.filter((name) => memberOf(replay, name) === undefined);
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}
