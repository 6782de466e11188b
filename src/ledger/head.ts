import { basename, dirname, join } from 'node:path';
import { ZERO_HASH } from './encode.ts';

/** The end of a chain: the last entry's `seq` and `hash`; of an empty one, 0 and `ZERO_HASH`. */
export interface Head {
  readonly seq: number;
  readonly hash: string;
}

/** The head of a ledger without entries. */
export const EMPTY_HEAD: Head = { seq: 0, hash: ZERO_HASH };

const FORM = /^seq: (0|[1-9][0-9]{0,14})\nhash: (sha256:[0-9a-f]{64})\n$/;

/** The head file's text: two lines of YAML. */
export function writeHead(head: Head): string {
  return `seq: ${head.seq}\nhash: ${head.hash}\n`;
}

/** Reads a head file; `undefined` for anything but what `writeHead` writes. */
export function readHead(text: string): Head | undefined {
  const [, seq, hash] = FORM.exec(text) ?? [];
  if (seq === undefined || hash === undefined) return undefined;
  if ((seq === '0') !== (hash === ZERO_HASH)) return undefined;
  return { seq: Number(seq), hash };
}

/** The files that belong to a ledger `NAME.yaml`, all in its folder. */
export interface LedgerPaths {
  /** `NAME.head`: seq and hash of the last entry that is known to be durable. */
  readonly head: string;
  /** `NAME.torn`: bytes cut off after a crash, kept until a `checkpoint` entry tells of them. */
  readonly torn: string;
  /** `NAME.lock`: the lock of the fleet's rotation. */
  readonly lock: string;
}

/** Names the files that belong to the ledger at `ledger`. */
export function pathsOf(ledger: string): LedgerPaths {
  const stem = join(dirname(ledger), basename(ledger).replace(/\.ya?ml$/, ''));
  return { head: `${stem}.head`, torn: `${stem}.torn`, lock: `${stem}.lock` };
}
