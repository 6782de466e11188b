import { describe, expect, it } from 'vitest';
import type { Replica } from '../../src/fleet/fleet.ts';
import { sayStopping, stops, verdictOf } from '../../src/runner/finding-verdict.ts';
import { isOwnFile, untouchedOf } from '../../src/runner/prove-apart.ts';
import { replicaAt } from '../watch/pages.ts';

function replica(name: string, path: string): Replica {
  const at = replicaAt(name, new URL('http://127.0.0.1:1'));
  return { ...at, deploy: { ...at.deploy, path } as Replica['deploy'] };
}

const [a, b, c] = [replica('a', '/a.env'), replica('b', '/b.env'), replica('c', '/c.env')];

describe('which replica is asked whether it has what it was not given', () => {
  it('is the first that was not touched', () => {
    expect(untouchedOf({ replicas: [a, b, c] }, (name) => ['a'].includes(name))?.name).toBe('b');
    expect(untouchedOf({ replicas: [a, b, c] }, (name) => ['a', 'b', 'c'].includes(name))).toBeUndefined();
  });

  it('none that shares its file, and so is given what others are', () => {
    const replicas = [a, replica('b', '/a.env'), c];
    expect(untouchedOf({ replicas }, (name) => ['a'].includes(name))?.name).toBe('c');
    expect(isOwnFile(a.deploy, replicas)).toBe(false);
  });

  it('none whose configuration a program keeps', () => {
    const kept = { ...a, deploy: { driver: 'command' } as Replica['deploy'] };
    expect(isOwnFile(kept.deploy, [kept, b])).toBe(false);
  });
});

describe('what stops', () => {
  const finding = { id: 'x', target: 't', expected: '', seen: 'seen', samples: 1, ms: 0 };
  const accepted = { reason: 'known', owner: 'us' };

  it.each([
    ['fail', false, true],
    ['fail', true, true],
    ['unknown', true, true],
    ['unknown', false, false],
    ['pass', true, false],
    ['not-applicable', true, false],
  ] as const)('%s, critical: %s', (verdict, critical, expected) => {
    const one = { ...finding, verdict, critical };
    expect(stops(one)).toBe(expected);
    expect(sayStopping([one])).toBe(expected ? 'x on t: seen' : '');
    if (verdict !== 'not-applicable')
      expect(verdictOf([{ ...finding, verdict: 'pass', critical }, one]) !== 'pass').toBe(expected);
    expect(stops({ ...one, accepted })).toBe(false);
  });

  it('says how many more there are', () => {
    const four = Array.from({ length: 4 }, () => ({ ...finding, verdict: 'fail' as const, critical: true }));
    expect(sayStopping(four)).toBe('x on t: seen; x on t: seen; x on t: seen (+1 more)');
  });
});
