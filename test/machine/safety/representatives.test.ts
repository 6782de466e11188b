import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MOVING_PHASES } from '../../../src/machine/phase.ts';
import { settingOf } from '../../../src/machine/rotation.ts';
import { explore } from '../../../src/machine/safety/explore.ts';
import { alike, representatives } from '../../../src/machine/safety/representatives.ts';
import type { Order, Program, Step } from '../../../src/machine/step.ts';
import { ask, inventoryOf, SHIPPED, shipped, wordOf } from './questions.ts';
import { modelOf, programOf, step } from './worlds.ts';

const order = (of: Partial<Order> = {}): Order => ({
  first: 1,
  batch: 1,
  backward: false,
  only: undefined,
  unreachable: 'fail',
  ...of,
});
const roll = (id: string, of: Partial<Order>, over: Step['over'] = 'replicas') =>
  step({
    id,
    over,
    action: 'write',
    order: order(of),
    effects: [{ of: 'replica', where: 'disk', set: { accepts: ['current', 'next'] } }],
  });
const BOOK = shipped('signer-hmac');

/** The same program, with every step over a kind of target in other batches. */
const inBatches = (program: Program, over: Step['over'], of: Partial<Order>): Program =>
  Object.fromEntries(
    MOVING_PHASES.map((phase) => [
      phase,
      program[phase].map((one) => (one.over === over ? { ...one, order: { ...one.order, ...of } } : one)),
    ]),
  ) as unknown as Program;

const partsOf = (steps: readonly Step[], replicas: number) =>
  representatives(settingOf(programOf({ opening: steps }), inventoryOf({ replicas, clients: 1 })))?.map(
    ({ setting, reduced }) => [setting.inventory.replicas.join(), reduced] as const,
  );

describe('representatives', () => {
  it.each([
    ['a fleet that is small is its own', [roll('w', {})], 2, [['r0,r1', false]]],
    ['one at a time, any two stand for all', [roll('w', {})], 7, [['r0,r1', true]]],
    ['… also where another roll goes backward', [roll('w', {}), roll('v', { backward: true })], 7, [['r0,r1', true]]],
    ['all at once, any two stand for all', [roll('w', { first: 9, batch: 9 })], 5, [['r0,r1', true]]],
    [
      'one, then three at a time: in two batches, or in one',
      [roll('w', { first: 1, batch: 3 })],
      10,
      [
        ['r0,r1', true],
        ['r1,r2', true],
      ],
    ],
    [
      'two, then three at a time: likewise',
      [roll('w', { first: 2, batch: 3 })],
      5,
      [
        ['r0,r1', true],
        ['r0,r2', true],
      ],
    ],
    [
      'the first two alone: both, one, none',
      [roll('w', { only: 2 })],
      5,
      [
        ['r0,r1', true],
        ['r0,r2', true],
        ['r2,r3', true],
      ],
    ],
  ] as const)('%s', (_, steps, replicas, parts) => {
    expect(partsOf(steps, replicas)).toEqual(parts);
  });

  it('keep the batches, and the order of tasks', () => {
    const steps = [roll('w', { first: 1, batch: 3 }), roll('l', { first: 1, batch: 3 }), step({ id: 'v' })];
    const parts = representatives(settingOf(programOf({ opening: steps }), inventoryOf({ replicas: 10 }))) ?? [];
    const names = parts.map(({ setting }) =>
      setting.tasks.opening.map((task) => `${task.step.id}:${task.targets.join('+')}`),
    );
    expect(names).toEqual([
      ['w:r0', 'l:r0', 'w:r1', 'l:r1', 'v:fleet'],
      ['w:r1+r2', 'l:r1+r2', 'v:fleet'],
    ]);
  });

  it('of clients and templates are chosen likewise, each with each', () => {
    const steps = [roll('w', { first: 1, batch: 3 }), roll('c', { first: 1, batch: 2 }, 'clients')];
    const parts = representatives(
      settingOf(programOf({ opening: steps }), inventoryOf({ replicas: 4, clients: 3, templates: 3 })),
    );
    expect(parts?.map(({ setting: { inventory } }) => Object.values(inventory).flat().sort().join())).toEqual([
      'c0,c1,r0,r1,t0,t1',
      'c1,c2,r0,r1,t0,t1',
      'c0,c1,r1,r2,t0,t1',
      'c1,c2,r1,r2,t0,t1',
    ]);
  });
});

describe('a large fleet', () => {
  it('of a thousand replicas, one at a time, is explored by two', () => {
    const { verdict, reduced, explored } = ask(BOOK, { replicas: 1000, clients: 50, templates: 1 });
    expect([verdict, reduced, explored.length]).toEqual(['safe', true, 1]);
  });

  it('in uneven batches is explored by several', () => {
    const program = inBatches(BOOK.program, 'replicas', { first: 1, batch: 3 });
    const { verdict, explored } = ask({ scheme: BOOK.scheme, program }, { replicas: 10 });
    expect([verdict, explored.length > 1]).toEqual(['safe', true]);
  });

  it('of 200 replicas in uneven batches is not known, and so not safe', () => {
    const program = inBatches(BOOK.program, 'replicas', { first: 1, batch: 3 });
    expect(ask({ scheme: BOOK.scheme, program }, { replicas: 200 })).toEqual({
      verdict: 'unknown',
      states: 0,
      moves: 0,
      explored: [],
      reduced: false,
    });
  });

  it('has what goes wrong on the last replica of a later batch, and with the first one only', () => {
    // All but the first four are left out of the roll and nobody looks at every replica.
    const opening = BOOK.program.opening
      .filter(({ id }) => id !== 'verify-overlap')
      .map((one) => (one.over === 'replicas' ? { ...one, order: { ...one.order, first: 1, batch: 3, only: 4 } } : one));
    const answer = ask(
      { scheme: BOOK.scheme, program: { ...BOOK.program, opening } },
      { replicas: 10, environment: ['crash'] },
    );
    expect(wordOf(answer)).toMatch(/^I1/);
    expect(answer.counterexample?.request).toMatch(/r[4-9]/);
  });
});

