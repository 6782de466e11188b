import { constants, type Stats } from 'node:fs';
import { access, lstat, readdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { GateFiles } from '../deploy/ports.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import { createFile, type RawIo, removeFile, replaceFile, systemIo, temporaryPrefix } from './files.ts';
import { CAREFUL, codeOf, decodeText, readRegular, reasonOf, typeOf, unreadable } from './read-files.ts';

const ROOT = 0;
const OTHERS_BITS = 0o077;
const MAX_PRIVATE_BYTES = 1024 * 1024;

/** Files that hold secrets: ours or root's (for root: anyone's), regular, closed to others, at most 1 MiB of UTF-8. */
export function privateFiles(io: RawIo = systemIo): GateFiles {
  const find = async (path: string) => {
    const bytes = await readRegular(path, MAX_PRIVATE_BYTES, CAREFUL, (stats) => refuseShared(path, stats));
    return bytes === undefined ? undefined : decodeText(path, bytes);
  };
  const changing = async <Result>(path: string, what: string, work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      throw new RotctlError('DRIVER_FAILED', `file: could not be ${what}: ${reasonOf(error)}`, {
        at: { file: path },
        cause: error,
      });
    }
  };
  return {
    find,
    read: async (path) => {
      const text = await find(path);
      if (text === undefined) throw unreadable(path, 'there is no such file');
      return text;
    },
    replace: (path, content) =>
      changing(path, 'replaced', async () => {
        await removeLeftovers(path);
        await replaceFile(path, content, io);
      }),
    create: (path, content, like) =>
      changing(path, 'made', async () => {
        await removeLeftovers(path);
        return createFile(path, content, io, like);
      }),
    remove: (path) => changing(path, 'removed', () => removeFile(path, io)),
    namesIn: (folder) =>
      readdir(folder).catch((error: unknown) => {
        if (codeOf(error) === 'ENOENT') return [];
        throw new RotctlError('INPUT_UNREADABLE', `folder: ${reasonOf(error)}`, { at: { file: folder }, cause: error });
      }),
    replaceable: hindranceTo,
  };
}

/** What would keep a file from being replaced, as far as the system says it beforehand; `undefined` when nothing is seen. */
export async function hindranceTo(path: string): Promise<string | undefined> {
  try {
    const stats = await lstat(path);
    if (!stats.isFile()) return `it is ${typeOf(stats)}`;
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') return reasonOf(error);
  }
  try {
    await access(dirname(path), constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return `its folder cannot be written to: ${reasonOf(error)}`;
  }
}

/** Removes temporary files beside `path` whose makers were killed before they could: they may hold secrets. */
export async function removeLeftovers(path: string): Promise<void> {
  const prefix = temporaryPrefix(path);
  for (const name of await readdir(dirname(path))) {
    if (!name.startsWith(prefix)) continue;
    const [, pid] = /^([0-9]+)-[0-9]+\.tmp$/.exec(name.slice(prefix.length)) ?? [];
    if (pid !== undefined && isAbsent(Number(pid))) await unlink(join(dirname(path), name)).catch(() => undefined);
  }
}

function isAbsent(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return codeOf(error) === 'ESRCH';
  }
}

function refuseShared(path: string, stats: Stats): void {
  const us = process.getuid?.();
  if (us !== undefined && us !== ROOT && stats.uid !== us && stats.uid !== ROOT) {
    throw new RotctlError('SECRET_REFUSED', `file: owned by user ${stats.uid}, expected ${us} or root`, {
      at: { file: path },
    });
  }
  if ((stats.mode & OTHERS_BITS) !== 0) {
    const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0');
    throw new RotctlError('SECRET_REFUSED', `file: mode ${mode} opens it to others, expected 0600`, {
      at: { file: path },
      hint: 'run chmod 600 on the file, and rotate the secret if others could read it',
    });
  }
}
