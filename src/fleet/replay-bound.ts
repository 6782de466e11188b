import type { ReplayContract } from './fleet.ts';

/** How long a nonce must be remembered, and how long the fleet says that it is. */
export interface ReplayBound {
  /** 2·maxAge + 2E + D, and what of a timestamp is not signed: from the first acceptance of a request to the end of its window on any replica. */
  readonly neededMs: number;
  readonly haveMs: number;
  readonly ok: boolean;
}

/**
 * Compares a fleet's nonce life with the exact bound for equal settings on all replicas: a request first accepted by
 * a replica whose clock is E behind may be accepted until 2·maxAge + 2E later by one whose clock is E ahead, and the
 * store may answer D after that. What of its timestamp is not signed can be changed between the two. `readFleet` refuses less than 2·maxAge; from there up to the bound it is for a check to report.
 */
export function replayBound(contract: ReplayContract): ReplayBound {
  const { maxAgeMs, clockErrorMs, storeTimeoutMs, unsignedMs = 0 } = contract;
  const neededMs = 2 * maxAgeMs + 2 * clockErrorMs + storeTimeoutMs + unsignedMs;
  return { neededMs, haveMs: contract.nonceTtlMs, ok: contract.nonceTtlMs >= neededMs };
}
