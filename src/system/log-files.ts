import { constants } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { LogFiles, LogPiece } from '../watch/ports.ts';

/** A FIFO or a terminal in a log's place neither blocks nor becomes ours. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** The real log files. */
export const logFiles: LogFiles = {
  read: async (path, from, most) => {
    try {
      const handle = await open(path, FLAGS);
      try {
        return await pieceOf(handle, path, from, most);
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (error instanceof RotctlError) throw error;
      const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
      if (code === 'ENOENT') return undefined;
      throw unreadable(path, code ?? escapeForeign(String(error)), error);
    }
  },
  beside: async (path) => {
    const [folder, name] = [dirname(path), basename(path)];
    const names = await readdir(folder).catch(() => []);
    return names.filter((other) => other !== name && other.startsWith(name)).map((other) => join(folder, other));
  },
};

async function pieceOf(handle: FileHandle, path: string, from: number, most: number): Promise<LogPiece> {
  const stats = await handle.stat({ bigint: true });
  if (!stats.isFile()) throw unreadable(path, 'it is no regular file');
  const size = Number(stats.size);
  const bytes = Buffer.alloc(Math.max(0, Math.min(most, size - from)));
  let length = 0;
  while (length < bytes.length) {
    const { bytesRead } = await handle.read(bytes, length, bytes.length - length, from + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return { identity: `${stats.dev}:${stats.ino}`, size, bytes: bytes.subarray(0, length) };
}

function unreadable(path: string, why: string, cause?: unknown): RotctlError {
  return new RotctlError('INPUT_UNREADABLE', `file: ${why}`, { at: { file: path }, cause });
}
