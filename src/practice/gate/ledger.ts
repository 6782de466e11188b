import { closeSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';

const KEPT = 2000;

/** One accepted request; `at` is Unix seconds with a fraction, `key_id` labels the signature that was verified. */
export interface AcceptedEntry {
  readonly at: number;
  readonly actor_did: string;
  readonly session_id: string;
  readonly tool: string;
  /** Null when no signature was verified. */
  readonly key_id: string | null;
  readonly approved: boolean;
}

/** What a gate has accepted, the last 2000 requests. */
export interface AcceptedLedger {
  /** On disk when it returns. */
  add(entry: AcceptedEntry): void;
  entries(): readonly AcceptedEntry[];
}

/**
 * Opens the file at `path`, which holds one JSON object a line (0600), and rewrites it with the last 2000 only. A torn
 * last line (the process was killed while it wrote) is passed over.
 */
export function openAcceptedLedger(path: string): AcceptedLedger {
  const kept = readLines(path).flatMap(entryIn).slice(-KEPT);
  const fresh = `${path}.new`;
  const file = openSync(fresh, 'w', 0o600);
  writeSync(file, kept.map(lineOf).join(''));
  renameSync(fresh, path);
  process.once('exit', () => closeSync(file));
  return {
    add: (entry) => {
      writeSync(file, lineOf(entry));
      kept.push(entry);
      if (kept.length > KEPT) kept.shift();
    },
    entries: () => kept,
  };
}

function readLines(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}

function lineOf(entry: AcceptedEntry): string {
  return `${JSON.stringify(entry)}\n`;
}

function entryIn(line: string): readonly AcceptedEntry[] {
  try {
    const value: unknown = JSON.parse(line);
    // Our own file, written by `lineOf`.
    return typeof value === 'object' && value !== null && 'at' in value ? [value as AcceptedEntry] : [];
  } catch {
    return [];
  }
}
