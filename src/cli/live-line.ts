import { isFancy } from './colour.ts';
import type { Platform } from './platform.ts';

/** Back to the first column, and delete to the end of the line (ECMA-48, EL). */
const CLEAR = '\r\u001b[K';

type Terminal = Pick<Platform, 'stderr' | 'env'>;

/** Removes a live line, if this terminal may have one. */
export function clearLine(platform: Terminal, flags: { readonly color: boolean }): void {
  if (isFancy(platform, flags, platform.stderr)) platform.stderr.write(CLEAR);
}

/** The last line of a terminal, rewritten in place; text is cut to the terminal's width. */
export class LiveLine {
  readonly #platform: Terminal;
  #shown = '';

  constructor(platform: Terminal) {
    this.#platform = platform;
  }

  show(text: string): void {
    const cut = [...text].slice(0, Math.max(10, this.#platform.stderr.columns - 1)).join('');
    if (cut === this.#shown) return;
    this.#shown = cut;
    this.#platform.stderr.write(`${CLEAR}${cut}`);
  }

  /** Writes a whole line above; the live line is gone until it is shown again. */
  print(line: string): void {
    this.clear();
    this.#platform.stderr.write(`${line}\n`);
  }

  clear(): void {
    if (this.#shown === '') return;
    this.#shown = '';
    this.#platform.stderr.write(CLEAR);
  }
}
