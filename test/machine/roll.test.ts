import { describe, expect, it } from 'vitest';
import { tasksOf } from '../../src/machine/roll.ts';
import type { Order, Step } from '../../src/machine/step.ts';

const step = (
  id: string,
  over: Step['over'],
  order: Omit<Order, 'backward'> & { backward?: boolean } = { first: 1, batch: 1 },
): Step => ({
  id,
  phase: 'opening',
  does: id,
  action: 'write',
  over,
  order: { backward: false, ...order },
  effects: [],
  proofs: [],
  onFailure: 'hold',
});
const inventory = { replicas: ['a', 'b', 'c', 'd'], clients: ['x'] };
const names = (steps: Step[]) => tasksOf(steps, inventory).map((task) => `${task.step.id}:${task.targets.join('+')}`);

describe('tasksOf', () => {
  it('takes a batch through all steps of a roll before the next batch begins', () => {
    expect(names([step('write', 'replicas'), step('load', 'replicas')])).toEqual([
      'write:a',
      'load:a',
      'write:b',
      'load:b',
      'write:c',
      'load:c',
      'write:d',
      'load:d',
    ]);
  });

  it.each([
    ['one, then two', { first: 1, batch: 2 }, ['w:a', 'w:b+c', 'w:d']],
    ['one, then more than there are', { first: 1, batch: 9 }, ['w:a', 'w:b+c+d']],
    ['all at once', { first: 4, batch: 1 }, ['w:a+b+c+d']],
    ['two, then one', { first: 2, batch: 1 }, ['w:a+b', 'w:c', 'w:d']],
    ['backward', { first: 1, batch: 2, backward: true }, ['w:d', 'w:c+b', 'w:a']],
  ])('makes batches: %s', (_, order, expected) => {
    expect(names([step('w', 'replicas', order)])).toEqual(expected);
  });

  it('begins a new roll where the targets or the order differ', () => {
    expect(
      names([
        step('w', 'replicas', { first: 4, batch: 4 }),
        step('l', 'replicas', { first: 2, batch: 2 }),
        step('p', 'fleet'),
        step('m', 'clients'),
      ]),
    ).toEqual(['w:a+b+c+d', 'l:a+b', 'l:c+d', 'p:fleet', 'm:x']);
  });
});
