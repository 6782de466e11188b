import { compose, type Verdict } from '../errors/verdict.ts';
import type { Finding } from '../probe/finding.ts';

/** Whether a finding stops what depends on it: it failed, or something critical could not be told; nobody has answered for it. */
export function stops({ verdict, critical, accepted }: Finding): boolean {
  return accepted === undefined && (verdict === 'fail' || (verdict === 'unknown' && critical));
}

/** So many are told one by one. */
const TOLD = 3;

/** Which checks stop, where and why: the first few in words, and how many more. */
export function sayStopping(findings: readonly Finding[]): string {
  return say(findings.filter(stops), TOLD);
}

/** What to look at first, for the end of a report: a failure before what could not be told; `undefined` when nothing stops. */
export function firstStopping(
  findings: readonly Finding[],
): { readonly id: string; readonly text: string } | undefined {
  const later = ({ verdict }: Finding): number => (verdict === 'fail' ? 0 : 1);
  const bad = findings.filter(stops).toSorted((one, other) => later(one) - later(other));
  const [first] = bad;
  return first === undefined ? undefined : { id: first.id, text: say(bad, 1) };
}

function say(bad: readonly Finding[], most: number): string {
  const told = bad.slice(0, most).map(({ id, target, seen, reason = seen }) => `${id} on ${target}: ${reason}`);
  return `${told.join('; ')}${bad.length > most ? ` (+${bad.length - most} more)` : ''}`;
}

/**
 * The verdict of findings: an `unknown` counts only where it is critical; what does not apply is left out, and so is a
 * failure that the fleet's owner has answered for.
 */
export function verdictOf(findings: readonly Finding[]): Verdict {
  const counted = findings.filter((one) => stops(one) || (one.verdict === 'pass' && one.accepted === undefined));
  if (counted.length === 0 && findings.some(({ accepted }) => accepted !== undefined)) return 'pass';
  return compose(counted.map(({ verdict }) => (verdict === 'not-applicable' ? 'pass' : verdict)));
}
