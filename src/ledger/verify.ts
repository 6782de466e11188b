import { RotctlError } from '../errors/rotctl-error.ts';
import type { Link } from './chain.ts';
import { decodeBytes } from './decode.ts';
import type { Entry } from './entry.ts';
import type { Head } from './head.ts';
import { type Inspection, inspectLedger, type LedgerProblem, type TornTail } from './inspect.ts';
import { LineCounter } from './lines.ts';
import type { LedgerDisk } from './ports.ts';

/** What `verifyLedger` says. */
export type Verification =
  | {
      readonly ok: true;
      /** How many there are. */
      readonly entries: number;
      readonly head: Head;
      /** Left by a crash, tolerated, and cut off when the ledger is next opened for appending. */
      readonly torn?: TornTail;
      /** Entries stamped earlier than the one before. */
      readonly clockBack: readonly number[];
    }
  | { readonly ok: false; readonly problems: readonly LedgerProblem[] };

/**
 * Verifies the whole chain over bytes, and the head file. A ledger that does not exist yet, with no head file that says
 * otherwise, is whole and empty.
 */
export async function verifyLedger(path: string, ports: { readonly disk: LedgerDisk }): Promise<Verification> {
  const { problems, head, torn, clockBack } = await inspectLedger(path, ports.disk);
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, entries: head.seq, head, clockBack, ...(torn === undefined ? {} : { torn }) };
}

/** A ledger as it stands on the disk, for commands that only look. */
export interface Snapshot {
  /** Whether there is a ledger file at all. */
  readonly exists: boolean;
  /** The entries before the first problem. */
  readonly entries: readonly Entry[];
  readonly problems: readonly LedgerProblem[];
  readonly torn: TornTail | undefined;
}

/** Reads what verifies, also of a broken ledger, and says what does not. Never writes; needs no lock. */
export async function readSnapshot(path: string, ports: { readonly disk: LedgerDisk }): Promise<Snapshot> {
  const reading = new EntryReading();
  const found = await inspectLedger(path, ports.disk, reading.visit);
  const misread = await misreadOf(path, ports.disk, reading);
  const problems = misread === undefined ? found.problems : [misread.problem, ...found.problems];
  return { exists: found.exists, entries: reading.entries, problems, torn: found.torn };
}

/** Reads all entries of a ledger that must be whole. @throws RotctlError LEDGER_BROKEN at the first problem. */
export async function readWhole(path: string, disk: LedgerDisk): Promise<readonly Entry[]> {
  const reading = new EntryReading();
  refuseBroken(path, await inspectLedger(path, disk, reading.visit));
  const misread = await misreadOf(path, disk, reading);
  if (misread !== undefined) throw misread.error;
  return reading.entries;
}

/** @throws RotctlError LEDGER_BROKEN that names the first problem and how many there are. */
export function refuseBroken(path: string, { problems }: Inspection): void {
  const [first] = problems;
  if (first === undefined) return;
  const which = first.seq === undefined ? '' : `entry ${first.seq}: `;
  const more = problems.length === 1 ? '' : ` (and ${problems.length - 1} more)`;
  const at = first.line === 0 ? { file: path } : { file: path, line: first.line };
  throw new RotctlError('LEDGER_BROKEN', `ledger: ${which}${first.what}${more}`, { at });
}

/** Decodes the entries that a scan passes by, up to the first that this version cannot read. */
class EntryReading {
  readonly entries: Entry[] = [];
  misread: Link | undefined;

  readonly visit = (link: Link): void => {
    if (this.misread !== undefined) return;
    try {
      this.entries.push(decodeBytes(link.bytes));
    } catch (error) {
      if (!(error instanceof RotctlError)) throw error;
      this.misread = { ...link, bytes: Buffer.from(link.bytes) };
    }
  };
}

/** The error of an entry that could not be decoded, once more, now with its place in the file. */
async function misreadOf(
  path: string,
  disk: LedgerDisk,
  { misread }: EntryReading,
): Promise<{ readonly error: RotctlError; readonly problem: LedgerProblem } | undefined> {
  const file = misread === undefined ? undefined : await disk.openRead(path);
  if (misread === undefined || file === undefined) return undefined;
  try {
    decodeBytes(misread.bytes, { file: path, line: await new LineCounter(file).lineAt(misread.offset) });
    return undefined;
  } catch (error) {
    if (!(error instanceof RotctlError)) throw error;
    return { error, problem: { seq: misread.seq, line: error.at?.line ?? 0, what: error.message } };
  } finally {
    await file.close();
  }
}
