import type { OutcomeKind } from '../messages.ts';

/** A client's requests since the fleet started, over all its restarts. */
export interface Tally {
  accepted: number;
  /** Valid requests that authentication refused. */
  refused: number;
  /** Everything else that failed: resets, 5xx, 429, timeouts. */
  faults: number;
  lastCode: string;
  readonly byCode: Record<string, number>;
}

/** A tally of nothing. */
export function emptyTally(): Tally {
  return { accepted: 0, refused: 0, faults: 0, lastCode: '', byCode: {} };
}

/** Counts one request. */
export function count(tally: Tally, kind: OutcomeKind, code: string): void {
  tally[kind === 'fault' ? 'faults' : kind] += 1;
  tally.lastCode = code;
  tally.byCode[code] = (tally.byCode[code] ?? 0) + 1;
}
