import type { RefusalCode } from '../protocol/outcome.ts';

/** What a request is expected to come to; `PAGE` is a page of usage evidence, `OTHER` an answer that is no signer's. */
export type Expected = 'ACCEPTED' | RefusalCode | 'PAGE' | 'OTHER';

/** How many requests are expected to come to what. */
export type Answers = Readonly<Partial<Record<Expected, number>>>;

/** No request at all. */
export const NO_ANSWERS: Answers = {};

/** Several counts together. */
export function sumOf(all: readonly Answers[]): Answers {
  const sum: Partial<Record<Expected, number>> = {};
  for (const [code, count] of all.flatMap(entriesOf)) sum[code] = (sum[code] ?? 0) + count;
  return sum;
}

/** A count so many times. */
export function times(answers: Answers, factor: number): Answers {
  return Object.fromEntries(entriesOf(answers).map(([code, count]) => [code, count * factor]));
}

/** All requests. */
export function totalOf(answers: Answers): number {
  return entriesOf(answers).reduce((all, [, count]) => all + count, 0);
}

/** Requests that are refused for who sent them, when, or how often. */
export function refusedOf(answers: Answers): number {
  const kept: readonly Expected[] = ['ACCEPTED', 'PAGE', 'OTHER'];
  return entriesOf(answers).reduce((all, [code, count]) => all + (kept.includes(code) ? 0 : count), 0);
}

/** The counts that are not nought. */
export function entriesOf(answers: Answers): [Expected, number][] {
  return (Object.entries(answers) as [Expected, number][]).filter(([, count]) => count > 0);
}
