import type { Position } from '../errors/rotctl-error.ts';
import type { Scheme } from '../machine/scheme.ts';
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
  'deploys-rehearsed',
  'certificates-sound',
  'current-signed',
] as const;

export type Precondition = (typeof PRECONDITIONS)[number];

/** A runbook, read and checked whole. Only `readRunbook` makes one. */
export interface Runbook {
  readonly [parsed]: true;
  readonly name: string;
  readonly title: string;
  readonly material: 'hmac' | 'mtls';
  readonly protocol: 'keyring-v1' | 'gate-v1';
  /** The rules by which its fleet verifies. */
  readonly scheme: Scheme;
  /** The path that it was read from; absent for one that is shipped with the program. */
  readonly file?: string;
  /** SHA-256 of the file's bytes, `sha256:<hex>`; recorded in the ledger's header and compared on resume. */
  readonly digest: string;
  readonly preconditions: readonly Precondition[];
  readonly program: Program;
  /** Where each step stands in the file, by its id. */
  readonly positions: ReadonlyMap<string, Position>;
}
