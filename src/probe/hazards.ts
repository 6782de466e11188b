/** What can be wrong with single use, by the number that `spec/checks.md` and findings use: what it is, in a few words. */
export const HAZARDS = {
  H1: 'a nonce is forgotten before its request has died: its life is below 2·maxAge + 2E + D',
  H2: 'the store evicts nonces when its memory is short',
  H3: 'the store is full and takes no more nonces',
  H4: 'a fail-over lost the last writes',
  H5: 'the store restarted without its data',
  H6: 'the store writes to disk late, and a crash of its host loses the last writes',
  H7: 'a primary without persistence restarts empty, and its replicas copy that',
  H8: 'the clock of the store steps, and keys end early',
  H9: 'the clock of a signer is off',
  H10: 'another namespace: another store, database or prefix',
  H11: 'a store of its own in the memory of each process',
  H12: 'looking and then writing (GET, then SET; EXISTS, then SETEX) is not atomic',
  H13: 'SETNX and then EXPIRE: a crash between the two leaves a key without an end',
  H14: 'a replica of the store takes writes',
  H15: 'a slot of the cluster was moved without its keys',
  H16: 'a client that knows no cluster talks to one',
  H17: 'a proxy before the store retries, splits reads or shards anew',
  H18: 'the store client sends its SET again after a lost answer',
  H19: 'the store was flushed or swapped',
  H20: 'one nonce has several keys: replicas make them differently (case, white space, escapes, cut off), or the key covers more than the nonce',
  H21: 'the key of a nonce has no client id, or two ids share a secret',
  H22: 'nonces are unbounded, or pin a slot by a hash tag',
  H23: 'the health check of the store sees a PING and no write',
  H24: 'two environments share one store',
  H25: 'a store with several primaries: two regions take one nonce each',
  H26: 'nonces are read from a replica of the store that lags behind',
  'fail-open': 'the signer accepts when its store fails, or remembers nothing at all',
} as const;

/** The number of a hazard of the replay store. */
export type Hazard = keyof typeof HAZARDS;

/** Hazards that several looks have left over, each once, in the order in which they were named; `undefined` where no look said. */
export function hazardsOf(...lists: readonly (readonly Hazard[] | undefined)[]): readonly Hazard[] | undefined {
  const said = lists.filter((list) => list !== undefined);
  return said.length === 0 ? undefined : [...new Set(said.flat())];
}
