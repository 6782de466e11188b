import { lstat, mkdir, readdir } from 'node:fs/promises';
import type { VaultFiles } from '../credential/ports.ts';
import type { GateFiles } from '../deploy/ports.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import { removeFile, syncFolder, systemIo } from './files.ts';
import { privateFiles } from './private-files.ts';

const FOLDER_MODE = 0o700;
const OTHERS_BITS = 0o077;

/** Private files, and those of a vault: the folder that they are in is closed to others. */
export function vaultFiles(): GateFiles & VaultFiles {
  return {
    ...privateFiles(),
    list: async (folder) => {
      if (!(await isFolder(folder))) return [];
      return readdir(folder);
    },
    makePrivateFolder: async (folder) => {
      if (!(await isFolder(folder))) {
        await mkdir(folder, { mode: FOLDER_MODE });
        await syncFolder(folder, systemIo);
      }
      const { mode, uid } = await lstat(folder);
      if ((mode & OTHERS_BITS) !== 0) throw refused(folder, `others may enter it (mode ${(mode & 0o777).toString(8)})`);
      if (uid !== process.getuid?.()) throw refused(folder, 'it belongs to another user');
    },
    remove: (path) => removeFile(path),
  };
}

/** @throws RotctlError `SECRET_REFUSED` when something else has the folder's name */
async function isFolder(path: string): Promise<boolean> {
  const stats = await lstat(path).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (stats === undefined) return false;
  if (!stats.isDirectory()) throw refused(path, 'it is not a folder');
  return true;
}

function refused(folder: string, why: string): RotctlError {
  return new RotctlError('SECRET_REFUSED', `the vault cannot be used: ${why}`, { at: { file: folder } });
}
