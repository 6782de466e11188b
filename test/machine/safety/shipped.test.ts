import { describe, expect, it } from 'vitest';
import { MOVING_PHASES, type MovingPhase } from '../../../src/machine/phase.ts';
import type { Program, Proof, Step } from '../../../src/machine/step.ts';
import { type Asked, ask, BEGINNINGS, SHIPPED, shipped, withPhase, wordOf } from './questions.ts';

const SIZES = [1, 2, 3];
const TEMPLATES = [0, 1, 2];

describe('the runbooks that ship', () => {
  const questions = SHIPPED.flatMap((name) =>
    SIZES.flatMap((size) => TEMPLATES.map((templates) => [name, size, templates] as const)),
  );
  // Three gates and three signing services with templates are hundreds of thousands of states: there the parts stand for them.
  const wholeOf = (name: string, size: number) => name !== 'gate-hmac' || size < 3;

  it.each(questions)(
    '%s is safe on %i replicas and as many clients with %i templates, whatever may happen',
    (name, size, templates) => {
      const whole = wholeOf(name, size);
      const answer = ask(shipped(name), { replicas: size, clients: size, templates, whole });
      expect([answer.verdict, answer.reduced]).toEqual(['safe', !whole]);
      expect(answer.states).toBeGreaterThan(100);
    },
  );

  it.each(BEGINNINGS)('gate-hmac is safe on gates that begin %s, on fleets of any size', (_, beginning) => {
    const whole = [0, 1].map((templates) => wordOf(ask(shipped('gate-hmac'), { templates, beginning, whole: true })));
    expect([...whole, wordOf(ask(shipped('gate-hmac'), { ...LARGE, beginning }))]).toEqual(['safe', 'safe', 'safe']);
  });

  it('gate-hmac is not taken for safe on gates that enforce the default key ids: those change their meaning', () => {
    const answer = ask(shipped('gate-hmac'), { ...LARGE, beginning: { strict: true, keyIds: 'default' } });
    expect([wordOf(answer), answer.counterexample?.step]).toEqual(['I1d', 'publish-next']);
  });

  it('gate-hmac has to see that gates take the key ids of before again, before a client goes back to them', () => {
    const { scheme, program } = shipped('gate-hmac');
    const blind = program.returning.map((step) => ({ ...step, proofs: step.proofs.map(underItsOwn) }));
    const words = BEGINNINGS.map(([, beginning]) =>
      wordOf(ask({ scheme, program: withPhase(program, 'returning', blind) }, { templates: 1, beginning })),
    );
    expect(words).toEqual(['I1c', 'safe', 'safe']);
  });

  it.each(SHIPPED)('%s gets the same answer to the same question, counts included', (name) => {
    const asked: Asked = { templates: 2 };
    expect(ask(shipped(name), asked)).toEqual(ask(shipped(name), asked));
  });

  it('have more moves the more may happen', () => {
    const more = [[], ['crash'], ['crash', 'scale-out'], ['crash', 'scale-out', 'unheeded', 'left-out']] as const;
    const moves = more.map((environment) => ask(shipped('signer-hmac'), { templates: 1, environment }).moves);
    expect(moves).toEqual([...new Set(moves)].sort((a, b) => a - b));
  });
});

const LARGE: Asked = { replicas: 3, clients: 3, templates: 1 };

/** A look under the generation's own key id where a runbook has one under that of before. */
function underItsOwn(proof: Proof): Proof {
  return proof.proves === 'accepts' ? { proves: 'accepts', generation: proof.generation, on: proof.on } : proof;
}

const BOOK = shipped('signer-hmac');
/** One template, so that every step has a target. */
const WITH: Asked = { templates: 1, whole: true };
const said = (program: Program) => wordOf(ask({ scheme: BOOK.scheme, program }, WITH));

/** What is expected of a changed runbook, and why that is right: `safe` is argued, not taken over from the checker. */
type Verdicts = Readonly<Record<string, readonly [word: string, why: string]>>;

const HOLDS = 'the proofs that follow are never a pass but by an accident, so that the rotation cannot go on by itself';
const TWICE = 'loading twice comes to the same in either order, and the same is proven of it';
const SEEN = 'the proof over every replica at the end of the phase sees the same';
const LATER =
  'the disk has it already, and no template brings anything older: a restart after the proof shows nothing new';

