import { describe, expect, it } from 'vitest';
import { beginningOf } from '../../src/machine/as-before.ts';
import { tasksOf } from '../../src/machine/roll.ts';
import { settingOf } from '../../src/machine/rotation.ts';
import { representatives } from '../../src/machine/safety/representatives.ts';
import { initialState } from '../../src/machine/safety/world.ts';
import type { Beginning, Effect } from '../../src/machine/step.ts';
import { inventoryOf } from './safety/questions.ts';
import { modelOf, programOf, step } from './safety/worlds.ts';

const ENFORCED: Beginning = { strict: true, keyIds: 'own' };
const RELAXED: Effect = { of: 'replica', where: 'disk', set: { accepts: ['current'] }, restores: ['strict', 'keyIds'] };

const effectsOf = (effect: Effect, beginning?: Beginning) =>
  tasksOf(
    [step({ over: 'replicas', effects: [effect] })],
    inventoryOf({ replicas: 1, ...(beginning === undefined ? {} : { beginning }) }),
  ).flatMap((task) => task.step.effects);

describe('what is to be as before', () => {
  it.each([
    [undefined, { strict: false, keyIds: 'default' }],
    [
      { strict: false, keyIds: 'own' },
      { strict: false, keyIds: 'own' },
    ],
    [ENFORCED, ENFORCED],
  ] as const)('is, in a task, what the rotation began with, which is still said: %o', (beginning, values) => {
    expect(effectsOf(RELAXED, beginning)).toEqual([{ ...RELAXED, set: { accepts: ['current'], ...values } }]);
  });

  it('is nothing where a step names its values', () => {
    const effect: Effect = { of: 'replica', where: 'disk', set: { strict: false } };
    expect(effectsOf(effect, ENFORCED)).toEqual([effect]);
  });

  it('leaves adjacent steps one roll, and a batch one list of targets', () => {
    const steps = [step({ id: 'w', over: 'replicas', effects: [RELAXED] }), step({ id: 'l', over: 'replicas' })];
    const tasks = tasksOf(steps, inventoryOf({ replicas: 2 }));
    expect(tasks.map((task) => `${task.step.id}:${task.targets}`)).toEqual(['w:r0', 'l:r0', 'w:r1', 'l:r1']);
    expect(tasks[0]?.targets).toBe(tasks[1]?.targets);
  });
});

describe('a rotation', () => {
  it('begins on gates, templates and clients as the inventory has them', () => {
    const { world } = initialState(modelOf({}, { templates: 1, beginning: ENFORCED }, { scheme: 'gate' }));
    const gates = [...world.replicas.flatMap(({ memory, disk }) => [memory, disk]), ...world.templates];
    expect(gates).toHaveLength(5);
    for (const gate of gates) expect(gate).toMatchObject(ENFORCED);
    for (const { memory, disk } of world.clients) expect([memory.keyIds, disk.keyIds]).toEqual(['own', 'own']);
  });

  it('begins in a part of a fleet as in the whole', () => {
    const setting = settingOf(programOf({}), inventoryOf({ replicas: 5, beginning: ENFORCED }));
    const begins = representatives(setting)?.map((part) => beginningOf(part.setting.inventory));
    expect(begins).toEqual([ENFORCED]);
  });
});
