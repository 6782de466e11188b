import { constants } from 'node:fs';
import { type FileHandle, link, open, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { codeOf } from './read-files.ts';

const ROOT = 0;
const PRIVATE_MODE = 0o600;

/** The two calls on which durability hangs, so that tests can count them and make them fail as disks do. */
export interface RawIo {
  /** One write of at most `bytes`; resolves with how many were written. `position` `null` appends. */
  write(handle: FileHandle, bytes: Uint8Array, position: number | null): Promise<number>;
  /** fsync of a file or a folder. */
  sync(handle: FileHandle, path: string): Promise<void>;
}

/** The real calls. */
export const systemIo: RawIo = {
  write: async (handle, bytes, position) => (await handle.write(bytes, 0, bytes.length, position)).bytesWritten,
  sync: (handle) => handle.sync(),
};

/** Writes all of `bytes`: a short write, the first sign of a full disk, goes on until the disk says why. */
export async function writeAll(
  handle: FileHandle,
  bytes: Uint8Array,
  position: number | null,
  io: RawIo,
): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const written = await io.write(handle, bytes.subarray(done), position === null ? null : position + done);
    if (written <= 0) throw new Error(`a write took none of ${bytes.length - done} bytes`);
    done += written;
  }
}

/** Replaces `path` atomically and durably: temporary file 0600 beside it, fsync, rename, fsync of the folder. Its owner stays. */
export async function replaceFile(path: string, content: string | Uint8Array, io: RawIo = systemIo): Promise<void> {
  await throughTemporary(path, content, io, (temporary) => rename(temporary, path));
  await syncFolder(path, io);
}

/** A file to be replaced with others. */
export interface NewFile {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
}

/**
 * Replaces several files durably, each atomically: all are written and synced beside their places first, and then renamed one
 * right after the other, in this order. Nothing is renamed when one of them cannot be written. Owners stay.
 */
export async function replaceFiles(files: readonly NewFile[], io: RawIo = systemIo): Promise<void> {
  await staged(files, [], io);
  const inFolders = new Map(files.map(({ path }) => [dirname(path), path]));
  for (const path of inFolders.values()) await syncFolder(path, io);
}

async function staged(files: readonly NewFile[], done: readonly [string, string][], io: RawIo): Promise<void> {
  const [first, ...rest] = files;
  if (first === undefined) {
    for (const [temporary, path] of done) await rename(temporary, path);
    return;
  }
  const { path, content, mode } = first;
  const next = (temporary: string) => staged(rest, [...done, [temporary, path]], io);
  await throughTemporary(path, content, io, next, path, mode);
}

/**
 * Makes `path` with its whole content, durably; `false` when the name is taken. Atomic on network file systems too.
 *
 * @param like the file whose owner the new one gets, when root makes it
 */
export async function createFile(
  path: string,
  content: string | Uint8Array,
  io: RawIo = systemIo,
  like = path,
): Promise<boolean> {
  const placed = async (temporary: string) => {
    const made = await linkOnce(temporary, path);
    await unlink(temporary);
    return made;
  };
  const isMade = await throughTemporary(path, content, io, placed, like);
  if (isMade) await syncFolder(path, io);
  return isMade;
}

/** Removes `path`, durably; nothing happens when there is none. */
export async function removeFile(path: string, io: RawIo = systemIo): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  await syncFolder(path, io);
}

/** fsync of the folder that holds `path`: makes a new, renamed or removed name durable. */
export async function syncFolder(path: string, io: RawIo): Promise<void> {
  const folder = dirname(path);
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await io.sync(handle, folder);
  } finally {
    await handle.close();
  }
}

let temporaries = 0;

/** Writes a new file beside `path`, fsyncs it and lets `place` put it where it belongs; removes it when that fails. */
async function throughTemporary<T>(
  path: string,
  content: string | Uint8Array,
  io: RawIo,
  place: (temporary: string) => Promise<T>,
  like = path,
  mode = PRIVATE_MODE,
): Promise<T> {
  temporaries += 1;
  const temporary = join(dirname(path), `${temporaryPrefix(path)}${process.pid}-${temporaries}.tmp`);
  const handle = await open(temporary, 'wx', PRIVATE_MODE);
  try {
    await keepOwner(handle, like);
    if (mode !== PRIVATE_MODE) await handle.chmod(mode);
    await writeSynced(handle, temporary, Buffer.from(content), io);
    return await place(temporary);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

/** Root writes the configuration of services that run under users of their own: they must go on being able to read it. */
async function keepOwner(handle: FileHandle, path: string): Promise<void> {
  if (process.getuid?.() !== ROOT) return;
  const owner = await stat(path).catch(() => undefined);
  if (owner !== undefined && (owner.uid !== ROOT || owner.gid !== ROOT)) await handle.chown(owner.uid, owner.gid);
}

async function writeSynced(handle: FileHandle, path: string, bytes: Uint8Array, io: RawIo): Promise<void> {
  try {
    await writeAll(handle, bytes, 0, io);
    await io.sync(handle, path);
  } finally {
    await handle.close();
  }
}

/** What the names of the temporary files beside `path` begin with. */
export function temporaryPrefix(path: string): string {
  return `.${basename(path)}.`;
}

/** `link` that is not misled by a network file system's lost answer: what counts is the file's number of names. */
async function linkOnce(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((await stat(from)).nlink === 2) return true;
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}
