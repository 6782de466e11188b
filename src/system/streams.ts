import type { Output } from '../cli/platform.ts';

const DEFAULT_COLUMNS = 80;

/** A stream of this process. When whoever reads it is gone, what is written is dropped and the work goes on. */
export function outputOf(stream: NodeJS.WriteStream): Output {
  let isGone = false;
  stream.on('error', () => {
    isGone = true;
  });
  return {
    write(text) {
      if (!isGone) stream.write(text);
    },
    get live() {
      return stream.isTTY === true;
    },
    get columns() {
      // a terminal that does not know its width says 0
      return stream.columns > 0 ? stream.columns : DEFAULT_COLUMNS;
    },
  };
}

/** Resolves when everything that was written to both streams has been handed to the system. */
export async function flushed(...streams: readonly NodeJS.WriteStream[]): Promise<void> {
  await Promise.all(streams.map((stream) => new Promise<void>((resolve) => stream.write('', () => resolve()))));
}
