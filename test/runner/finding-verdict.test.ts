import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/probe/finding.ts';
import { firstStopping } from '../../src/runner/finding-verdict.ts';

function found(id: string, verdict: Finding['verdict'], more: Partial<Finding> = {}): Finding {
  return { id, verdict, critical: true, target: 'signer-b', expected: 'x', seen: 'y', samples: 1, ms: 0, ...more };
}

describe('what to look at first', () => {
  it('is a failure, before what could not be told, and says how many more there are', () => {
    const findings = [found('one', 'pass'), found('two', 'unknown'), found('three', 'fail', { reason: 'because' })];
    expect(firstStopping(findings)).toEqual({ id: 'three', text: 'three on signer-b: because (+1 more)' });
  });

  it('is what could not be told, where nothing failed, and what was seen, where there is no reason', () => {
    expect(firstStopping([found('one', 'pass'), found('two', 'unknown')])?.text).toBe('two on signer-b: y');
  });

  it('is nothing where nothing stops', () => {
    const accepted = { reason: 'known', owner: 'payments' };
    const findings = [
      found('one', 'pass'),
      found('two', 'fail', { accepted }),
      found('three', 'unknown', { critical: false }),
    ];
    expect(firstStopping(findings)).toBeUndefined();
  });
});
