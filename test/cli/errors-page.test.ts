import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { verdictOf } from '../../src/cli/run.ts';
import { ERROR_CATALOGUE } from '../../src/errors/catalogue.ts';
import { verdictWord } from '../../src/report/result.ts';

const PAGE = readFileSync(new URL('../../spec/errors.md', import.meta.url), 'utf8');

function rows(heading: string): string[][] {
  const section = PAGE.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const table = section.split('\n').filter((line) => line.startsWith('|'));
  return table.slice(2).map((line) =>
    line
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim()),
  );
}

test('the page lists every code with its kind, exit, meaning and remedy', () => {
  const written = rows('Codes');
  const expected = Object.entries(ERROR_CATALOGUE).map(([code, { kind, exit, means, remedy }]) => [
    `\`${code}\``,
    kind,
    String(exit),
    means,
    remedy,
  ]);
  expect(written).toEqual(expected);
});

test('the page has the verdict and the word of every exit code that an error can have', () => {
  const written = rows('How a command ends').map(([exit, word, verdict]) => ({ exit: Number(exit), word, verdict }));
  for (const { exit } of Object.values(ERROR_CATALOGUE)) {
    const verdict = verdictOf(exit);
    expect(written).toContainEqual({ exit, word: verdictWord(verdict), verdict: `\`${verdict}\`` });
  }
  expect(written.map(({ exit }) => exit)).toEqual([0, 0, 0, 1, 2, 10, 11, 12, 13, 14, 15, 16, 70]);
});
