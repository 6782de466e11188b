import { describe, expect, it } from 'vitest';
import { check } from '../../../src/machine/safety/check.ts';
import { explore } from '../../../src/machine/safety/explore.ts';
import type { Lack } from '../../../src/machine/safety/world.ts';
import { type Asked, ask, inventoryOf, shipped, withPhase, wordOf } from './questions.ts';
import { modelOf, programOf, step } from './worlds.ts';

const BOOK = shipped('signer-hmac');
const ALONE: Asked = { replicas: 1, clients: 1, environment: [] };

describe('explore', () => {
  it('ends at the first breach, by a shortest way: without any step current is declared retired, and accepted', () => {
    const found = explore(modelOf({}, ALONE));
    expect(found).toMatchObject({ result: 'unsafe', breach: { invariant: 'I2', server: 'r0' } });
    expect(
      found.result === 'unsafe' && found.way.map(({ move }) => (move.kind === 'trigger' ? move.trigger : move.kind)),
    ).toEqual(['overlap', 'complete', 'move-clients', 'complete', 'retire', 'complete']);
  });

  it('finds a state from which there is no way on', () => {
    // Nobody is ever seen to sign with next: the clients cannot be moved, nor be seen to be back.
    const never = (phase: 'moving' | 'returning') =>
      step({ id: phase, phase, proofs: [{ proves: 'signs', generation: 'next' }] });
    const found = explore(modelOf({ moving: [never('moving')], returning: [never('returning')] }, ALONE));
    expect(found.result).toBe('dead-end');
    expect(found.result === 'dead-end' && found.way.at(-1)?.state.rotation.phase).toBe('moving');
  });

  it('does not count on an answer of the balancer that no replica would give', () => {
    const hoping = step({
      id: 'hoping',
      phase: 'closing',
      proofs: [{ proves: 'accepts', generation: 'next', on: 'balancer' }],
    });
    const closing = BOOK.program.closing.map((one) => (one.id === 'verify-rolled-back' ? hoping : one));
    expect(wordOf(ask({ scheme: BOOK.scheme, program: { ...BOOK.program, closing } }, ALONE))).toBe('no dead end');
  });

  it('calls a runbook unsafe that only an accident gets on, or that can only be given up', () => {
    const without = (id: string, phase: 'moving' | 'retiring' | 'widening') => {
      const steps = BOOK.program[phase].filter((one) => !one.id.startsWith(id));
      return ask({ scheme: BOOK.scheme, program: { ...BOOK.program, [phase]: steps } }, { replicas: 2, clients: 2 });
    };
    const [idle, kept, unloaded] = [
      without('', 'moving'),
      without('remove-', 'retiring'),
      without('roll-in', 'widening'),
    ];
    expect([idle, kept, unloaded].map(wordOf)).toEqual(['no dead end', 'no dead end', 'no dead end']);
    expect([idle, kept].map(({ counterexample }) => counterexample?.step)).toEqual([
      'confirm-unused',
      'roll-out-current',
    ]);
    expect(idle.counterexample?.request).toMatch(/^confirm-unused is due, and cannot be proven: .* not be done/);
    expect(unloaded.counterexample?.request).toMatch(/^from here on no sequence of moves/);
  });

  it('takes next for withdrawn once the rotation is rolled back, whether its material is destroyed or not', () => {
    const closing = BOOK.program.closing.filter(({ action }) => action === 'destroy');
    const without = BOOK.program.closing.filter(({ action }) => action !== 'destroy');
    const answers = [[], closing, without].map((steps) =>
      wordOf(ask({ scheme: BOOK.scheme, program: { ...BOOK.program, closing: steps } }, { replicas: 2, clients: 2 })),
    );
    expect(answers).toEqual(['I2b', 'I2b', 'safe']);
  });

  it('gives up where there are too many states, and says so', () => {
    const model = modelOf(BOOK.program, { replicas: 2, clients: 2 });
    const found = explore(model, { maxStates: 100 });
    expect(found.result).toBe('too-large');
    expect(found.states).toBeGreaterThan(100);
    expect(explore(model).result).toBe('safe');
  });

  it('finds a breach among the states that it may keep', () => {
    expect(explore(modelOf(programOf({}), ALONE), { maxStates: 100 }).result).toBe('unsafe');
  });

  it('gives way and counts that are the same each time', () => {
    const model = () => modelOf(BOOK.program, { replicas: 2, clients: 1, templates: 1 });
    expect(explore(model())).toEqual(explore(model()));
  });
});

describe('check', () => {
  it('says of a dead end where it is, and what to do', () => {
    const never = step({ id: 'never', phase: 'destroying', proofs: [{ proves: 'unused', generation: 'next' }] });
    const program = withPhase(BOOK.program, 'destroying', [never]);
    const { verdict, counterexample } = ask({ scheme: BOOK.scheme, program });
    expect([verdict, counterexample?.invariant]).toEqual(['unsafe', 'no dead end']);
    expect(counterexample?.lines.at(-1)?.text).toMatch(/retired/);
    expect(counterexample?.advice).toMatch(/way on/);
  });

  it('tells what holds after each line', () => {
    const program = withPhase(BOOK.program, 'opening', []);
    const { counterexample } = ask({ scheme: BOOK.scheme, program }, { replicas: 1, clients: 1 });
    expect(counterexample?.lines.map(({ text, holds }) => [text, holds])).toEqual([
      [
        'point-client-at-next on c0',
        [
          { party: 'r0', kind: 'replica', now: 'accepts current alone' },
          { party: 'c0', kind: 'client', now: 'signs with current', afterRestart: 'signs with next' },
        ],
      ],
    ]);
  });

  it('says that a load which reports success may have changed nothing', () => {
    const opening = BOOK.program.opening
      .filter(({ id }) => id !== 'verify-overlap')
      .map((one) => ({ ...one, proofs: [] }));
    const program = withPhase(BOOK.program, 'opening', opening);
    const answer = ask({ scheme: BOOK.scheme, program }, { environment: ['unheeded'] });
    expect(wordOf(answer)).toBe('I1');
    expect(answer.counterexample?.lines.map(({ text }) => text)).toContain(
      'roll on r0 reports success and changes nothing',
    );
  });

  it('leaves out no load for which every target of the kind has a command', () => {
    // Nothing proves at the end that the overlap is open: without any load, it is not.
    const opening = BOOK.program.opening.filter(({ id }) => id !== 'verify-overlap');
    const program = withPhase(BOOK.program, 'opening', opening);
    const about = (lacking: readonly Lack[]) => {
      const { scheme } = BOOK;
      const inventory = inventoryOf({ replicas: 1, clients: 1 });
      const environment = new Set(['left-out'] as const);
      return wordOf(check({ scheme, program, inventory, environment, lacking: new Set(lacking) }));
    };
    expect(about(['replicas reload', 'replicas restart'])).toBe('I1c');
    expect([about([]), about(['replicas reload']), about(['clients restart'])]).toEqual(['safe', 'safe', 'safe']);
  });

  it('says that a load was left out where there is no command for it', () => {
    const opening = BOOK.program.opening.filter(({ id }) => id !== 'verify-overlap');
    const answer = ask(
      { scheme: BOOK.scheme, program: withPhase(BOOK.program, 'opening', opening) },
      { environment: ['left-out'] },
    );
    expect(answer.counterexample?.lines.map(({ text }) => text)).toContain(
      'roll on r0 is left out: there is no reload command',
    );
  });
});
