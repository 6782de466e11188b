import * as z from 'zod';
import { MOVING_PHASES, type MovingPhase } from '../machine/phase.ts';
import { ACTIONS } from '../machine/step.ts';
import { misfit } from './catalogue.ts';
import { PRECONDITIONS } from './runbook.ts';

const name = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,63}$/, 'must be lower-case letters, digits and hyphens, from a letter on');
const generation = z.enum(['current', 'next']);
const scope = z.enum(['target', 'every-replica', 'balancer']);

const effect = z.union([
  z.strictObject({
    of: z.literal('replica'),
    where: z.literal('disk'),
    accepts: z
      .array(generation)
      .min(1)
      .max(2)
      .refine((list) => new Set(list).size === list.length, 'names a generation twice'),
  }),
  z.strictObject({ of: z.literal('replica'), where: z.literal('memory'), from: z.literal('disk') }),
  z.strictObject({ of: z.literal('client'), where: z.literal('disk'), signs: generation }),
  z.strictObject({ of: z.literal('client'), where: z.literal('memory'), from: z.literal('disk') }),
  z.strictObject({ of: z.literal('flight'), drained: generation }),
  z.strictObject({ of: z.literal('material'), generation, becomes: z.enum(['sealed', 'destroyed']) }),
]);

const proof = z.discriminatedUnion('proves', [
  z.strictObject({ proves: z.literal('accepts'), generation, on: scope }),
  z.strictObject({ proves: z.literal('refuses'), generation, on: scope }),
  z.strictObject({ proves: z.literal('signs'), generation }),
  z.strictObject({ proves: z.literal('unused'), generation }),
  z.strictObject({ proves: z.literal('checklist') }),
  z.strictObject({ proves: z.literal('replay') }),
  z.strictObject({ proves: z.literal('namespace') }),
]);

const count = z.int().min(1).max(1000);

const step = z
  .strictObject({
    step: name.describe('id of the step, unique in the runbook; stands in the ledger'),
    line: z.string().min(1).max(120).optional().describe('the line of the runbook in prose that it carries out'),
    does: z.string().min(1).max(240).describe('what it does, for people'),
    action: z.enum(ACTIONS),
    over: z.enum(['replicas', 'clients', 'fleet']),
    order: z
      .strictObject({ first: count, batch: count, backward: z.boolean().default(false) })
      .describe('targets in the first batch, and in each further one'),
    effect: z.array(effect).max(1).default([]).describe('what it changes in who accepts and who signs what'),
    proof: z.array(proof).max(20).default([]).describe('what must be seen before it counts'),
    'on-failure': z.enum(['hold', 'roll-back']),
  })
  .superRefine((value, context) => {
    const complaint = misfit({ action: value.action, over: value.over, effects: value.effect });
    if (complaint !== undefined) context.addIssue({ code: 'custom', path: ['action'], message: complaint });
    if (value.action === 'prove' && value.proof.length === 0) {
      context.addIssue({ code: 'custom', path: ['action'], message: 'action prove needs at least one proof' });
    }
  });

/** One step as it stands in the file. */
export type StepText = z.infer<typeof step>;

const steps = z.array(step).max(50).default([]);

/** In which section of the file a phase's steps stand. */
const SECTION: Readonly<Record<MovingPhase, 'rotation' | 'rollback'>> = {
  opening: 'rotation',
  moving: 'rotation',
  retiring: 'rotation',
  destroying: 'rotation',
  widening: 'rollback',
  returning: 'rollback',
  closing: 'rollback',
};

/** The form of a runbook file, `rotctl.runbook.v1`. */
export const runbookSchema = z
  .strictObject({
    schema: z.literal('rotctl.runbook.v1'),
    name,
    title: z.string().min(1).max(120),
    material: z.literal('hmac'),
    protocol: z.literal('keyring-v1'),
    preconditions: z.array(z.enum(PRECONDITIONS)).default([]),
    rotation: z.strictObject({ opening: steps, moving: steps, retiring: steps, destroying: steps }),
    rollback: z.strictObject({ widening: steps, returning: steps, closing: steps }),
  })
  .superRefine((value, context) => {
    const seen = new Set<string>();
    for (const phase of MOVING_PHASES) {
      for (const [index, { step: id }] of stepsOf(value, phase).entries()) {
        if (seen.has(id))
          context.addIssue({
            code: 'custom',
            path: [SECTION[phase], phase, index, 'step'],
            message: `step id ${id} stands twice`,
          });
        seen.add(id);
      }
    }
  });

/** A runbook file's content, checked. */
export type RunbookText = z.infer<typeof runbookSchema>;

/** The steps that a file lists for a phase. */
export function stepsOf(
  text: { rotation: RunbookText['rotation']; rollback: RunbookText['rollback'] },
  phase: MovingPhase,
): StepText[] {
  return { ...text.rotation, ...text.rollback }[phase];
}
