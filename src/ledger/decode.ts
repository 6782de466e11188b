import { isUtf8 } from 'node:buffer';
import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Phase } from '../machine/phase.ts';
import { BlockReader, SubsetError } from './block-reader.ts';
import { ENTRY_KINDS, type Entry, type EntryKind, type LedgerValue } from './entry.ts';

const AT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const AT_LENGTH = 24;
const HASH = /^sha256:[0-9a-f]{64}$/;
const HASH_LENGTH = 71;
const KINDS: ReadonlySet<string> = new Set(ENTRY_KINDS);

/** The phases that this version knows; the type makes the list complete. */
const KNOWN_PHASES: Readonly<Record<Phase, true>> = {
  stable: true,
  opening: true,
  overlap: true,
  moving: true,
  switched: true,
  retiring: true,
  retired: true,
  destroying: true,
  destroyed: true,
  widening: true,
  returning: true,
  closing: true,
  'rolled-back': true,
};

/** Where a document begins, for the position of an error; `line` counts from 1. */
export interface DocumentPlace {
  readonly file: string;
  readonly line: number;
}

/**
 * Reads one document, from its `---` to the end of its `hash` line. Whether the hash and the chain are right is for
 * `scanChain` to say; this judges the form alone.
 *
 * @throws RotctlError LEDGER_BROKEN for anything outside the form that `encodeEntry` writes, an unknown kind, phase or
 * field among it: what a newer version wrote is not to be guessed at.
 */
export function decodeEntry(text: string, place?: DocumentPlace): Entry {
  const reader = new BlockReader(text, 0);
  try {
    const entry = readEntry(reader);
    if (reader.at !== text.length) reader.fail('expected the end of the entry after its hash');
    return entry;
  } catch (error) {
    if (error instanceof SubsetError) throw misread(text, error, place);
    throw error;
  }
}

/** `decodeEntry` for a document's bytes, which must be UTF-8. */
export function decodeBytes(bytes: Buffer, place?: DocumentPlace): Entry {
  if (isUtf8(bytes)) return decodeEntry(bytes.toString('utf8'), place);
  const details = place === undefined ? {} : { at: { file: place.file, line: place.line } };
  throw new RotctlError('LEDGER_BROKEN', 'ledger entry: its bytes are not UTF-8', details);
}

function readEntry(reader: BlockReader): Entry {
  reader.expect('---\nseq: ');
  const seq = readSeq(reader);
  reader.expect('at: "');
  const at = reader.take(AT_LENGTH);
  if (!AT.test(at)) reader.fail('at: expected YYYY-MM-DDTHH:MM:SS.sssZ');
  reader.expect('"\nrotation: ');
  const rotation = readText(reader, 'rotation');
  reader.expect('fleet: ');
  const fleet = readText(reader, 'fleet');
  reader.expect('runbook: ');
  const runbook = readText(reader, 'runbook');
  reader.expect('phase: ');
  const phase = readPhase(reader);
  reader.expect('step: ');
  const step = readStep(reader);
  reader.expect('kind: ');
  const kind = readKind(reader);
  reader.expect('data:');
  const data = readData(reader);
  reader.expect('prev: ');
  const prev = readHash(reader, 'prev');
  reader.expect('hash: ');
  return { seq, at, rotation, fleet, runbook, phase, step, kind, data, prev, hash: readHash(reader, 'hash') };
}

function readSeq(reader: BlockReader): number {
  const seq = reader.scalarLine();
  return Number.isSafeInteger(seq) && typeof seq === 'number' && seq > 0
    ? seq
    : reader.fail('seq: expected a whole number from 1');
}

function readText(reader: BlockReader, field: string): string {
  const value = reader.scalarLine();
  return typeof value === 'string' ? value : reader.fail(`${field}: expected text`);
}

function readStep(reader: BlockReader): string | null {
  const value = reader.scalarLine();
  return typeof value === 'string' || value === null ? value : reader.fail('step: expected text or null');
}

function readPhase(reader: BlockReader): Phase {
  const phase = readText(reader, 'phase');
  return isPhase(phase) ? phase : reader.fail(`phase: this version knows no ${quote(phase)}`);
}

function isPhase(text: string): text is Phase {
  return Object.hasOwn(KNOWN_PHASES, text);
}

function readKind(reader: BlockReader): EntryKind {
  const kind = readText(reader, 'kind');
  return isKind(kind) ? kind : reader.fail(`kind: this version knows no ${quote(kind)}`);
}

/** Whether this version knows the kind. */
export function isKind(text: string): text is EntryKind {
  return KINDS.has(text);
}

function readData(reader: BlockReader): Entry['data'] {
  const data = reader.value(0);
  return isMapping(data) ? data : reader.fail('data: expected a mapping');
}

function isMapping(value: LedgerValue): value is { readonly [key: string]: LedgerValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readHash(reader: BlockReader, field: string): string {
  const value = reader.take(HASH_LENGTH);
  if (!HASH.test(value)) reader.fail(`${field}: expected sha256: and 64 hex digits`);
  reader.expect('\n');
  return value;
}

function quote(text: string): string {
  return `"${escapeForeign(text, 40)}"`;
}

function misread(text: string, error: SubsetError, place: DocumentPlace | undefined): RotctlError {
  const before = text.slice(0, error.index);
  const line = before.split('\n').length;
  const column = error.index - before.lastIndexOf('\n');
  if (place === undefined)
    return new RotctlError('LEDGER_BROKEN', `entry, line ${line}, column ${column}: ${error.message}`);
  const at = { file: place.file, line: place.line + line - 1, column };
  return new RotctlError('LEDGER_BROKEN', `ledger entry: ${error.message}`, { at });
}
