import { compose, type Verdict } from '../errors/verdict.ts';
import type { Finding } from '../probe/finding.ts';

/**
 * The verdict of findings: an `unknown` counts only where it is critical; what does not apply is left out, and so is a
 * failure that the fleet's owner has answered for.
 */
export function verdictOf(findings: readonly Finding[]): Verdict {
  const counted = findings.filter(
    ({ verdict, critical, accepted }) =>
      verdict !== 'not-applicable' && accepted === undefined && (critical || verdict !== 'unknown'),
  );
  if (counted.length === 0 && findings.some(({ accepted }) => accepted !== undefined)) return 'pass';
  return compose(counted.map(({ verdict }) => (verdict === 'not-applicable' ? 'pass' : verdict)));
}
