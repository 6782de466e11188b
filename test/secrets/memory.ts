import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

/** Regions of a process's memory that are larger are no memory of its own, but addresses that it has kept free. */
const LARGEST_BYTES = 512 * 1024 * 1024;

/**
 * Which of these texts stand in the memory of a process: in everything that it may write to, as bytes or as base64.
 * `undefined` when it has ended.
 */
export function textsInMemory(pid: number, texts: readonly string[]): string[] | undefined {
  const needles = texts.flatMap((text) => [text, Buffer.from(text).toString('base64').replace(/=+$/, '')]);
  const found = new Set<string>();
  const memory = opened(pid);
  if (memory === undefined) return undefined;
  try {
    for (const [start, end] of writable(pid)) {
      const bytes = Buffer.alloc(end - start);
      try {
        readSync(memory, bytes, 0, bytes.length, start);
      } catch {
        continue;
      }
      for (const needle of needles) if (bytes.includes(needle)) found.add(needle);
    }
  } finally {
    closeSync(memory);
  }
  return [...found];
}

function opened(pid: number): number | undefined {
  try {
    return openSync(`/proc/${pid}/mem`, 'r');
  } catch {
    return undefined;
  }
}

function writable(pid: number): (readonly [start: number, end: number])[] {
  return mapsOf(pid)
    .split('\n')
    .flatMap((line) => {
      const [, from = '', to = ''] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
      const range = [Number.parseInt(from, 16), Number.parseInt(to, 16)] as const;
      return from !== '' && range[1] - range[0] <= LARGEST_BYTES ? [range] : [];
    });
}

function mapsOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/maps`, 'utf8');
  } catch {
    return '';
  }
}
