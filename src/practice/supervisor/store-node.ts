import type { Part } from './part.ts';

/** One process of the store, and where it listens. */
export interface StoreNode {
  readonly part: Part;
  readonly port: number;
}

/** The replay store of a fleet. */
export interface Store {
  /** `redis-server 7.0.15` or `embedded`, and what of it there is. */
  readonly description: string;
  /** What holds nonces; the first is called `store`. */
  readonly nodes: readonly StoreNode[];
  /** What looks after them. */
  readonly others: readonly Part[];
  /** Starts what does not run; resolves when the store takes nonces. */
  start(): Promise<void>;
  /** Ends all of it. */
  stop(): Promise<void>;
  /** The nodes that take writes at present. */
  primaries(): Promise<readonly StoreNode[]>;
  /** Kills the primary and waits for another one; rejects where there can be none. */
  failover(): Promise<void>;
}

/** Starts a part that does not run. */
export async function ensureStarted(part: Part): Promise<void> {
  if (part.pid() === undefined) await part.start();
}
