import { describe, expect, test } from 'vitest';
import { standings } from '../../src/cli/standing.ts';
import type { Trigger } from '../../src/machine/phase.ts';
import { readHistory } from '../../src/runner/history.ts';
import { PROGRAM, Writing } from './rotation-entries.ts';

async function written(...moves: readonly Trigger[]): Promise<Writing> {
  const writing = new Writing();
  await writing.begin();
  for (const move of moves) await writing.move(move);
  return writing;
}

describe('what status reads without a runbook', () => {
  const ways: Trigger[][] = [
    ['overlap', 'move-clients', 'retire', 'destroy'],
    ['overlap', 'rollback'],
    ['overlap', 'move-clients', 'rollback', 'complete'],
    ['overlap', 'move-clients', 'retire', 'reinstate'],
  ];
  test.each(ways.map((way) => ({ way })))('is what the machine makes of every prefix of $way', async ({ way }) => {
    const writing = new Writing();
    await writing.begin();
    for (const trigger of way) {
      if (trigger !== 'complete') await writing.move(trigger);
      else
        while (writing.journal.rotation.phase !== 'rolled-back')
          await writing.task().catch(() => writing.move('complete'));
    }
    const { entries } = writing;
    for (let length = 1; length <= entries.length; length += 1) {
      const prefix = entries.slice(0, length);
      const history = readHistory(prefix, PROGRAM);
      const [standing] = standings(prefix);
      expect(standing?.phase, `after entry ${length}`).toBe(history?.rotation.phase);
      expect(standing?.told.toSorted(), `after entry ${length}`).toEqual(history?.rotation.told.toSorted());
      expect(standing?.unsettled !== undefined, `after entry ${length}`).toBe(
        history?.rotation.intended === true && !history.rotation.held,
      );
      expect(standing?.heldBecause, `after entry ${length}`).toBe(history?.heldBecause);
    }
  });
});

test('names who is behind in a moving phase, and nobody in a resting one', async () => {
  const writing = await written();
  await writing.journal.apply({ kind: 'trigger', trigger: 'overlap' });
  expect(standings(writing.entries)[0]?.behind).toEqual(['signer-a', 'signer-b', 'signer-c']);
  await writing.task();
  expect(standings(writing.entries)[0]?.behind).not.toContain('signer-a');
  expect(standings((await written('overlap')).entries)[0]?.behind).toEqual([]);
});

test('a step that failed is held with its reason, until it is done', async () => {
  const writing = await written();
  await writing.journal.apply({ kind: 'trigger', trigger: 'overlap' });
  await writing.task('failed');
  expect(standings(writing.entries)[0]?.heldBecause).toBe('signer-b refused next');
  await writing.task();
  expect(standings(writing.entries)[0]?.heldBecause).toBeUndefined();
});

test('a step without an outcome is named as unsettled', async () => {
  const writing = await written();
  await writing.journal.apply({ kind: 'trigger', trigger: 'overlap' });
  await writing.task('crashed');
  expect(standings(writing.entries)[0]?.unsettled).toContain('signer-a');
});

test.each([
  { moves: [], phase: 'stable', allowed: ['overlap', 'resume'] },
  { moves: ['overlap'], phase: 'overlap', allowed: ['overlap', 'rollback', 'resume'] },
  { moves: ['overlap', 'move-clients'], phase: 'switched', allowed: ['retire', 'rollback', 'resume'] },
  {
    moves: ['overlap', 'move-clients', 'retire'],
    phase: 'retired',
    allowed: ['retire', 'rollback --reinstate --reason TEXT', 'resume'],
  },
  { moves: ['overlap', 'move-clients', 'retire', 'destroy'], phase: 'destroyed', allowed: ['overlap'] },
  { moves: ['overlap', 'rollback'], phase: 'rolled-back', allowed: ['overlap'] },
] as const)('in $phase, $allowed are allowed', async ({ moves, phase, allowed }) => {
  const [standing] = standings((await written(...moves)).entries);
  expect(standing).toMatchObject({ phase, allowed });
});

test('a drill’s own entries are no rotation', async () => {
  const { entries } = await written('overlap');
  const [first] = entries;
  if (first === undefined) throw new Error('nothing was written');
  const drill = { ...first, rotation: 'drill-1', data: { scenario: 'whole-rotation' } };
  expect(standings([drill, ...entries]).map(({ id }) => id)).toEqual(['signer-hmac-2026-11-21-0001']);
});
