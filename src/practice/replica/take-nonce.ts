import type { FaultName } from '../faults.ts';
import type { NonceStore, SharedStore, StoreSettings } from './nonce-store.ts';

const SHORT_TTL_MS = 500;

/** A replica's two places for nonces, and the faults that choose between them. */
export interface NonceKeeper {
  readonly faults: ReadonlySet<FaultName>;
  readonly store: SharedStore;
  /** Of this process alone. */
  readonly memory: NonceStore;
}

/**
 * Takes a nonce, as the planted faults have it: `unknown` when the store fails or is silent, and the request must be
 * refused. `key` comes after the store's prefix.
 */
export async function takeNonce(
  keeper: NonceKeeper,
  key: string,
  { prefix, ttlMs }: { readonly prefix: StoreSettings['prefix']; readonly ttlMs: number },
): Promise<'fresh' | 'used' | 'unknown'> {
  const { faults } = keeper;
  const full = `${faults.has('other-prefix') ? 'other:' : ''}${prefix}${key}`;
  try {
    const fresh = await consumeVia(keeper)(full, faults.has('short-ttl') ? SHORT_TTL_MS : ttlMs);
    return fresh ? 'fresh' : 'used';
  } catch {
    return faults.has('fail-open') ? 'fresh' : 'unknown';
  }
}

function consumeVia({ faults, store, memory }: NonceKeeper): NonceStore['consume'] {
  if (faults.has('memory-store') || faults.has('per-process-nonces')) return memory.consume;
  return faults.has('non-atomic-store') ? store.consumeInTwoSteps : store.consume;
}
