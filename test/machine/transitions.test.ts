import { describe, expect, it } from 'vitest';
import {
  isFinal,
  isMoving,
  MOVING_PHASES,
  PHASES,
  type Phase,
  TRANSITIONS,
  TRIGGERS,
  type Trigger,
} from '../../src/machine/phase.ts';
import {
  allowedTriggers,
  begin,
  nextTask,
  type Rotation,
  type RotationEvent,
  type Setting,
  transition,
} from '../../src/machine/rotation.ts';
import type { Program, Step } from '../../src/machine/step.ts';

const step = (phase: Step['phase'], id: string, more: Partial<Step> = {}): Step => ({
  id,
  phase,
  does: id,
  action: 'write',
  over: 'replicas',
  order: { first: 1, batch: 1, backward: false },
  effects: [],
  proofs: [],
  onFailure: 'hold',
  ...more,
});

const clientStep = (phase: Step['phase'], id: string, signs: 'current' | 'next'): Step =>
  step(phase, id, {
    over: 'clients',
    effects: [{ of: 'client', where: 'disk', signs }],
    proofs: [{ proves: 'signs', generation: signs }],
  });

const program: Program = {
  opening: [step('opening', 'widen')],
  moving: [clientStep('moving', 'move', 'next')],
  retiring: [step('retiring', 'narrow')],
  destroying: [step('destroying', 'destroy', { over: 'fleet' })],
  widening: [step('widening', 'widen-again')],
  returning: [clientStep('returning', 'move-back', 'current')],
  closing: [step('closing', 'narrow-back')],
};
const setting: Setting = { program, inventory: { replicas: ['r0', 'r1'], clients: ['c0', 'c1'] } };

/** The table once more, written out by hand: where each trigger leads, or `-`. */
const EXPECTED: Record<Phase, string> = {
  //           overlap move-clients retire rollback reinstate destroy complete
  stable: 'opening - - - - - -',
  opening: '- - - closing - - overlap',
  overlap: '- moving - closing - - -',
  moving: '- - - returning - - switched',
  switched: '- - retiring returning - - -',
  retiring: '- - - widening - - retired',
  retired: '- - - - widening destroying -',
  destroying: '- - - - - - destroyed',
  destroyed: '- - - - - - -',
  widening: '- - - - - - switched',
  returning: '- - - - - - closing',
  closing: '- - - - - - rolled-back',
  'rolled-back': '- - - - - - -',
};

const at = (phase: Phase, more: Partial<Rotation> = {}): Rotation => ({ ...begin(), phase, ...more });
const finished = (phase: Phase): Rotation =>
  isMoving(phase) ? at(phase, { done: phase === 'destroying' ? 1 : 2 }) : at(phase);
const pull = (rotation: Rotation, trigger: Trigger) => transition(setting, rotation, { kind: 'trigger', trigger });

describe('every (phase, trigger) pair', () => {
  for (const phase of PHASES) {
    const targets = EXPECTED[phase].split(' ');
    for (const [index, trigger] of TRIGGERS.entries()) {
      const to = targets[index];
      it(`${phase} + ${trigger} -> ${to === '-' ? 'refused' : to}`, () => {
        const from = finished(phase);
        const result = pull(from, trigger);
        if (to === '-') {
          expect(result).toMatchObject({ ok: false, from: phase, asked: trigger });
          if (!result.ok) expect(result.allowed).toEqual(allowedTriggers(setting, from));
        } else {
          expect(result).toMatchObject({ ok: true, rotation: { phase: to, done: 0, intended: false, held: false } });
        }
      });
    }
  }
});

describe('every (phase, step event) pair', () => {
  const events: RotationEvent['kind'][] = ['intent', 'done', 'failed'];
  for (const phase of PHASES) {
    for (const kind of events) {
      for (const intended of [false, true]) {
        const legal = isMoving(phase) && (kind === 'intent' || intended);
        it(`${phase}${intended ? ' (intended)' : ''} + ${kind} -> ${legal ? 'ok' : 'refused'}`, () => {
          const result = transition(setting, at(phase, { intended }), { kind } as RotationEvent);
          expect(result.ok).toBe(legal);
          if (!result.ok) expect(result.reason).not.toBe('');
        });
      }
    }
  }
});

describe('guards that the table alone does not show', () => {
  it('refuses to complete a phase whose steps are not all done, and names the step', () => {
    const result = pull(at('opening', { done: 1 }), 'complete');
    expect(result).toMatchObject({ ok: false, reason: 'step widen is not done', allowed: ['rollback', 'intent'] });
  });

  it('refuses to narrow to current while a client may sign with next', () => {
    const result = pull(at('opening', { told: ['c0'] }), 'rollback');
    expect(result).toMatchObject({ ok: false, reason: 'clients may already sign with next: c0' });
  });

  it('never reinstates, and never widens back to, what is compromised', () => {
    expect(pull(at('retired', { compromised: true }), 'reinstate').ok).toBe(false);
    expect(pull(at('retiring', { compromised: true }), 'rollback').ok).toBe(false);
    expect(pull(at('retired', { compromised: true }), 'destroy').ok).toBe(true);
  });
});

describe('who was told', () => {
  const apply = (rotation: Rotation, ...kinds: ('intent' | 'done' | 'failed')[]): Rotation =>
    kinds.reduce((state, kind) => {
      const result = transition(setting, state, { kind });
      if (!result.ok) throw new Error(result.reason);
      return result.rotation;
    }, rotation);

  it('counts a client as told from the intent on, not from the outcome', () => {
    expect(apply(at('moving'), 'intent').told).toEqual(['c0']);
    expect(apply(at('moving'), 'intent', 'failed').told).toEqual(['c0']);
  });

  it('takes a client off the list only when it is proven to be back', () => {
    const told = at('returning', { told: ['c0', 'c1'] });
    expect(apply(told, 'intent').told).toEqual(['c0', 'c1']);
    expect(apply(told, 'intent', 'failed').told).toEqual(['c0', 'c1']);
    expect(apply(told, 'intent', 'done').told).toEqual(['c1']);
  });

  it('tries a failed task again rather than the next one', () => {
    const held = apply(at('retiring'), 'intent', 'failed');
    expect(held).toMatchObject({ done: 0, held: true, intended: true });
    expect(nextTask(setting, held)?.targets).toEqual(['r0']);
    expect(apply(held, 'intent', 'done')).toMatchObject({ done: 1, held: false });
  });
});

describe('the shape of the table', () => {
  it('reaches a final phase from every phase', () => {
    const reaches = (phase: Phase, seen: Phase[]): boolean =>
      isFinal(phase) ||
      Object.values(TRANSITIONS[phase]).some((to) => !seen.includes(to) && reaches(to, [...seen, to]));
    for (const phase of PHASES) expect(reaches(phase, [phase]), phase).toBe(true);
  });

  it('gives every moving phase, and no resting one, the exit complete', () => {
    for (const phase of PHASES) {
      expect('complete' in TRANSITIONS[phase], phase).toBe((MOVING_PHASES as readonly Phase[]).includes(phase));
    }
  });
});
