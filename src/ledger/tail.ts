import { RotctlError } from '../errors/rotctl-error.ts';
import { decodeBytes } from './decode.ts';
import { MAX_ENTRY_BYTES } from './encode.ts';
import type { Entry } from './entry.ts';
import { pathsOf, readHead } from './head.ts';
import type { LedgerDisk, ReadableFile } from './ports.ts';

const FIRST_READ = 64 * 1024;
const LAST_READ = 2 * MAX_ENTRY_BYTES;
const MARKER = Buffer.from('\n---\n');
const HASH_LINE = /\nhash: sha256:[0-9a-f]{64}\n$/;

/**
 * The last whole entry, from one read of the file's end: how far a rotation came, without the cost of verifying the
 * chain. It is checked against the head file only; before anything is changed, `openLedger` verifies all.
 *
 * @returns `undefined` when there is no entry.
 * @throws RotctlError LEDGER_BROKEN when the file's end is no entry, or not the one that the head file names.
 */
export async function readLastEntry(path: string, ports: { readonly disk: LedgerDisk }): Promise<Entry | undefined> {
  const bytes = await ports.disk.readSmall(pathsOf(path).head);
  const head = bytes === undefined ? undefined : readHead(Buffer.from(bytes).toString('latin1'));
  const file = await ports.disk.openRead(path);
  if (file === undefined && (head === undefined || head.seq === 0)) return undefined;
  if (file === undefined || head === undefined)
    throw broken(path, 'the ledger or its head file is missing or unreadable');
  try {
    const entry = await lastOf(path, file);
    const isNamed = entry === undefined ? head.seq === 0 : entry.hash === head.hash || entry.seq > head.seq;
    if (!isNamed) throw broken(path, `the ledger does not end with the entry ${head.seq} that the head file names`);
    return entry;
  } finally {
    await file.close();
  }
}

async function lastOf(path: string, file: ReadableFile): Promise<Entry | undefined> {
  const size = await file.size();
  for (const length of [FIRST_READ, LAST_READ]) {
    const start = Math.max(0, size - length);
    const end = await readAt(file, start, size - start);
    const document = lastDocument(end, start === 0);
    if (document !== undefined) return decodeBytes(document, { file: path, line: 1 });
    if (start === 0) break;
  }
  if (size > LAST_READ) throw broken(path, 'the end of the ledger is no entry');
  return undefined;
}

/** The last document in `end` that has its hash line; a torn one after it is passed over. */
function lastDocument(end: Buffer, isWholeFile: boolean): Buffer | undefined {
  let stop = end.length;
  while (stop > 0) {
    const marker = end.lastIndexOf(MARKER, stop - 2);
    const start = marker === -1 ? 0 : marker + 1;
    if (marker === -1 && !isWholeFile) return undefined;
    const document = end.subarray(start, stop);
    if (HASH_LINE.test(document.toString('latin1', Math.max(0, document.length - 100)))) return document;
    if (stop !== end.length) return undefined;
    stop = start;
  }
  return undefined;
}

async function readAt(file: ReadableFile, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const read = await file.read(buffer.subarray(filled), position + filled);
    if (read === 0) break;
    filled += read;
  }
  return buffer.subarray(0, filled);
}

function broken(path: string, what: string): RotctlError {
  return new RotctlError('LEDGER_BROKEN', `ledger: ${what}`, { at: { file: path } });
}
