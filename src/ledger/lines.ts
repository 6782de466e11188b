import type { ReadableFile } from './ports.ts';

const COUNT_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

/** Turns offsets in a file into line numbers from 1, counting forward: offsets must not go back. */
export class LineCounter {
  readonly #file: ReadableFile;
  readonly #buffer = Buffer.allocUnsafe(COUNT_BYTES);
  #position = 0;
  #line = 1;

  constructor(file: ReadableFile) {
    this.#file = file;
  }

  /** The line in which the byte at `offset` stands. */
  async lineAt(offset: number): Promise<number> {
    while (this.#position < offset) {
      const wanted = this.#buffer.subarray(0, Math.min(COUNT_BYTES, offset - this.#position));
      const read = await this.#file.read(wanted, this.#position);
      if (read === 0) break;
      this.#position += read;
      for (const byte of wanted.subarray(0, read)) if (byte === NEWLINE) this.#line += 1;
    }
    return this.#line;
  }
}
