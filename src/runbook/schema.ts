import * as z from 'zod';
import { MOVING_PHASES, type MovingPhase } from '../machine/phase.ts';
import type { Scheme } from '../machine/scheme.ts';
import { ACTIONS, type Effect, type Proof } from '../machine/step.ts';
import { misfit, nobodyAsked } from './catalogue.ts';
import { PRECONDITIONS } from './runbook.ts';
import { foreignTo } from './vocabulary.ts';

const name = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,63}$/, 'must be lower-case letters, digits and hyphens, from a letter on');
const generation = z.enum(['current', 'next']);
const scope = z.enum(['target', 'every-replica', 'balancer']);
const generations = z
  .array(generation)
  .max(2)
  .refine((list) => new Set(list).size === list.length, 'names a generation twice');
const accepted = generations.min(1);
const AS_BEFORE = 'as-before';
const strict = z.union([z.boolean(), z.literal(AS_BEFORE)], "must be true, false or 'as-before'");
const keyIds = z.enum(['default', 'own', AS_BEFORE]);
const where = z.enum(['disk', 'memory']);
const from = z.literal('disk').optional();

/** What a signer, a gate or a template may be set to. */
const replicaSettings = {
  accepts: accepted.optional(),
  presents: generation.optional(),
  strict: strict.optional(),
  revokes: generations.optional(),
  'key-ids': keyIds.optional(),
  'default-id': generation.optional(),
  namespace: z.enum(['declared', 'other']).optional(),
};

/** What a client may be set to; a client of an mTLS fleet `presents` a certificate, and is meant the same. */
const clientSettings = {
  signs: generation.optional(),
  presents: generation.optional(),
  dual: z.boolean().optional(),
  'key-ids': keyIds.optional(),
  accepts: accepted.optional(),
};

/** Exactly one of: what is set, or that the disk is taken over. */
function saysOne({ of: _of, where: _where, from, ...set }: { of: string; where: string; from?: 'disk' | undefined }) {
  return (from === undefined) !== (Object.keys(set).length === 0);
}

const SAYS_ONE = 'must name either the settings that it changes, or `from: disk`';

const effect = z.discriminatedUnion('of', [
  z
    .strictObject({ of: z.literal('template'), where: z.literal('disk'), ...replicaSettings })
    .refine(saysOne, 'must name the settings that it changes'),
  z.strictObject({ of: z.literal('replica'), where, from, ...replicaSettings }).refine(saysOne, SAYS_ONE),
  z.strictObject({ of: z.literal('client'), where, from, ...clientSettings }).refine(saysOne, SAYS_ONE),
  z.strictObject({ of: z.literal('flight'), drained: generation }),
  z.strictObject({ of: z.literal('sessions'), ended: generation }),
  z.strictObject({ of: z.literal('material'), generation, becomes: z.enum(['sealed', 'destroyed']) }),
]);

/**
 * An effect as it stands in a file, to an effect of the model: what is set goes together, under the model's names, and what
 * is to be `as-before` beside it.
 */
function toEffect(text: z.infer<typeof effect>): Effect {
  if (text.of === 'flight' || text.of === 'sessions' || text.of === 'material') return text;
  const { of, where, 'key-ids': keyIds, ...hyphened } = text;
  const { 'default-id': defaultId, ...rest } = { 'default-id': undefined, ...hyphened };
  if ('from' in rest && rest.from !== undefined) return { of, where: 'memory', from: rest.from } as Effect;
  const { presents, ...settings } = rest;
  const shown = presents === undefined ? {} : of === 'client' ? { signs: presents } : { presents };
  const said = Object.entries({
    ...settings,
    ...shown,
    ...(keyIds === undefined ? {} : { keyIds }),
    ...(defaultId === undefined ? {} : { defaultId }),
  });
  const set = Object.fromEntries(said.filter(([, value]) => value !== AS_BEFORE));
  const restores = said.filter(([, value]) => value === AS_BEFORE).map(([setting]) => setting);
  return { of, where, set, ...(restores.length === 0 ? {} : { restores }) } as Effect;
}

const proof = z.discriminatedUnion('proves', [
  z.strictObject({ proves: z.literal('accepts'), generation, on: scope, 'key-ids': z.literal(AS_BEFORE).optional() }),
  z.strictObject({ proves: z.literal('refuses'), generation, on: scope }),
  z.strictObject({ proves: z.literal('signs'), generation }),
  z.strictObject({ proves: z.literal('unused'), generation }),
  z.strictObject({ proves: z.literal('presents'), generation, on: scope }),
  z.strictObject({ proves: z.literal('default-id'), generation, on: z.enum(['target', 'every-replica']) }),
  z.strictObject({ proves: z.enum(['trusts', 'distrusts']), generation }),
  z.strictObject({ proves: z.literal('key-ids') }),
  z.strictObject({ proves: z.literal('no-session'), generation }),
  z.strictObject({ proves: z.literal('checklist') }),
  z.strictObject({ proves: z.literal('replay') }),
  z.strictObject({ proves: z.literal('namespace') }),
  z.strictObject({ proves: z.literal('quiet') }),
]);

