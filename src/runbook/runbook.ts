import type { Program } from '../machine/step.ts';

declare const parsed: unique symbol;

/** What must be true before a rotation begins; each stands for checks that are tried live. */
export const PRECONDITIONS = [
  'signatures-enforced',
  'vectors-green',
  'two-replicas',
  'shared-replay-store',
  'clocks-agree',
  'current-accepted',
] as const;

export type Precondition = (typeof PRECONDITIONS)[number];

/** A runbook, read and checked whole. Only `readRunbook` makes one. */
export interface Runbook {
  readonly [parsed]: true;
  readonly name: string;
  readonly title: string;
  readonly material: 'hmac';
  readonly protocol: 'keyring-v1';
  /** SHA-256 of the file's bytes, `sha256:<hex>`; recorded in the ledger's header and compared on resume. */
  readonly digest: string;
  readonly preconditions: readonly Precondition[];
  readonly program: Program;
}
