import type { Entry } from '../ledger/entry.ts';

/**
 * A nonce that was burned and is to be tried once more when its life is over: the replay check that needs time.
 * The nonce is `rotctl`'s own, made for this and used for nothing else.
 */
export interface Owed {
  readonly nonce: string;
  readonly client: string;
  readonly replica: string;
  /** Unix milliseconds of the burn. */
  readonly burnedAt: number;
  /** Unix milliseconds from which on the nonce may be used again. */
  readonly dueAt: number;
}

/** The after-TTL checks that entries announce (`data.owed`) and no later entry settles (`data.settled`). */
export function parseOwed(entries: readonly Entry[]): Owed[] {
  const open = new Map<string, Owed>();
  for (const { data } of entries) {
    if (Array.isArray(data.owed)) for (const owed of data.owed as unknown as Owed[]) open.set(owed.nonce, owed);
    if (Array.isArray(data.settled)) for (const nonce of data.settled) open.delete(String(nonce));
  }
  return [...open.values()];
}
