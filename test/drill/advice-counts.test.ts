import { describe, expect, test } from 'vitest';
import { countInLedger } from '../../src/drill/advice/counts.ts';
import { begun, type EntrySketch, entriesOf, incident, NOW } from './advice-entries.ts';

function count(...sketches: readonly EntrySketch[]) {
  const counts = countInLedger(entriesOf(...sketches), NOW);
  if (counts === undefined) throw new Error('nothing was counted');
  return counts;
}

describe('rotations of the last quarter', () => {
  test.each([
    { when: 'a millisecond within 92 days', days: 92, ms: -1, counted: 1 },
    { when: 'exactly 92 days ago', days: 92, ms: 0, counted: 1 },
    { when: 'a millisecond before that', days: 92, ms: 1, counted: 0 },
    { when: 'now', days: 0, ms: 0, counted: 1 },
    { when: 'later than now', days: -1, ms: 0, counted: 1 },
  ])('begun $when count $counted', ({ days, ms, counted }) => {
    expect(count(begun('a', days, ms)).rotations.value).toBe(counted);
  });

  test('are told by their headers, whatever became of them', () => {
    const { rotations } = count(
      begun('old', 100),
      begun('failed', 60),
      { days: 60, kind: 'outcome', rotation: 'failed', data: { result: 'failed' } },
      begun('fine', 5),
      { days: 1, kind: 'checkpoint', rotation: 'old' },
    );
    expect(rotations).toMatchObject({ value: 2, entries: [2, 4], rehearsed: 0 });
  });

  test('leave out those of a drill, and count the one after it', () => {
    const drill = { rotation: 'drill-1', runbook: 'drill' };
    const { rotations } = count(
      { ...drill, days: 3, kind: 'header' },
      begun('staged', 3),
      { ...drill, days: 3, kind: 'verdict' },
      begun('real', 2),
    );
    expect(rotations).toMatchObject({ value: 1, entries: [4], rehearsed: 1 });
  });

  test('of a drill that was killed end with its own last entry', () => {
    const drill = { rotation: 'drill-1', runbook: 'drill' };
    expect(count({ ...drill, days: 3, kind: 'header' }, begun('after', 2)).rotations.value).toBe(1);
  });
});

describe('incidents of the last 90 days', () => {
  test.each([
    { when: 'a millisecond within 90 days', days: 90, ms: -1, counted: 1 },
    { when: 'exactly 90 days ago', days: 90, ms: 0, counted: 1 },
    { when: 'a millisecond before that', days: 90, ms: 1, counted: 0 },
  ])('noted $when count $counted', ({ days, ms, counted }) => {
    expect(count(incident('a', days, {}, ms)).incidents.value).toBe(counted);
  });

  test('are one from opening to closing, and count while the closing is within the window', () => {
    const began = '2026-08-20T00:00:00.000Z';
    const { incidents } = count(incident('a', 93, { began }), incident('a', 89, { began, ended: 'later' }));
    expect(incidents).toMatchObject({ value: 1, entries: [1] });
  });

  test('are two when they began at different times, or do not say when', () => {
    const first = incident('a', 5, { began: '2026-11-16T00:00:00.000Z' });
    const second = incident('a', 4, { began: '2026-11-17T00:00:00.000Z' });
    expect(count(first, second, incident('a', 3), incident('a', 2)).incidents.value).toBe(4);
  });

  test.each<{ what: string; sketch: EntrySketch }>([
    { what: 'a failed step', sketch: { days: 1, kind: 'outcome', rotation: 'a', data: { result: 'failed' } } },
    { what: 'a rollback', sketch: { days: 1, kind: 'checkpoint', rotation: 'a', data: { trigger: 'rollback' } } },
    { what: 'a planted fault', sketch: { days: 1, kind: 'fault', rotation: 'a' } },
    { what: 'an incident of another severity', sketch: incident('a', 1, { severity: 'capacity' }) },
  ])('$what is none', ({ sketch }) => {
    expect(count(begun('a', 2), sketch).incidents).toMatchObject({ value: 0, rehearsed: 0 });
  });

  test('leave out the outage that a drill brings about', () => {
    const { incidents } = count(
      { days: 3, kind: 'header', rotation: 'drill-1', runbook: 'drill' },
      incident('drill-1', 3, { began: 'x' }),
      incident('drill-1', 3, { began: 'x', ended: 'y' }),
      incident('real', 3),
    );
    expect(incidents).toMatchObject({ value: 1, entries: [4], rehearsed: 1 });
  });

  test('leave out what was planned, and what a rotation of a drill met; not what a planned outage brought to light', () => {
    const { incidents } = count(
      incident('run-1', 3, { began: 'x', planned: true }),
      incident('run-1', 3, { began: 'y', what: 'signer-b fails open' }),
      { days: 3, kind: 'header', rotation: 'drill-1', runbook: 'drill' },
      begun('a', 3),
      incident('a', 3),
      { days: 3, kind: 'verdict', rotation: 'drill-1', runbook: 'drill' },
    );
    expect(incidents).toMatchObject({ value: 1, entries: [2], rehearsed: 2 });
  });
});

test('a ledger without entries counts nothing, not even zero', () => {
  expect(countInLedger([], NOW)).toBeUndefined();
});

test('tells where the ledger begins, and that its clock is ahead', () => {
  expect(count(begun('a', 10))).toMatchObject({ begins: NOW - 10 * 86_400_000, isAhead: false });
  expect(count(begun('a', 0, -1)).isAhead).toBe(true);
});
