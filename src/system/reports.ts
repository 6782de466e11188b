import { access, mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RotctlError } from '../errors/rotctl-error.ts';
import { replaceFile } from './files.ts';

/** Writes a report atomically with mode 0600, and makes its folder. @throws RotctlError `INPUT_UNREADABLE` */
export async function writeReport(path: string, content: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await replaceFile(path, content);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason';
    throw new RotctlError('INPUT_UNREADABLE', `the report cannot be written (${code})`, {
      at: { file: path },
      hint: 'name a folder of your own with --out DIR',
      cause,
    });
  }
}

/** Whether something has this name. */
export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Renames a folder to `<folder>.previous`, in place of the one that had that name. */
export async function moveAside(folder: string): Promise<string> {
  const aside = `${folder}.previous`;
  await rm(aside, { recursive: true, force: true });
  await rename(folder, aside);
  return aside;
}
