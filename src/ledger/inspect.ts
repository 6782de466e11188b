import { escapeForeign } from '../errors/escape.ts';
import { type Flaw, type Link, type Scan, scanChain } from './chain.ts';
import { EMPTY_HEAD, type Head, pathsOf, readHead } from './head.ts';
import { LineCounter } from './lines.ts';
import type { LedgerDisk, ReadableFile } from './ports.ts';

/** One thing that does not verify, for a person: `line` counts from 1 and is 0 when it is about no line. */
export interface LedgerProblem {
  readonly seq?: number;
  readonly line: number;
  readonly what: string;
}

/** What a crash left at the end of the file. */
export interface TornTail {
  readonly bytes: number;
  /** Where it begins, in bytes. */
  readonly offset: number;
  /** The `seq` of the entry that was being written. */
  readonly seq: number;
}

/** All that verification found out. `problems` is empty when the ledger is whole. */
export interface Inspection {
  /** Whether there is a ledger file. */
  readonly exists: boolean;
  readonly head: Head;
  /** Where the last entry begins, and where it ends: the file's length without a torn tail. */
  readonly lastStart: number;
  readonly end: number;
  readonly torn: TornTail | undefined;
  /** Whether the last entry is not in the head file yet: a crash came between the two. */
  readonly isAhead: boolean;
  readonly problems: readonly LedgerProblem[];
  readonly clockBack: readonly number[];
}

const EMPTY_SCAN: Scan = { ...EMPTY_HEAD, lastStart: 0, end: 0, torn: 0, flaws: [], clockBack: [] };

/**
 * Verifies the ledger at `path` against itself and against its head file.
 *
 * The head file is written first of all (seq 0), and again after each entry is durable. So after a crash the ledger is
 * at most one entry, whole or torn, ahead of it, and never behind; anything else was done by other hands. A ledger that
 * is being appended to meanwhile verifies too.
 */
export async function inspectLedger(path: string, disk: LedgerDisk, visit?: (link: Link) => void): Promise<Inspection> {
  const before = await headOf(path, disk);
  const file = await disk.openRead(path);
  if (file === undefined) return inspected(EMPTY_SCAN, false, { ...before, problems: missing(before) });
  try {
    const marks = new Marks(before.head, visit);
    const scan = await scanChain(file, marks.visit);
    const problems = [...(await located(file, scan.flaws)), ...(await headProblems(path, disk, before, scan, marks))];
    return inspected(scan, true, { ...before, problems });
  } finally {
    await file.close();
  }
}

/** What the head file says, or why it says nothing. */
interface HeadReading {
  readonly head: Head | undefined;
  readonly flaw: string | undefined;
}

async function headOf(path: string, disk: LedgerDisk): Promise<HeadReading> {
  const bytes = await disk.readSmall(pathsOf(path).head);
  if (bytes === undefined) return { head: undefined, flaw: 'the head file is missing' };
  const text = Buffer.from(bytes).toString('latin1');
  const head = readHead(text);
  return { head, flaw: head === undefined ? `the head file is unreadable: "${escapeForeign(text, 40)}"` : undefined };
}

/** Remembers the hash of the entry that the head file names, while the scan passes by. */
class Marks {
  readonly visit: (link: Link) => void;
  hashAtHead: string | undefined;

  constructor(head: Head | undefined, visit: ((link: Link) => void) | undefined) {
    if (head?.seq === 0) this.hashAtHead = head.hash;
    this.visit = (link) => {
      if (link.seq === head?.seq) this.hashAtHead = link.hash;
      visit?.(link);
    };
  }
}

function missing({ head }: HeadReading): LedgerProblem[] {
  if (head === undefined || head.seq === 0) return [];
  return [{ line: 0, what: `the ledger file is missing, and its head file names entry ${head.seq}` }];
}

async function headProblems(
  path: string,
  disk: LedgerDisk,
  before: HeadReading,
  scan: Scan,
  marks: Marks,
): Promise<LedgerProblem[]> {
  const { head, flaw } = before;
  if (head === undefined) return [{ line: 0, what: flaw ?? 'the head file is missing' }];
  if (scan.flaws.length > 0) return [];
  if (scan.seq < head.seq) {
    const what = `the tail was cut: the head file names entry ${head.seq}, the ledger ends with ${scan.seq}`;
    return [{ seq: head.seq, line: 0, what }];
  }
  if (marks.hashAtHead !== head.hash) {
    return [{ seq: head.seq, line: 0, what: `entry ${head.seq} is not the one that the head file names` }];
  }
  return (await isTooFar(path, disk, head, scan)) ? [tooFar(head, scan)] : [];
}

function reach(scan: Scan): number {
  return scan.seq + (scan.torn > 0 ? 1 : 0);
}

/** More than one entry ahead is no crash, unless a writer moved the head on while the file was being read. */
async function isTooFar(path: string, disk: LedgerDisk, head: Head, scan: Scan): Promise<boolean> {
  if (reach(scan) <= head.seq + 1) return false;
  const { head: after } = await headOf(path, disk);
  return after === undefined || reach(scan) > after.seq + 1;
}

function tooFar(head: Head, scan: Scan): LedgerProblem {
  const what = `the ledger goes on to entry ${reach(scan)}, but its head file names ${head.seq}: more than a crash can leave`;
  return { seq: head.seq + 1, line: 0, what };
}

function inspected(
  scan: Scan,
  exists: boolean,
  found: HeadReading & { readonly problems: readonly LedgerProblem[] },
): Inspection {
  const { seq, hash, lastStart, end, clockBack } = scan;
  const torn = scan.torn === 0 ? undefined : { bytes: scan.torn, offset: end, seq: seq + 1 };
  const isAhead = found.head !== undefined && seq > found.head.seq;
  return { exists, head: { seq, hash }, lastStart, end, torn, isAhead, problems: found.problems, clockBack };
}

/** Turns offsets into line numbers, in one more pass over the file that a whole ledger never needs. */
async function located(file: ReadableFile, flaws: readonly Flaw[]): Promise<LedgerProblem[]> {
  if (flaws.length === 0) return [];
  const problems: LedgerProblem[] = [];
  const counter = new LineCounter(file);
  for (const { offset, seq, what } of flaws) {
    problems.push({ ...(seq === undefined ? {} : { seq }), line: await counter.lineAt(offset), what });
  }
  return problems;
}
