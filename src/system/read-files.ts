import { isUtf8 } from 'node:buffer';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';

const PRIVATE_MODE = 0o600;
const MAX_TEXT_BYTES = 16 * 1024 * 1024;
const BYTE_ORDER_MARK = '\ufeff';
/** Flags by which a symbolic link is refused, and a FIFO or a terminal neither blocks nor becomes ours. */
export const CAREFUL: number = constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

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

/**
 * A regular file's bytes; `undefined` when there is none.
 *
 * @param judge looks at the open file before anything of it is read, and throws what speaks against it
 * @throws RotctlError INPUT_UNREADABLE, with the file's position, also for more than `limit` bytes and for what is no regular file
 */
export async function readRegular(
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

/** What stands there in place of a regular file. */
export function typeOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a folder';
  if (stats.isSymbolicLink()) return 'a symbolic link';
  if (stats.isFIFO()) return 'a FIFO';
  return stats.isSocket() ? 'a socket' : 'a device';
}

/** @throws RotctlError INPUT_UNREADABLE for what is not UTF-8, and for a NUL byte */
export function decodeText(path: string, bytes: Buffer): string {
  if (!isUtf8(bytes)) throw unreadable(path, 'its bytes are not UTF-8');
  if (bytes.includes(0)) throw unreadable(path, 'it holds a NUL byte');
  return bytes.toString('utf8');
}

/** The refusal of a file that cannot be read. */
export function unreadable(path: string, why: string, cause?: unknown): RotctlError {
  return new RotctlError('INPUT_UNREADABLE', `file: ${why}`, { at: { file: path }, cause });
}

/** The system's name of an error, such as ENOENT. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** An error in a few words, safe to print. */
export function reasonOf(error: unknown): string {
  return codeOf(error) ?? escapeForeign(error instanceof Error ? error.message : String(error));
}
