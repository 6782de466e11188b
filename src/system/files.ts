import { isUtf8 } from 'node:buffer';
import { constants, type Stats } from 'node:fs';
import { access, type FileHandle, link, lstat, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { GateFiles } from '../deploy/ports.ts';
import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';

const ROOT = 0;
const PRIVATE_MODE = 0o600;
const OTHERS_BITS = 0o077;
const MAX_PRIVATE_BYTES = 1024 * 1024;
const MAX_TEXT_BYTES = 16 * 1024 * 1024;
const BYTE_ORDER_MARK = '\ufeff';
/** A symbolic link is refused, a FIFO or a terminal neither blocks nor becomes ours. */
const CAREFUL = constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

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

/** What would keep a file from being replaced, as far as the system says it beforehand. */
async function hindranceTo(path: string): Promise<string | undefined> {
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

/**
 * The text of a file that a person wrote (a fleet file, a runbook): at most 16 MiB of UTF-8, without its byte order mark.
 *
 * @throws RotctlError INPUT_UNREADABLE, with the file's position, also for a NUL byte and for what is no regular file.
 */
export async function readTextFile(path: string): Promise<string> {
  const bytes = await readRegular(path, MAX_TEXT_BYTES, constants.O_NONBLOCK | constants.O_NOCTTY);
  if (bytes === undefined) throw unreadable(path, 'there is no such file');
  const text = decodeText(path, bytes);
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(BYTE_ORDER_MARK.length) : text;
}

/** A regular file's bytes, links not followed; `undefined` when there is none. @throws RotctlError INPUT_UNREADABLE. */
export async function readSmallFile(path: string, limit: number): Promise<Uint8Array | undefined> {
  return readRegular(path, limit, CAREFUL);
}

/**
 * Opens a regular file, links not followed; `undefined` when there is none.
 *
 * @throws RotctlError INPUT_UNREADABLE for anything else that stands there, or when the system refuses.
 */
export async function openRegular(path: string, flags: number): Promise<FileHandle | undefined> {
  const opened = await openStats(path, flags | CAREFUL);
  return opened?.handle;
}

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
): Promise<T> {
  temporaries += 1;
  const temporary = join(dirname(path), `${temporaryPrefix(path)}${process.pid}-${temporaries}.tmp`);
  const handle = await open(temporary, 'wx', PRIVATE_MODE);
  try {
    await keepOwner(handle, like);
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

function temporaryPrefix(path: string): string {
  return `.${basename(path)}.`;
}

/** Removes temporary files beside `path` whose makers were killed before they could: they may hold secrets. */
async function removeLeftovers(path: string): Promise<void> {
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

async function readRegular(
  path: string,
  limit: number,
  flags: number,
  judge: (stats: Stats) => void = () => undefined,
): Promise<Buffer | undefined> {
  const opened = await openStats(path, constants.O_RDONLY | flags);
  if (opened === undefined) return undefined;
  const { handle, stats } = opened;
  try {
    judge(stats);
    if (stats.size > limit) throw unreadable(path, `${stats.size} bytes, at most ${limit}`);
    return await readUpTo(handle, path, limit);
  } finally {
    await handle.close();
  }
}

/** Reads to the end, whatever size was stated before: a file may grow while it is read. */
async function readUpTo(handle: FileHandle, path: string, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let total = 0; ; ) {
    const { bytesRead, buffer } = await handle
      .read(Buffer.alloc(64 * 1024), 0, 64 * 1024, total)
      .catch((error: unknown) => {
        throw unreadable(path, reasonOf(error), error);
      });
    if (bytesRead === 0) return Buffer.concat(chunks);
    total += bytesRead;
    if (total > limit) throw unreadable(path, `more than ${limit} bytes`);
    chunks.push(buffer.subarray(0, bytesRead));
  }
}

async function openStats(
  path: string,
  flags: number,
): Promise<{ readonly handle: FileHandle; readonly stats: Stats } | undefined> {
  const handle = await open(path, flags, PRIVATE_MODE).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw unreadable(path, codeOf(error) === 'ELOOP' ? 'it is a symbolic link' : reasonOf(error), error);
  });
  if (handle === undefined) return undefined;
  const stats = await handle.stat();
  if (stats.isFile()) return { handle, stats };
  await handle.close();
  throw unreadable(path, `expected a regular file, got ${typeOf(stats)}`);
}

function typeOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a folder';
  if (stats.isSymbolicLink()) return 'a symbolic link';
  if (stats.isFIFO()) return 'a FIFO';
  return stats.isSocket() ? 'a socket' : 'a device';
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

function decodeText(path: string, bytes: Buffer): string {
  if (!isUtf8(bytes)) throw unreadable(path, 'its bytes are not UTF-8');
  if (bytes.includes(0)) throw unreadable(path, 'it holds a NUL byte');
  return bytes.toString('utf8');
}

function unreadable(path: string, why: string, cause?: unknown): RotctlError {
  return new RotctlError('INPUT_UNREADABLE', `file: ${why}`, { at: { file: path }, cause });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function reasonOf(error: unknown): string {
  return codeOf(error) ?? escapeForeign(error instanceof Error ? error.message : String(error));
}
