/** The three values a judgement can have. Nothing measured is `unknown`, never `pass`. */
export type Verdict = 'pass' | 'fail' | 'unknown';

const WEIGHT: Record<Verdict, number> = { pass: 0, unknown: 1, fail: 2 };

/** Composes verdicts: fail beats unknown beats pass (Jepsen's rule); of nothing, `unknown`. */
export function compose(verdicts: Iterable<Verdict>): Verdict {
  let worst: Verdict | undefined;
  for (const verdict of verdicts) {
    if (worst === undefined || WEIGHT[verdict] > WEIGHT[worst]) worst = verdict;
  }
  return worst ?? 'unknown';
}
