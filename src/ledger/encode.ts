import { hash } from 'node:crypto';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Entry, EntryDraft, LedgerValue } from './entry.ts';
import { writeNumber, writeString } from './scalar.ts';

/** `prev` of the first entry. */
export const ZERO_HASH = `sha256:${'0'.repeat(64)}`;

/** Longest document that is written or read, in bytes. */
export const MAX_ENTRY_BYTES = 1024 * 1024;

/** Deepest nesting inside `data`. */
export const MAX_DEPTH = 32;

/** Longest key, in characters: YAML limits an implicit key to 1024, and an escape takes six. */
const MAX_KEY_LENGTH = 160;

/** Longest key as it is written or read, in bytes: all of it escaped, with its quotes. */
export const MAX_KEY_BYTES = MAX_KEY_LENGTH * 6 + 2;

/** The bytes of one document, and the hash that its last line states. */
export interface EncodedEntry {
  readonly bytes: Uint8Array;
  readonly hash: string;
}

/**
 * One entry as its YAML document: block style, fields in the order of `Entry`, `hash` over the bytes before its line.
 *
 * @throws RotctlError INTERNAL for a value that the ledger cannot hold: not finite, not plain data (a `Secret` is not),
 * nested deeper than `MAX_DEPTH`, a key too long, or a document longer than `MAX_ENTRY_BYTES`.
 */
export function encodeEntry(draft: EntryDraft, place: Pick<Entry, 'seq' | 'at' | 'prev'>): EncodedEntry {
  const body = [
    '---',
    `seq: ${place.seq}`,
    `at: "${place.at}"`,
    `rotation: ${writeString(draft.rotation)}`,
    `fleet: ${writeString(draft.fleet)}`,
    `runbook: ${writeString(draft.runbook)}`,
    `phase: ${draft.phase}`,
    `step: ${draft.step === null ? 'null' : writeString(draft.step)}`,
    `kind: ${draft.kind}`,
    `data:${writeNested(draft.data, '  ', 'data')}`,
    `prev: ${place.prev}`,
    '',
  ].join('\n');
  const digest = `sha256:${hash('sha256', body)}`;
  const bytes = Buffer.from(`${body}hash: ${digest}\n`, 'utf8');
  if (bytes.length > MAX_ENTRY_BYTES) {
    throw new RotctlError('INTERNAL', `ledger entry: ${bytes.length} bytes, at most ${MAX_ENTRY_BYTES}`);
  }
  return { bytes, hash: digest };
}

/** What follows `key:` or `-`: a scalar after a space, or a block on the next lines, each with `indent`. */
function writeNested(value: LedgerValue, indent: string, path: string): string {
  const scalar = writeScalar(value, path);
  if (scalar !== undefined) return ` ${scalar}`;
  return `\n${writeBlock(value, indent, path)
    .map((line) => indent + line)
    .join('\n')}`;
}

/** The lines of a list or a mapping that is not empty, without the indent of the block itself. */
function writeBlock(value: LedgerValue, indent: string, path: string): string[] {
  if (indent.length > 2 * MAX_DEPTH) throw refusal(path, `nested deeper than ${MAX_DEPTH}`);
  if (Array.isArray(value)) {
    return value.map((item: LedgerValue, index) => `- ${writeItem(item, indent, `${path}[${index}]`)}`);
  }
  return Object.entries(plainObject(value, path)).map(([key, item]) => {
    if (key.length > MAX_KEY_LENGTH)
      throw refusal(path, `a key of ${key.length} characters, at most ${MAX_KEY_LENGTH}`);
    return `${writeString(key)}:${writeNested(item, `${indent}  `, `${path}.${key}`)}`;
  });
}

/** A list's item stands beside its dash; a block's first line too, and its others under that. */
function writeItem(item: LedgerValue, indent: string, path: string): string {
  const inner = `${indent}  `;
  return writeScalar(item, path) ?? writeBlock(item, inner, path).join(`\n${inner}`);
}

/** A value that fits on one line, empty lists and mappings among them; `undefined` for a block. */
function writeScalar(value: LedgerValue, path: string): string | undefined {
  if (typeof value === 'string') return writeString(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw refusal(path, `a finite number is needed, got ${value}`);
    return writeNumber(value);
  }
  if (Array.isArray(value)) return value.length === 0 ? '[]' : undefined;
  return Object.keys(plainObject(value, path)).length === 0 ? '{}' : undefined;
}

/** Refuses whatever is not plain data, so that no object with a life of its own gets in by its visible fields. */
function plainObject<T>(value: T, path: string): T & object {
  if (typeof value !== 'object' || value === null) throw refusal(path, `plain data is needed, got ${typeof value}`);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    throw refusal(path, 'plain data is needed, got an instance');
  return value;
}

function refusal(path: string, rule: string): RotctlError {
  return new RotctlError('INTERNAL', `ledger entry: ${path.slice(0, 80)}: ${rule}`);
}
