import type { Dirent } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

const LONGEST_BYTES = 64 * 1024 * 1024;
/** What the system shows of a process to others, or to its own user. */
const OF_PROCESS = ['cmdline', 'environ'] as const;

/** A place where a secret may have been left, and what stands there. */
export interface Place {
  readonly name: string;
  readonly content: string;
}

/**
 * Reads every regular file below some folders, and the arguments and environment of every process that may be read.
 * What cannot be read is passed over: a secret there is out of this user's sight too.
 *
 * @param privateFolders folders in which secrets are meant to be
 */
export async function* secretPlaces(
  folders: readonly string[],
  privateFolders: readonly string[],
): AsyncIterable<Place> {
  for (const folder of folders) yield* filesBelow(folder, new Set(privateFolders));
  for (const pid of (await entries('/proc')).map(({ name }) => name)) {
    if (!/^[0-9]+$/.test(pid)) continue;
    for (const part of OF_PROCESS) {
      const content = await readFile(`/proc/${pid}/${part}`, 'utf8').catch(() => undefined);
      if (content !== undefined && content !== '') yield { name: `${part} of process ${pid}`, content };
    }
  }
}

async function* filesBelow(folder: string, without: ReadonlySet<string>): AsyncIterable<Place> {
  if (without.has(folder)) return;
  for (const entry of await entries(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path, without);
    else if (entry.isFile() && !without.has(path)) yield* fileAt(path);
  }
}

async function* fileAt(path: string): AsyncIterable<Place> {
  const size = await stat(path).then(
    (stats) => stats.size,
    () => Number.POSITIVE_INFINITY,
  );
  if (size > LONGEST_BYTES) return;
  const content = await readFile(path, 'utf8').catch(() => undefined);
  if (content !== undefined) yield { name: path, content };
}

function entries(folder: string): Promise<Dirent[]> {
  return readdir(folder, { withFileTypes: true }).catch(() => []);
}
