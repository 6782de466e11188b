import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { AppendFile, LedgerDisk, ReadableFile } from '../ledger/ports.ts';
import { createFile, type RawIo, removeFile, replaceFile, syncFolder, systemIo, writeAll } from './files.ts';
import { openRegular, readSmallFile } from './read-files.ts';

/** Largest of the small files: a torn tail is shorter than the longest entry. */
const MAX_SMALL_BYTES = 2 * 1024 * 1024;

/** The ledger's and the lock's disk. */
export function ledgerDisk(io: RawIo = systemIo): LedgerDisk {
  return {
    openRead: async (path) => {
      const handle = await openRegular(path, constants.O_RDONLY);
      return handle === undefined ? undefined : readable(handle);
    },
    openAppend: async (path) => {
      const handle = await openRegular(path, constants.O_RDWR | constants.O_APPEND);
      if (handle === undefined) throw new Error('the ledger file has vanished');
      return appendable(handle, path, io);
    },
    create: async (path) => {
      const handle = await open(path, 'wx', 0o600);
      await handle.close();
      await syncFolder(path, io);
    },
    rewrite: (path, position, bytes) => rewrite(path, position, bytes, io),
    replace: (path, content) => replaceFile(path, content, io),
    createExclusive: (path, content) => createFile(path, content, io),
    readSmall: (path) => readSmallFile(path, MAX_SMALL_BYTES),
    remove: (path) => removeFile(path, io),
  };
}

/** A file to append to. `append` takes what the disk takes at a time until all is written. */
export function appendable(handle: FileHandle, path: string, io: RawIo): AppendFile {
  return {
    ...readable(handle),
    append: (bytes) => writeAll(handle, bytes, null, io),
    sync: () => io.sync(handle, path),
    truncate: (length) => handle.truncate(length),
  };
}

function readable(handle: FileHandle): ReadableFile {
  return {
    size: async () => (await handle.stat()).size,
    read: async (into, position) => (await handle.read(into, 0, into.length, position)).bytesRead,
    close: () => handle.close(),
  };
}

async function rewrite(path: string, position: number, bytes: Uint8Array, io: RawIo): Promise<void> {
  const handle = await openRegular(path, constants.O_RDWR);
  if (handle === undefined) throw new Error('the ledger file has vanished');
  try {
    await writeAll(handle, bytes, position, io);
    await io.sync(handle, path);
  } finally {
    await handle.close();
  }
}
