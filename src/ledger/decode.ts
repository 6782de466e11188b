import { isUtf8 } from 'node:buffer';
import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Phase } from '../machine/phase.ts';
import { ENTRY_KINDS, type Entry, type EntryKind, type LedgerValue } from './entry.ts';
import { SubsetError, transcode } from './transcode.ts';

/** The fields of a document, one on each line from the second; those after `data` are its last two lines. */
const FIELDS = ['seq', 'at', 'rotation', 'fleet', 'runbook', 'phase', 'step', 'kind', 'data', 'prev', 'hash'] as const;
const AT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const HASH = /^sha256:[0-9a-f]{64}$/;
const KINDS: ReadonlySet<unknown> = new Set(ENTRY_KINDS);

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

type Field = (typeof FIELDS)[number];
type Fields = Readonly<Record<Field, LedgerValue>>;

/** What each field must be; a value that an entry of this version cannot have is refused. */
const RULES: Readonly<Record<Field, { readonly rule: string; readonly holds: (value: LedgerValue) => boolean }>> = {
  seq: { rule: 'expected a whole number from 1', holds: (value) => Number.isSafeInteger(value) && Number(value) > 0 },
  at: { rule: 'expected YYYY-MM-DDTHH:MM:SS.sssZ', holds: (value) => typeof value === 'string' && AT.test(value) },
  rotation: { rule: 'expected text', holds: isText },
  fleet: { rule: 'expected text', holds: isText },
  runbook: { rule: 'expected text', holds: isText },
  phase: {
    rule: 'this version knows no such phase',
    holds: (value) => isText(value) && Object.hasOwn(KNOWN_PHASES, value),
  },
  step: { rule: 'expected text or null', holds: (value) => value === null || isText(value) },
  kind: { rule: 'this version knows no such kind', holds: (value) => isText(value) && isKind(value) },
  data: { rule: 'expected a mapping', holds: isMapping },
  prev: { rule: 'expected sha256: and 64 hex digits', holds: isHash },
  hash: { rule: 'expected sha256: and 64 hex digits', holds: isHash },
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
  return decodeBytes(Buffer.from(text, 'utf8'), place);
}

/** `decodeEntry` for a document's bytes, which must be UTF-8. */
export function decodeBytes(bytes: Uint8Array, place?: DocumentPlace): Entry {
  try {
    const { json, keys, isAscii } = transcode(bytes);
    if (!isAscii && !isUtf8(bytes)) throw new SubsetError('its bytes are not UTF-8', 0);
    const fields: LedgerValue = JSON.parse(json);
    if (keysIn(fields) !== keys) throw new SubsetError('a key stands twice in one mapping', 0);
    return checked(fields, bytes);
  } catch (error) {
    if (error instanceof SubsetError) throw misread(bytes, error, place);
    throw error;
  }
}

/** Whether this version knows the kind. */
export function isKind(text: string): text is EntryKind {
  return KINDS.has(text);
}

function checked(fields: LedgerValue, bytes: Uint8Array): Entry {
  if (!hasFields(fields)) {
    throw new SubsetError(`expected the fields ${FIELDS.join(', ')}, in this order and no others`, 0);
  }
  if (isEntry(fields)) return fields;
  const field = FIELDS.find((name) => !RULES[name].holds(fields[name])) ?? 'seq';
  throw refusal(field, fields[field], bytes);
}

/** All rules at once: written out, since a loop over the table would cost as much as the reading itself. */
function isEntry(fields: Fields): fields is Fields & Entry {
  return (
    RULES.seq.holds(fields.seq) &&
    RULES.at.holds(fields.at) &&
    isText(fields.rotation) &&
    isText(fields.fleet) &&
    isText(fields.runbook) &&
    RULES.phase.holds(fields.phase) &&
    RULES.step.holds(fields.step) &&
    RULES.kind.holds(fields.kind) &&
    RULES.data.holds(fields.data) &&
    isHash(fields.prev) &&
    isHash(fields.hash)
  );
}

function hasFields(value: LedgerValue): value is Fields {
  if (!isNested(value)) return false;
  let index = 0;
  for (const name in value) {
    if (name !== FIELDS[index]) return false;
    index += 1;
  }
  return index === FIELDS.length;
}

function isHash(value: LedgerValue): boolean {
  return typeof value === 'string' && HASH.test(value);
}

function isText(value: LedgerValue): value is string {
  return typeof value === 'string';
}

function isMapping(value: LedgerValue): value is { readonly [key: string]: LedgerValue } {
  return isNested(value) && !Array.isArray(value);
}

function isNested(value: LedgerValue): value is readonly LedgerValue[] | { readonly [key: string]: LedgerValue } {
  return typeof value === 'object' && value !== null;
}

function keysIn(value: LedgerValue): number {
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object') count += keysIn(item);
  } else if (isMapping(value)) {
    for (const name in value) {
      const item = value[name];
      count += typeof item === 'object' ? 1 + keysIn(item) : 1;
    }
  }
  return count;
}

function refusal(field: Field, value: LedgerValue, bytes: Uint8Array): SubsetError {
  const index = Math.max(0, Buffer.from(bytes).indexOf(`\n${field}: `)) + 1;
  const got = isNested(value) ? 'a block' : escapeForeign(JSON.stringify(value), 40);
  return new SubsetError(`${field}: ${RULES[field].rule}, got ${got}`, index);
}

function misread(bytes: Uint8Array, error: SubsetError, place: DocumentPlace | undefined): RotctlError {
  const before = Buffer.from(bytes.subarray(0, error.index)).toString('latin1');
  const line = before.split('\n').length;
  const column = error.index - before.lastIndexOf('\n');
  if (place === undefined) {
    return new RotctlError('LEDGER_BROKEN', `ledger entry, line ${line}, column ${column}: ${error.message}`);
  }
  const at = { file: place.file, line: place.line + line - 1, column };
  return new RotctlError('LEDGER_BROKEN', `ledger entry: ${error.message}`, { at });
}
