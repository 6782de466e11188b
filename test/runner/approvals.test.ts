import { describe, expect, test } from 'vitest';
import type { Approvals } from '../../src/fleet/fleet.ts';
import { approvalOf } from '../../src/runner/approvals.ts';
import type { Confirmation } from '../../src/runner/confirmations.ts';

const ALL = ['move-clients', 'retire', 'destroy'] as const;
const approved = (by: string, approve: (typeof ALL)[number] = 'retire'): Confirmation => ({
  of: { approve },
  ...{ by, note: undefined, at: '2026-01-01T00:00:00.000Z', phase: 'switched' },
});
const needs = (needed: number, from?: readonly string[]): Approvals => ({ needed, from, before: ALL });

describe('approvals of a move', () => {
  test.for<[string, Approvals, readonly Confirmation[], number]>([
    ['one of one is enough', needs(1), [approved('A')], 0],
    ['one of two is not', needs(2), [approved('A')], 1],
    ['one person counts once', needs(2), [approved('A. Jones'), approved(' a.  jones ')], 1],
    ['two people are two', needs(2), [approved('A'), approved('B')], 0],
    ['of another move they say nothing', needs(1), [approved('A', 'destroy')], 1],
    ['whoever is not among those named does not count', needs(1, ['B']), [approved('A')], 1],
    ['whoever is counts, however it is written', needs(1, ['B. Smith']), [approved('b. smith')], 0],
    [
      'a confirmation of a client is none',
      needs(1),
      [{ ...approved('A'), of: { client: 'c', generation: 'next' } }],
      1,
    ],
  ])('%s', ([, approvals, given, missing]) => {
    expect(approvalOf(approvals, 'retire', given).missing).toBe(missing);
  });

  test('names whose word is still awaited', () => {
    const { by, awaited } = approvalOf(needs(2, ['A', 'B', 'C']), 'retire', [approved('b')]);
    expect([by, awaited]).toEqual([['b'], ['A', 'C']]);
  });
});
