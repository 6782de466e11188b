import type { OutcomeKind } from '../messages.ts';

/** A client's requests since the fleet started, over all its restarts. */
export interface Tally {
  accepted: number;
  /** Valid requests that authentication refused, or a TLS handshake. */
  refused: number;
  /** Those of them that a TLS handshake refused: one side or the other did not take a certificate. */
  handshakes: number;
  /** Everything else that failed: resets, 5xx, 429, timeouts. */
  faults: number;
  /** The refused ones by code. */
  readonly refusedBy: Record<string, number>;
  lastCode: string;
  readonly byCode: Record<string, number>;
}

/** A tally of nothing. */
export function emptyTally(): Tally {
  return { accepted: 0, refused: 0, handshakes: 0, faults: 0, refusedBy: {}, lastCode: '', byCode: {} };
}

/** Counts one request. */
export function count(tally: Tally, kind: OutcomeKind, code: string): void {
  if (kind === 'accepted') tally.accepted += 1;
  else if (kind === 'fault') tally.faults += 1;
  else {
    tally.refused += 1;
    tally.refusedBy[code] = (tally.refusedBy[code] ?? 0) + 1;
  }
  if (kind === 'handshake') tally.handshakes += 1;
  tally.lastCode = code;
  tally.byCode[code] = (tally.byCode[code] ?? 0) + 1;
}
