import type { Phase } from '../machine/phase.ts';

/** What an entry records. `intent` and `outcome` stand around each effect; the others are said once. */
export const ENTRY_KINDS = [
  'header',
  'intent',
  'outcome',
  'evidence',
  'gate',
  'override',
  'lock',
  'incident',
  'fault',
  'confirmation',
  'checkpoint',
  'reinstate',
  'destroy',
  'verdict',
] as const;

export type EntryKind = (typeof ENTRY_KINDS)[number];

/** A value that an entry may hold. Never a secret, a MAC, a signed request or a client's nonce. */
export type LedgerValue =
  | string
  | number
  | boolean
  | null
  | readonly LedgerValue[]
  | { readonly [key: string]: LedgerValue };

/** What a writer gives; the ledger adds `seq`, `at`, `prev` and `hash`. */
export interface EntryDraft {
  /** Id of the rotation, or of the run, for entries outside a rotation (a drill's outage, a check). */
  readonly rotation: string;
  readonly fleet: string;
  readonly runbook: string;
  readonly phase: Phase;
  /** Id of the runbook's step, or `null` for entries that belong to none. */
  readonly step: string | null;
  readonly kind: EntryKind;
  readonly data: { readonly [key: string]: LedgerValue };
}

/** One entry of the ledger, in the order of its fields in the file. */
export interface Entry extends EntryDraft {
  /** Counts from 1 without a gap. */
  readonly seq: number;
  /** UTC, `YYYY-MM-DDTHH:MM:SS.sssZ`. */
  readonly at: string;
  /** `hash` of the entry before, or `sha256:` and 64 zeros for the first. */
  readonly prev: string;
  /** `sha256:<hex>` of the bytes from this entry's `---` up to its `hash` line. */
  readonly hash: string;
}

/** Where the rest of the program writes entries. The promise resolves when the entry is durable. */
export interface LedgerWriter {
  append(draft: EntryDraft): Promise<Entry>;
}
