import { describe, expect, it } from 'vitest';
import { batchStart, tasksOf } from '../../src/machine/roll.ts';
import type { Order, Step } from '../../src/machine/step.ts';

const step = (id: string, over: Step['over'], order: Partial<Order> = {}): Step => ({
  id,
  phase: 'opening',
  does: id,
  action: 'write',
  over,
  order: { first: 1, batch: 1, backward: false, only: undefined, unreachable: 'fail', ...order },
  effects: [],
  proofs: [],
  onFailure: 'hold',
});
const inventory = { templates: ['t', 'u'], replicas: ['a', 'b', 'c', 'd'], clients: ['x'] };
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
    ['the first alone', { only: 1 }, ['w:a']],
    ['some, from the first on', { first: 1, batch: 2, only: 2 }, ['w:a', 'w:b']],
    ['some, in one batch of more', { first: 9, batch: 9, only: 3 }, ['w:a+b+c']],
    ['more than there are', { first: 4, only: 9 }, ['w:a+b+c+d']],
    ['the same ones, backward', { only: 2, backward: true }, ['w:b', 'w:a']],
    ['backward', { first: 1, batch: 2, backward: true }, ['w:d', 'w:c+b', 'w:a']],
  ])('makes batches: %s', (_, order, expected) => {
    expect(names([step('w', 'replicas', order)])).toEqual(expected);
  });

  it('takes as many replicas together after the first batch as the fleet wants, whatever the step says', () => {
    const sizes = [1, 2, 9].map((batch) =>
      tasksOf([step('w', 'replicas', { batch: 3 }), step('c', 'clients')], { ...inventory, batch }).map(({ targets }) =>
        targets.join('+'),
      ),
    );
    expect(sizes).toEqual([
      ['a', 'b', 'c', 'd', 'x'],
      ['a', 'b+c', 'd', 'x'],
      ['a', 'b+c+d', 'x'],
    ]);
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

  it('makes each step over the fleet a batch of its own', () => {
    const tasks = tasksOf([step('p', 'fleet'), step('destroy', 'fleet')], inventory);
    expect(tasks.map((_, index) => batchStart(tasks, index))).toEqual([0, 1]);
  });

  it.each([
    ['how many get it', { only: 4 }],
    ['what becomes of those that do not answer', { unreachable: 'skip' }],
  ] as const)('begins a new roll where the orders differ in %s alone', (_, order) => {
    const steps = [step('w', 'replicas'), step('l', 'replicas', order)];
    expect(names(steps).slice(0, 5)).toEqual(['w:a', 'w:b', 'w:c', 'w:d', 'l:a']);
  });

  it('takes templates as targets of their own, and leaves their steps out where there are none', () => {
    const steps = [step('p', 'templates'), step('w', 'replicas', { only: 1 })];
    expect(names(steps)).toEqual(['p:t', 'p:u', 'w:a']);
    expect(tasksOf(steps, { ...inventory, templates: [] }).map((task) => task.step.id)).toEqual(['w']);
  });
});

describe('batchStart', () => {
  const tasks = tasksOf(
    [
      step('p', 'templates'),
      step('w', 'replicas', { batch: 2 }),
      step('l', 'replicas', { batch: 2 }),
      step('v', 'fleet'),
    ],
    inventory,
  );
  const said = tasks.map((task, index) => `${task.step.id}:${task.targets.join('+')} ${batchStart(tasks, index)}`);

  it('is the first step of the roll on the same targets', () => {
    expect(said).toEqual(['p:t 0', 'p:u 1', 'w:a 2', 'l:a 2', 'w:b+c 4', 'l:b+c 4', 'w:d 6', 'l:d 6', 'v:fleet 8']);
  });

  it('does not reach into an earlier roll on equal targets', () => {
    const twice = tasksOf(
      [step('w', 'replicas', { only: 1 }), step('v', 'fleet'), step('l', 'replicas', { only: 1 })],
      inventory,
    );
    expect(twice.map((_, index) => batchStart(twice, index))).toEqual([0, 1, 2]);
    const split = tasksOf(
      [step('w', 'replicas', { only: 1 }), step('l', 'replicas', { only: 1, backward: true })],
      inventory,
    );
    expect(split.map((_, index) => batchStart(split, index))).toEqual([0, 1]);
  });
});
