import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { paths } from '../layout.ts';

/** Empties what faults remembered and makes the folders that a start needs. */
export function prepare(home: string): void {
  rmSync(paths.memory(home), { recursive: true, force: true });
  for (const folder of [paths.memory(home), paths.store(home), dirname(paths.log(home, 'any'))]) makeFolder(folder);
}

/** Writes a file that only its owner may read, in folders of the same kind; a reader sees the old text or the new. */
export function writePrivate(path: string, text: string): void {
  makeFolder(dirname(path));
  const fresh = `${path}.new`;
  writeFileSync(fresh, text, { mode: 0o600 });
  renameSync(fresh, path);
}

function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}
