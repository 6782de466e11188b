import type { Phase } from '../machine/phase.ts';
import type { RotatingGeneration } from '../machine/step.ts';

/** What valid requests are signed with in each phase; what is about to be withdrawn is not used any more. */
export const SIGNED_WITH: Readonly<Record<Phase, readonly RotatingGeneration[]>> = {
  stable: ['current'],
  opening: ['current'],
  overlap: ['current', 'next'],
  moving: ['current', 'next'],
  switched: ['current', 'next'],
  retiring: ['next'],
  retired: ['next'],
  destroying: ['next'],
  destroyed: ['next'],
  widening: ['next'],
  returning: ['current'],
  closing: ['current'],
  'rolled-back': ['current'],
};

/** What every replica accepts when the steps of a phase are done: the positive controls of its proofs. */
export const ACCEPTED_AFTER: Readonly<Record<Phase, readonly RotatingGeneration[]>> = {
  ...SIGNED_WITH,
  opening: ['current', 'next'],
  widening: ['current', 'next'],
  returning: ['current', 'next'],
};
