/** One key's value and when it ends (Unix milliseconds; `undefined` is never). */
export interface Entry {
  readonly value: string;
  readonly expiresAt: number | undefined;
}

/** The store's numbered databases. */
export interface Keyspace {
  get(db: number, key: string): Entry | undefined;
  set(db: number, key: string, entry: Entry): void;
  /** Whether the key was there. */
  remove(db: number, key: string): boolean;
  /** Every live entry, with its database and key. */
  entries(): Iterable<readonly [number, string, Entry]>;
}

/** Reclaims expired keys after so many writes. */
const SWEEP_EVERY = 1000;

/** Makes an empty keyspace; a key is still there at the very millisecond at which it ends, as in Redis. */
export function makeKeyspace(now: () => number): Keyspace {
  const dbs = new Map<number, Map<string, Entry>>();
  let writes = 0;
  const dbOf = (db: number): Map<string, Entry> => {
    const found = dbs.get(db) ?? new Map<string, Entry>();
    dbs.set(db, found);
    return found;
  };
  const live = (entry: Entry): boolean => entry.expiresAt === undefined || entry.expiresAt >= now();
  const sweep = (): void => {
    for (const keys of dbs.values()) {
      for (const [key, entry] of keys) if (!live(entry)) keys.delete(key);
    }
  };
  const get = (db: number, key: string): Entry | undefined => {
    const entry = dbOf(db).get(key);
    return entry !== undefined && live(entry) ? entry : undefined;
  };
  return {
    get,
    set: (db, key, entry) => {
      writes += 1;
      if (writes % SWEEP_EVERY === 0) sweep();
      dbOf(db).set(key, entry);
    },
    remove: (db, key) => get(db, key) !== undefined && dbOf(db).delete(key),
    *entries() {
      for (const [db, keys] of dbs) {
        for (const [key, entry] of keys) if (live(entry)) yield [db, key, entry] as const;
      }
    },
  };
}