const SWAPS: Verdicts = {
  'publish-next, add-next': ['I1c', 'a reconciler puts the old template on a disk that was written before it'],
  'add-next, roll': ['no dead end', HOLDS],
  'roll, roll-by-restart': ['safe', TWICE],
  'roll-by-restart, verify-overlap': ['safe', LATER],
  'point-client-at-next, redeploy-client': ['no dead end', HOLDS],
  'redeploy-client, verify-switch': [
    'safe',
    'the look at the replicas does not depend on who has moved, and each client is still seen to sign with next',
  ],
  'confirm-unused, drain-current': ['I1d', 'a client that still signs with current goes on sending after the wait'],
  'drain-current, publish-without-current': ['I1d', 'a new instance refuses what is still on its way'],
  'publish-without-current, remove-current': ['I2b', 'a reconciler puts current back on a disk that was narrowed'],
  'remove-current, roll-out-current': ['no dead end', HOLDS],
  'roll-out-current, roll-out-by-restart': ['safe', TWICE],
  'roll-out-by-restart, verify-retired': ['safe', LATER],
  'verify-retired, seal-current': [
    'safe',
    'retired is declared at the end of the phase, after both; sealing changes no replica',
  ],
  'verify-still-refused, destroy-current': [
    'safe',
    'the look is a second one: current was proven to be refused when it was retired, and nothing brings it back since',
  ],
  'publish-current-again, add-current-again': ['I1c', 'a reconciler puts next alone back on a disk that was widened'],
  'add-current-again, roll-in-current': ['no dead end', HOLDS],
  'roll-in-current, roll-in-by-restart': ['safe', TWICE],
  'roll-in-by-restart, verify-widened': ['safe', LATER],
  'point-client-at-current, redeploy-client-back': ['no dead end', HOLDS],
  'redeploy-client-back, confirm-next-unused': [
    'no dead end',
    'nobody is back before the redeployment, so that the look at all of them is a pass only by an accident',
  ],
  'confirm-next-unused, drain-next': ['I1d', 'a client that still signs with next goes on sending after the wait'],
  'publish-without-next, remove-next': ['I2b', 'a reconciler puts next back on a disk that was narrowed'],
  'remove-next, roll-back': ['no dead end', HOLDS],
  'roll-back, roll-back-by-restart': ['safe', TWICE],
  'roll-back-by-restart, verify-rolled-back': ['safe', LATER],
  'verify-rolled-back, destroy-next': [
    'I2',
    'next is destroyed before anybody has looked whether it is still accepted',
  ],
};

const DELETIONS: Verdicts = {
  'publish-next': ['I1d', 'a new instance knows nothing of next'],
  'add-next': ['no dead end', HOLDS],
  roll: ['safe', 'the restart loads it too'],
  'roll-by-restart': [
    'safe',
    'the reload loads it too; the model takes a file that was read back to be the one that is loaded',
  ],
  'verify-overlap': ['I1c', 'reload and restart may both be left out, and nobody has looked'],
  'point-client-at-next': ['no dead end', HOLDS],
  'redeploy-client': ['no dead end', 'confirm-unused sees that no client has moved, and nothing moves one'],
  'verify-switch': [
    'safe',
    'what it sees was seen before the first client was told, and no template brings anything older',
  ],
  'confirm-unused': ['I1d', "a client's restart may be left out, and nobody has looked who signs with current"],
  'drain-current': ['I1d', 'a new instance refuses what is still on its way'],
  'publish-without-current': ['I2b', 'a new instance accepts what was declared retired'],
  'remove-current': ['no dead end', HOLDS],
  'roll-out-current': ['safe', 'the restart loads it too'],
  'roll-out-by-restart': ['safe', 'the reload loads it too'],
  'verify-retired': ['I2', 'reload and restart may both be left out, and nobody has looked'],
  'seal-current': ['safe', 'entering the phase declares it; sealing changes no replica'],
  'verify-still-refused': ['safe', 'a second look at what was proven when current was retired'],
  'destroy-current': ['safe', 'material that is kept is accepted nowhere'],
  'publish-current-again': ['I1d', 'a new instance refuses what clients are about to sign with again'],
  'add-current-again': ['I1c', 'a replica whose disk has next alone is proven in memory, by what it had loaded before'],
  'roll-in-current': ['safe', 'the restart loads it too'],
  'roll-in-by-restart': ['safe', 'the reload loads it too'],
  'verify-widened': ['I1c', 'reload and restart may both be left out, and nobody has looked'],
  'point-client-at-current': ['I1d', 'a client that never took next up by itself may do so at any time'],
  'redeploy-client-back': ['no dead end', 'confirm-next-unused sees that no client is back, and nothing brings one'],
  'confirm-next-unused': ['I1d', "a client's restart may be left out, and nobody has looked who signs with next"],
  'drain-next': ['I1d', 'a new instance refuses what is still on its way'],
  'publish-without-next': ['I2b', 'a new instance accepts what was destroyed'],
  'remove-next': ['I2b', 'a replica that never loaded next has it on its disk'],
  'roll-back': ['safe', 'the restart loads it too'],
  'roll-back-by-restart': ['safe', 'the reload loads it too'],
  'verify-rolled-back': ['I2', 'reload and restart may both be left out, and nobody has looked'],
  'destroy-next': ['safe', 'all is proven by then; material that is kept is accepted nowhere'],
};

