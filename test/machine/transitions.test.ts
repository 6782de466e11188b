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
  isNeedless,
  nextTask,
  type Rotation,
  type RotationEvent,
  settingOf,
  transition,
} from '../../src/machine/rotation.ts';
import type { Program, Step } from '../../src/machine/step.ts';

const step = (phase: Step['phase'], id: string, more: Partial<Step> = {}): Step => ({
  id,
  phase,
  does: id,
  action: 'write',
  over: 'replicas',
  order: { first: 1, batch: 1, backward: false, only: undefined, unreachable: 'fail' },
  effects: [],
  proofs: [],
  onFailure: 'hold',
  ...more,
});

const clientStep = (phase: Step['phase'], id: string, signs: 'current' | 'next'): Step =>
  step(phase, id, {
    over: 'clients',
    effects: [{ of: 'client', where: 'disk', set: { signs } }],
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
const inventory = { templates: [], replicas: ['r0', 'r1'], clients: ['c0', 'c1'] };
const setting = settingOf(program, inventory);

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

type Kind = 'intent' | 'done' | 'failed';
const applyIn = (among: typeof setting, rotation: Rotation, ...kinds: Kind[]): Rotation =>
  kinds.reduce((state, kind) => {
    const result = transition(among, state, { kind });
    if (!result.ok) throw new Error(result.reason);
    return result.rotation;
  }, rotation);
const apply = (rotation: Rotation, ...kinds: Kind[]) => applyIn(setting, rotation, ...kinds);

describe('who was told', () => {
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

  it.each([
    ['signs', { proves: 'signs', generation: 'current' }, []],
    ['presents', { proves: 'presents', generation: 'current', on: 'target' }, []],
    ['of next', { proves: 'signs', generation: 'next' }, ['c0']],
    ['accepts', { proves: 'accepts', generation: 'current', on: 'every-replica' }, ['c0']],
  ] as const)('takes it off by a proof of what the client itself does: %s', (_, proof, told) => {
    const returning = [step('returning', 'look', { over: 'clients', proofs: [proof] })];
    const among = settingOf({ ...program, returning }, inventory);
    expect(applyIn(among, at('returning', { told: ['c0'] }), 'intent', 'done').told).toEqual(told);
  });
});

describe('what failed', () => {
  const retiring = [step('retiring', 'narrow'), step('retiring', 'load'), step('retiring', 'look', { over: 'fleet' })];
  const among = settingOf({ ...program, retiring }, inventory);
  const ids = (rotation: Rotation) => {
    const task = nextTask(among, rotation);
    return `${task?.step.id} ${task?.targets}`;
  };

  it.each([
    ['in the first batch', 1, 'narrow r0'],
    ['in a later batch', 3, 'narrow r1'],
    ['in the first step of a batch', 2, 'narrow r1'],
    ['in a step over the fleet', 4, 'look fleet'],
  ])('is tried again from the first step of its batch: %s', (_, done, next) => {
    const held = applyIn(among, at('retiring', { done }), 'intent', 'failed');
    expect(held).toMatchObject({ held: true, intended: false });
    expect(ids(held)).toBe(next);
    expect(applyIn(among, held, 'intent', 'done')).toMatchObject({ done: held.done + 1, held: false });
  });

  it('needs an intent of its own before it may be done', () => {
    const held = apply(at('retiring'), 'intent', 'failed');
    expect(transition(setting, held, { kind: 'done' })).toMatchObject({ ok: false, reason: 'no step was intended' });
  });
});

describe('what was touched', () => {
  it('counts from the intent on, once, whatever comes of it', () => {
    expect(apply(at('opening'), 'intent').touched).toEqual(['r0']);
    expect(apply(at('opening'), 'intent', 'failed', 'intent', 'done', 'intent').touched).toEqual(['r0', 'r1']);
    expect(apply(at('moving', { touched: ['r0'] }), 'intent').touched).toEqual(['r0', 'c0']);
  });

  it.each(['closing', 'widening'] as const)('is not added to by %s, which only takes back', (phase) => {
    expect(apply(at(phase, { touched: ['r1'] }), 'intent', 'done', 'intent').touched).toEqual(['r1']);
  });

  const withTemplates = settingOf(program, { ...inventory, templates: ['t0', 't1'] });
  const task = (phase: Step['phase'], over: Step['over'], ...targets: string[]) => ({
    step: step(phase, 'x', { over }),
    targets,
  });

  it.each([
    ['a replica that was not touched', [], task('closing', 'replicas', 'r0'), true],
    ['in widening likewise', ['r1'], task('widening', 'replicas', 'r0'), true],
    ['a replica that was', ['r0'], task('closing', 'replicas', 'r0'), false],
    ['a batch of which one was', ['r1'], task('closing', 'replicas', 'r0', 'r1'), false],
    ['a replica that may be made anew from a touched template', ['t1'], task('closing', 'replicas', 'r0'), false],
    ['a template that was not touched, beside one that was', ['t1', 'r0'], task('closing', 'templates', 't0'), true],
    ['a template that was', ['t1'], task('closing', 'templates', 't1'), false],
    ['a step over the fleet', [], task('closing', 'fleet', 'fleet'), false],
    ['a client', [], task('closing', 'clients', 'c0'), false],
    ['on the way forward', [], task('retiring', 'replicas', 'r0'), false],
  ])('decides what is left out on the way back: %s', (_, touched, one, needless) => {
    expect(isNeedless(withTemplates, at(one.step.phase, { touched }), one)).toBe(needless);
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
