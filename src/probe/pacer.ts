import type { Clock } from './ports.ts';

/** Keeps requests to one place below a rate. */
export interface Pacer {
  /** Resolves when `count` requests may be sent to `key` at once; they are paid for by those who come later. */
  turn(key: string, count?: number): Promise<void>;
}

/** A pacer of `perSecond` requests a second for each key; without a rate it never waits. */
export function createPacer(clock: Clock, perSecond: number | undefined): Pacer {
  const freeAt = new Map<string, number>();
  return {
    async turn(key, count = 1) {
      if (perSecond === undefined) return;
      const now = clock.monotonic();
      const mine = Math.max(now, freeAt.get(key) ?? now);
      freeAt.set(key, mine + (count * 1000) / perSecond);
      if (mine > now) await clock.sleep(mine - now);
    },
  };
}
