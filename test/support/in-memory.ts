import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
} from 'node:fs';
import { join } from 'node:path';

/** A file system in memory that Linux has everywhere. */
const MEMORY = '/dev/shm';
const PREFIX = 'rotctl-tests-';
/** What a whole run needs at most, several times over. */
const BYTES = 2 * 1024 ** 3;

let folder: string | undefined;

/**
 * Vitest's global set-up: temporary folders are in memory, where there is some. Each practice Redis writes every nonce
 * through to its disk, as it has to, and a disk that stands still for a second, because of another program on the
 * machine, is an outage: what a test then sees is true, and no fault of what it tests.
 */
export function setup(): void {
  if (!hasRoom()) return;
  sweep();
  folder = join(MEMORY, `${PREFIX}${process.pid}`);
  mkdirSync(folder);
  // As other folders for temporary files: some tests run programs as another user.
  chmodSync(folder, 0o1777);
  process.env.TMPDIR = folder;
}

/** Removes them. */
export function teardown(): void {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
}

/** Whether there is one with room, in which the programs that tests write may run: containers often forbid that. */
function hasRoom(): boolean {
  try {
    accessSync(MEMORY, constants.W_OK);
    const { bsize, bavail } = statfsSync(MEMORY);
    const mounted = readFileSync('/proc/self/mounts', 'utf8').split('\n');
    const options = mounted.findLast((line) => line.split(' ')[1] === MEMORY)?.split(' ')[3] ?? '';
    return bsize * bavail >= BYTES && !options.split(',').includes('noexec');
  } catch {
    return false;
  }
}

/** Removes what runs left that were killed. */
function sweep(): void {
  for (const name of readdirSync(MEMORY)) {
    const isLeft = name.startsWith(PREFIX) && !existsSync(join('/proc', name.slice(PREFIX.length)));
    if (isLeft) rmSync(join(MEMORY, name), { recursive: true, force: true });
  }
}
