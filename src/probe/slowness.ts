import type { Outcome } from '../protocol/outcome.ts';

/**
 * Why a refusal for its time may be the replica's slowness and not its clock: the exchange took more than half of the
 * window, so that nobody knows how old the request was when it was looked at. `undefined` for everything else.
 */
export function slowness(
  { outcome, ms }: { readonly outcome: Outcome; readonly ms: number },
  maxAgeMs: number,
): string | undefined {
  if (outcome.code !== 'AUTH_TIMESTAMP_SKEW' || ms <= maxAgeMs / 2) return undefined;
  return `the exchange took ${Math.round(ms)} ms, more than half the window of ${maxAgeMs} ms: it is slow, and its clock may be right`;
}
