import { closeSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import type { Entry, Keyspace } from './keyspace.ts';

/** A file to which each change is appended, so that nonces outlive the process. */
export interface AppendFile {
  append(db: number, key: string, entry: Entry | undefined): void;
}

/**
 * Fills `keys` from the file at `path`, then rewrites the file without what has ended, and opens it for appending.
 * A torn last line (the process was killed while it wrote) is passed over. The file is 0600.
 */
export function openAppendFile(path: string, keys: Keyspace): AppendFile {
  for (const line of readLines(path)) apply(line, keys);
  const fresh = `${path}.new`;
  const file = openSync(fresh, 'w', 0o600);
  for (const [db, key, entry] of keys.entries()) writeSync(file, lineOf(db, key, entry));
  renameSync(fresh, path);
  process.once('exit', () => closeSync(file));
  return { append: (db, key, entry) => void writeSync(file, lineOf(db, key, entry)) };
}

function readLines(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}

function lineOf(db: number, key: string, entry: Entry | undefined): string {
  return `${JSON.stringify(entry === undefined ? [db, key] : [db, key, entry.value, entry.expiresAt ?? 0])}\n`;
}

function apply(line: string, keys: Keyspace): void {
  let record: unknown;
  try {
    record = JSON.parse(line);
  } catch {
    return;
  }
  if (!Array.isArray(record)) return;
  const [db, key, value, expiresAt]: unknown[] = record;
  if (typeof db !== 'number' || typeof key !== 'string') return;
  if (typeof value !== 'string' || typeof expiresAt !== 'number') keys.remove(db, key);
  else keys.set(db, key, { value, expiresAt: expiresAt === 0 ? undefined : expiresAt });
}
