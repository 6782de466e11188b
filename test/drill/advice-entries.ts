import type { Entry, EntryKind, LedgerValue } from '../../src/ledger/entry.ts';

/** Now, in the tests of the advice. */
export const NOW = Date.parse('2026-11-21T12:00:00.000Z');
export const DAY_MS = 86_400_000;

/** One entry, by what the advice reads of it. */
export interface EntrySketch {
  /** How long before now it was stamped, in days and milliseconds. */
  readonly days: number;
  readonly ms?: number;
  readonly kind: EntryKind;
  readonly rotation: string;
  readonly runbook?: string;
  readonly data?: { readonly [key: string]: LedgerValue };
}

/** Entries of a ledger, in the order given. */
export function entriesOf(...sketches: readonly EntrySketch[]): Entry[] {
  return sketches.map(({ days, ms = 0, kind, rotation, runbook = 'signer-hmac', data = {} }, index) => ({
    seq: index + 1,
    at: new Date(NOW - days * DAY_MS - ms).toISOString(),
    rotation,
    fleet: 'signer-staging',
    runbook,
    phase: 'stable',
    step: null,
    kind,
    data,
    prev: '',
    hash: '',
  }));
}

/** A rotation's header. */
export function begun(rotation: string, days: number, ms = 0): EntrySketch {
  return { days, ms, kind: 'header', rotation, data: { material: { wallet: { current: '1111', next: '2222' } } } };
}

/** An incident's entry. */
export function incident(rotation: string, days: number, data: EntrySketch['data'] = {}, ms = 0): EntrySketch {
  return { days, ms, kind: 'incident', rotation, data: { severity: 'auth', what: 'requests are refused', ...data } };
}
