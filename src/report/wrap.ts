/** How wide lines of running text are at most, whatever the terminal has: longer ones are hard to follow. */
const WIDEST = 100;
const NARROWEST = 40;

/** A width for running text, from the columns of a terminal. */
export function textWidth(columns: number): number {
  return Math.max(NARROWEST, Math.min(WIDEST, columns));
}

/** Where a line may end: not beside a multiplication sign, and not between a number and its unit. */
const SPACE = /(?<!×)(?<!(?:^|[\s(])\d+) (?!×)/;

/**
 * Breaks a text into lines at its spaces. The first line begins with `head`, the others with as many spaces; a word that
 * is longer than a line stands alone on one.
 */
export function wrap(head: string, text: string, width: number): string[] {
  const room = Math.max(1, width - head.length);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(SPACE)) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.map((each, index) => `${index === 0 ? head : ' '.repeat(head.length)}${each}`.trimEnd());
}
