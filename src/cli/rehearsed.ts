import type { CommandEnd } from './result.ts';

/** The end of a rehearsal that tried nothing: what would be done, line by line. */
export function wouldDo(command: string, lines: readonly string[], result: object = {}): CommandEnd {
  return {
    command,
    verdict: 'rehearsed',
    summary: `${command}: nothing was done`,
    text: ['would:', ...lines.map((line) => `  ${line}`)].join('\n'),
    result: { would: lines, ...result },
  };
}
