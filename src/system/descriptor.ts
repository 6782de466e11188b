import { close, fstat, read } from 'node:fs';
import { promisify } from 'node:util';
import { RotctlError } from '../errors/rotctl-error.ts';
import { codeOf, typeOf } from './read-files.ts';

const MOST_BYTES = 64 * 1024;

/**
 * Reads everything from a file descriptor that this process has inherited, and closes it. Of a pipe it waits for the end.
 *
 * @throws RotctlError `INPUT_UNREADABLE` when nothing was inherited there, it is no file, pipe or socket, it holds more than
 *   64 KiB, or its end does not come in time
 */
export async function readDescriptor(fd: number, deadlineMs: number): Promise<Buffer> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), deadlineMs);
  try {
    return await Promise.race([
      readAll(fd, late.signal),
      new Promise<never>((_, reject) => {
        late.signal.addEventListener('abort', () => reject(refused(fd, `no end within ${deadlineMs} ms`)));
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}

async function readAll(fd: number, late: AbortSignal): Promise<Buffer> {
  const stats = await promisify(fstat)(fd).catch((error: unknown) => {
    throw refused(fd, codeOf(error) === 'EBADF' ? 'nothing was handed over there' : String(codeOf(error)));
  });
  if (!stats.isFile() && !stats.isFIFO() && !stats.isSocket()) throw refused(fd, `it is ${typeOf(stats)}`);
  const chunks: Buffer[] = [];
  for (let total = 0; !late.aborted; ) {
    const { bytesRead, buffer } = await promisify(read)(fd, Buffer.alloc(4096), 0, 4096, null).catch(
      (error: unknown) => {
        throw refused(fd, `it cannot be read: ${codeOf(error) ?? 'unknown error'}`);
      },
    );
    if (bytesRead === 0) break;
    chunks.push(buffer.subarray(0, bytesRead));
    total += bytesRead;
    if (total > MOST_BYTES) throw refused(fd, `it holds more than ${MOST_BYTES} bytes`);
  }
  await promisify(close)(fd).catch(() => undefined);
  return Buffer.concat(chunks);
}

function refused(fd: number, why: string): RotctlError {
  return new RotctlError('INPUT_UNREADABLE', `file descriptor ${fd}: ${why}`, {
    hint: `hand the secret over when rotctl is started: rotctl … ${fd}< FILE`,
  });
}