describe('targets that are alike', () => {
  it.each([
    ['one at a time are not', {}, []],
    ['all at once are', { first: 3 }, [[0, 1, 2]]],
    ['in one batch are', { first: 1, batch: 2 }, [[1, 2]]],
    ['of which one alone gets a step are not', { first: 3, only: 2 }, [[0, 1]]],
  ])('%s', (_, of, groups) => {
    const setting = settingOf(programOf({ opening: [roll('w', of)] }), inventoryOf({ replicas: 3 }));
    expect(alike(setting, 'replicas')).toEqual(groups);
  });
});

/** A change of a program that an author might make. */
type Change =
  | { readonly kind: 'delete' | 'duplicate' | 'swap'; readonly phase: number; readonly at: number }
  | { readonly kind: 'without-proof'; readonly phase: number; readonly at: number; readonly proof: number }
  | { readonly kind: 'batches'; readonly over: 'replicas' | 'clients'; readonly first: number; readonly batch: number };

const small = fc.nat({ max: 11 });
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('delete' as const, 'duplicate' as const, 'swap' as const),
    phase: small,
    at: small,
  }),
  fc.record({ kind: fc.constant('without-proof' as const), phase: small, at: small, proof: small }),
  fc.record({
    kind: fc.constant('batches' as const),
    over: fc.constantFrom('replicas' as const, 'clients' as const),
    first: fc.integer({ min: 1, max: 3 }),
    batch: fc.integer({ min: 1, max: 3 }),
  }),
);

function changed(program: Program, made: Change): Program {
  if (made.kind === 'batches') return inBatches(program, made.over, { first: made.first, batch: made.batch });
  const phase = MOVING_PHASES[made.phase % MOVING_PHASES.length] ?? 'opening';
  const steps = program[phase];
  const at = made.at % Math.max(1, steps.length);
  const [here, next] = [steps[at], steps[at + 1]];
  if (here === undefined) return program;
  switch (made.kind) {
    case 'delete':
      return { ...program, [phase]: steps.toSpliced(at, 1) };
    case 'duplicate':
      return { ...program, [phase]: steps.toSpliced(at, 0, { ...here, id: `${here.id}-again` }) };
    case 'swap':
      return next === undefined ? program : { ...program, [phase]: steps.toSpliced(at, 2, next, here) };
    case 'without-proof': {
      const proofs = here.proofs.toSpliced(made.proof % Math.max(1, here.proofs.length), 1);
      return { ...program, [phase]: steps.toSpliced(at, 1, { ...here, proofs }) };
    }
  }
}

describe('parts and wholes', () => {
  it('agree on whether a runbook is safe, good or bad', () => {
    const verdicts = { safe: 0, unsafe: 0 };
    fc.assert(
      fc.property(
        fc.constantFrom(...SHIPPED.slice(0, 2)),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        (name, changes) => {
          const { scheme, program } = shipped(name);
          const book = { scheme, program: changes.reduce(changed, program) };
          const size = { replicas: 3, clients: 3 };
          const [part, whole] = [ask(book, size), ask(book, { ...size, whole: true })];
          expect([part.verdict, part.reduced]).toEqual([whole.verdict, true]);
          if (whole.verdict !== 'unknown') verdicts[whole.verdict] += 1;
        },
      ),
      { seed: 20261122, numRuns: 60 },
    );
    expect(Math.min(verdicts.safe, verdicts.unsafe)).toBeGreaterThan(5);
  }, 60_000);
});

describe('what parts leave out', () => {
  it('is never a look at others: one that stands on the first replica alone is in the part without it, too', () => {
    // The one look at every replica is a proof of a step on r0; the part of r1 and r2 keeps it, without a target.
    const look = {
      ...roll('look', { only: 1 }),
      proofs: [{ proves: 'accepts', generation: 'next', on: 'every-replica' }],
    } as const;
    const opening = BOOK.program.opening
      .filter(({ id }) => id !== 'verify-overlap')
      .map((one) => ({ ...one, proofs: [] }));
    const book = { scheme: BOOK.scheme, program: { ...BOOK.program, opening: [...opening, look] } };
    const asked = { replicas: 3, clients: 1 };
    expect([wordOf(ask(book, { ...asked, whole: true })), wordOf(ask(book, asked))]).toEqual(['safe', 'safe']);
  });
});

describe('states that differ in names alone', () => {
  const together = inBatches(inBatches(BOOK.program, 'replicas', { first: 3 }), 'clients', { first: 3 });
  const careless = { ...together, opening: together.opening.filter(({ id }) => id !== 'verify-overlap') };

  it.each([
    ['safe', together],
    ['unsafe', careless],
  ] as const)('are one, and the answer stays the same: %s', (result, program) => {
    const model = modelOf(program, { replicas: 3, clients: 3 });
    const [named, nameless] = [explore({ ...model, alike: { replicas: [], clients: [] } }), explore(model)];
    expect(model.alike).toEqual({ replicas: [[0, 1, 2]], clients: [[0, 1, 2]] });
    expect([named.result, nameless.result]).toEqual([result, result]);
    expect(nameless.states).toBeLessThan(named.states / 2);
  });
});