/** Proofs that nothing else makes up for. Every other one may go. */
const NEEDED: Verdicts = {
  'verify-overlap: accepts next on every-replica': [
    'I1c',
    'it alone stands after reloads and restarts that may be left out',
  ],
  'confirm-unused: unused current': ['I1d', 'it alone sees a client that does not move'],
  'verify-retired: refuses current on every-replica': ['I2', 'it alone stands after reloads that may be left out'],
  'verify-widened: accepts current on every-replica': ['I1c', 'it alone stands after reloads that may be left out'],
  'confirm-next-unused: unused next': ['I1d', 'it alone sees a client that does not move back'],
  'verify-rolled-back: refuses next on every-replica': ['I2', 'it alone stands after reloads that may be left out'],
};

/** Why a proof that may go is harmless to the model: the first that fits. */
const HARMLESS: readonly (readonly [why: string, fits: (step: Step, proof: Proof) => boolean])[] = [
  [SEEN, (step, proof) => step.over === 'replicas' && (proof.proves === 'accepts' || proof.proves === 'refuses')],
  ['confirm-unused and confirm-next-unused see the same of every client', (_, proof) => proof.proves === 'signs'],
  [
    'no step of this runbook changes where nonces are looked up; what else may, is tried live',
    (_, proof) => proof.proves === 'namespace' || proof.proves === 'replay',
  ],
  ['a balancer vouches for no replica in particular', (_, proof) => 'on' in proof && proof.on === 'balancer'],
  ['what it tries is outside of the model: it is for live checks', (_, proof) => proof.proves === 'checklist'],
  [
    'every disk and template keeps what clients sign with all through the phase, which I1c and I1d see to',
    (_, proof) => proof.proves === 'accepts',
  ],
  ['a second look after the soak', (step) => step.id === 'verify-still-refused'],
];

function* swaps(): Generator<[name: string, Program]> {
  for (const phase of MOVING_PHASES) {
    const steps = BOOK.program[phase];
    for (const [index, second] of steps.entries()) {
      const first = steps[index - 1];
      if (first === undefined) continue;
      const swapped = steps.toSpliced(index - 1, 2, second, first);
      yield [`${first.id}, ${second.id}`, withPhase(BOOK.program, phase, swapped)];
    }
  }
}

function* deletions(): Generator<[name: string, Program]> {
  for (const phase of MOVING_PHASES) {
    for (const [index, { id }] of BOOK.program[phase].entries()) {
      yield [id, withPhase(BOOK.program, phase, BOOK.program[phase].toSpliced(index, 1))];
    }
  }
}

function* withoutProofs(): Generator<[name: string, Program, Step, Proof]> {
  for (const phase of MOVING_PHASES) {
    for (const [at, step] of BOOK.program[phase].entries()) {
      for (const [index, proof] of step.proofs.entries()) {
        yield [`${step.id}: ${say(proof)}`, without(phase, at, index), step, proof];
      }
    }
  }
}

function without(phase: MovingPhase, at: number, index: number): Program {
  const steps = BOOK.program[phase].map((step, place) =>
    place === at ? { ...step, proofs: step.proofs.toSpliced(index, 1) } : step,
  );
  return withPhase(BOOK.program, phase, steps);
}

function say(proof: Proof): string {
  const words = [proof.proves, 'generation' in proof ? proof.generation : '', 'on' in proof ? `on ${proof.on}` : ''];
  return words.filter((word) => word !== '').join(' ');
}

const wordsOf = (verdicts: Verdicts) =>
  Object.fromEntries(Object.entries(verdicts).map(([name, [word]]) => [name, word]));

describe('signer-hmac, with one thing wrong', () => {
  it('is judged right with any two adjacent steps swapped', () => {
    const found = Object.fromEntries([...swaps()].map(([name, program]) => [name, said(program)]));
    expect(found).toEqual(wordsOf(SWAPS));
  });

  it('is judged right without any one step', () => {
    const found = Object.fromEntries([...deletions()].map(([name, program]) => [name, said(program)]));
    expect(found).toEqual(wordsOf(DELETIONS));
  });

  it('is unsafe without a proof that nothing makes up for, and safe without one that something does', () => {
    const all = [...withoutProofs()].map(([name, program]) => [name, said(program)] as const);
    expect(all).toHaveLength(BOOK_PROOFS);
    expect(Object.fromEntries(all.filter(([, word]) => word !== 'safe'))).toEqual(wordsOf(NEEDED));
  });

  it.each(
    [...withoutProofs()].filter(([name]) => !(name in NEEDED)).map(([name, , step, proof]) => ({ name, step, proof })),
  )('has a reason why it can do without $name', ({ step, proof }) => {
    expect(HARMLESS.find(([, fits]) => fits(step, proof))?.[0]).toBeTruthy();
  });
});

const BOOK_PROOFS = MOVING_PHASES.flatMap((phase) => BOOK.program[phase].flatMap(({ proofs }) => proofs)).length;
