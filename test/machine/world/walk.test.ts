import { describe, expect, it } from 'vitest';
import { PHASES } from '../../../src/machine/phase.ts';
import { signerModel } from './signer-model.ts';
import { type Step, sayStep, touchesWorld, walk } from './walk.ts';

const INVENTORY = {
  templates: ['signer-image'],
  replicas: ['signer-a', 'signer-b', 'signer-c'],
  clients: ['client-a', 'client-b'],
};
const model = await signerModel(INVENTORY);

/** The steps of so many walks. */
function walks(first: number, count: number, downtime = false): Step[] {
  return Array.from({ length: count }, (_, n) => [...walk({ ...model, downtime }, first + n)]).flat();
}

describe('random walks through the model', () => {
  it('are the same for the same seed, and others for another', () => {
    const words = (seed: number) => [...walk(model, seed)].map(sayStep);
    expect(words(4)).toEqual(words(4));
    expect(words(4)).not.toEqual(words(5));
  });

  it('come into every phase, make every kind of move, and touch the world some twenty times each', () => {
    const steps = walks(1, 140);
    expect(new Set(steps.map(({ state }) => state.rotation.phase))).toEqual(new Set(PHASES));
    expect(new Set(steps.map(({ move }) => move.kind))).toEqual(
      new Set([
        ...['intent', 'effect', 'done', 'left-out', 'failed', 'trigger'],
        ...['restart', 'client-restart', 'scale-out', 'reconcile'],
      ]),
    );
    const touching = steps.filter(({ move }) => touchesWorld(move)).length;
    expect(touching / 140).toBeGreaterThan(15);
    expect(touching / 140).toBeLessThan(60);
  });

  it('leave replicas down for a while where the model is to know of that', () => {
    const kinds = walks(1, 20, true).flatMap(({ move, vain }) => (vain ? [] : [move.kind]));
    expect(kinds).toContain('crash');
    expect(kinds).toContain('start');
    expect(kinds).not.toContain('restart');
  });
});
