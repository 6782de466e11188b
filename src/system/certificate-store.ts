import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { CertificateStore } from '../deploy/ports.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import { type RawIo, replaceFiles, systemIo } from './files.ts';
import { hindranceTo, privateFiles, removeLeftovers } from './private-files.ts';
import { CAREFUL, decodeText, readRegular, reasonOf } from './read-files.ts';

const MAX_BYTES = 1024 * 1024;
const PUBLIC_MODE = 0o644;
const PRIVATE_MODE = 0o600;
const WRITABLE_BY_ALL = 0o002;

/** PEM files of certificates on this machine, at most 1 MiB each. Links are refused: replacing one would cut it off. */
export function certificateStore(io: RawIo = systemIo): CertificateStore {
  const secrets = privateFiles(io);
  return {
    async find(path, holds) {
      if (holds === 'key') return secrets.find(path);
      const bytes = await readRegular(path, MAX_BYTES, CAREFUL, (stats) => refuseOpen(path, stats));
      return bytes === undefined ? undefined : decodeText(path, bytes);
    },
    async replaceAll(files) {
      const [first] = files;
      try {
        const replaced = await Promise.all(
          files.map(async ({ path, content, isPrivate }) => {
            await removeLeftovers(path);
            return { path, content, mode: isPrivate ? PRIVATE_MODE : await modeOf(path) };
          }),
        );
        await replaceFiles(replaced, io);
      } catch (error) {
        throw new RotctlError('DRIVER_FAILED', `file: could not be replaced: ${reasonOf(error)}`, {
          ...(first !== undefined && { at: { file: first.path } }),
          cause: error,
        });
      }
    },
    replaceable: hindranceTo,
  };
}

/** Whoever may write to a bundle decides who is trusted. */
function refuseOpen(path: string, stats: Stats): void {
  if ((stats.mode & WRITABLE_BY_ALL) === 0) return;
  throw new RotctlError('SECRET_REFUSED', 'file: everybody may write to it, and so decide who is trusted', {
    at: { file: path },
    hint: 'run chmod o-w on the file, and look at what is in it',
  });
}

async function modeOf(path: string): Promise<number> {
  const stats = await stat(path).catch(() => undefined);
  return stats === undefined ? PUBLIC_MODE : stats.mode & 0o777;
}