/** A proof as it stands in a file, to a proof of the model. */
function toProof(text: z.infer<typeof proof>): Proof {
  if (text.proves !== 'accepts') return text;
  const { 'key-ids': keyIds, ...rest } = text;
  return keyIds === undefined ? rest : { ...rest, keyIds };
}

const count = z.int().min(1).max(1000);

const step = z
  .strictObject({
    step: name.describe('id of the step, unique in the runbook; stands in the ledger'),
    line: z.string().min(1).max(120).optional().describe('the line of the runbook in prose that it carries out'),
    does: z.string().min(1).max(240).describe('what it does, for people'),
    action: z.enum(ACTIONS),
    over: z.enum(['templates', 'replicas', 'clients', 'fleet']),
    order: z
      .strictObject({
        first: count,
        batch: count,
        backward: z.boolean().default(false),
        only: count.optional(),
        unreachable: z.enum(['fail', 'skip']).default('fail'),
      })
      .transform((order) => ({ ...order, only: order.only }))
      .describe('targets in the first batch, and in each further one; from which end; how many at all'),
    effect: z
      .array(effect.transform(toEffect))
      .max(1)
      .default([])
      .describe('what it changes in who accepts and who signs what'),
    proof: z.array(proof.transform(toProof)).max(20).default([]).describe('what must be seen before it counts'),
    'on-failure': z.enum(['hold', 'roll-back']),
  })
  .superRefine((value, context) => {
    // An effect that is wrong in itself is not yet one of the model's, and would be said to be of the wrong kind as well.
    if (context.issues.length > 0) return;
    const complaint = misfit({ action: value.action, over: value.over, effects: value.effect });
    if (complaint !== undefined) context.addIssue({ code: 'custom', path: ['action'], message: complaint });
    for (const [index, one] of value.proof.entries()) {
      const message = nobodyAsked(value.over, one);
      if (message !== undefined) context.addIssue({ code: 'custom', path: ['proof', index, 'proves'], message });
    }
    if (value.action === 'prove' && value.proof.length === 0) {
      context.addIssue({ code: 'custom', path: ['action'], message: 'action prove needs at least one proof' });
    }
  });

/** One step as it stands in the file. */
export type StepText = z.infer<typeof step>;

const steps = z.array(step).max(50).default([]);

/** In which section of the file a phase's steps stand. */
export const SECTION: Readonly<Record<MovingPhase, 'rotation' | 'rollback'>> = {
  opening: 'rotation',
  moving: 'rotation',
  retiring: 'rotation',
  destroying: 'rotation',
  widening: 'rollback',
  returning: 'rollback',
  closing: 'rollback',
};

/** Which rules a runbook's fleet verifies by, or `undefined` where there are none for it. */
export function schemeOf(of: { material: 'hmac' | 'mtls'; protocol: 'keyring-v1' | 'gate-v1' }): Scheme | undefined {
  if (of.protocol === 'gate-v1') return of.material === 'hmac' ? 'gate' : undefined;
  return of.material === 'hmac' ? 'keyring' : 'mtls';
}

/** The form of a runbook file, `rotctl.runbook.v1`. */
export const runbookSchema = z
  .strictObject({
    schema: z.literal('rotctl.runbook.v1'),
    name,
    title: z.string().min(1).max(120),
    material: z.enum(['hmac', 'mtls']),
    protocol: z.enum(['keyring-v1', 'gate-v1']),
    preconditions: z.array(z.enum(PRECONDITIONS)).default([]),
    rotation: z.strictObject({ opening: steps, moving: steps, retiring: steps, destroying: steps }),
    rollback: z.strictObject({ widening: steps, returning: steps, closing: steps }),
  })
  .superRefine((value, context) => {
    const scheme = schemeOf(value);
    if (scheme === undefined) {
      context.addIssue({ code: 'custom', path: ['protocol'], message: 'protocol gate-v1 has no mtls material' });
      return;
    }
    const seen = new Set<string>();
    for (const phase of MOVING_PHASES) {
      for (const [index, { step: id, action, effect, proof }] of stepsOf(value, phase).entries()) {
        const message = foreignTo(scheme, { action, effects: effect, proofs: proof });
        if (message !== undefined) {
          context.addIssue({ code: 'custom', path: [SECTION[phase], phase, index, 'action'], message });
        }
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
