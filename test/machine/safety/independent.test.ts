import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { RotctlError } from '../../../src/errors/rotctl-error.ts';
import {
  type Asked,
  byTheChecker,
  byTheCheckersExploration,
  byThePage,
  byThePageInFull,
  type Size,
} from './independent/both.ts';
import { diceOf, mutated } from './independent/mutate.ts';
import type { Action } from './independent/state.ts';

/**
 * The safety checker against a second one that follows spec/checker.md: no code is shared but the text of runbooks.
 *
 * The checker merges states that differ only in the names of targets that are alike, so that its counts may be smaller
 * where batches hold several targets. Its verdict is compared as an operator gets it; lengths and counts are compared
 * with every state kept apart.
 */
// The second model is written for clarity alone, and takes its time on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const actions: readonly Action[] = ['crash', 'client-restart', 'scale-out', 'reconcile', 'unheeded', 'left-out'];

const single: readonly (readonly Action[])[] = [[], ...actions.map((action) => [action])];

const several: readonly (readonly Action[])[] = [['crash', 'client-restart', 'scale-out', 'reconcile'], actions];

const sizes: readonly { readonly size: Size; readonly environments: readonly (readonly Action[])[] }[] = [
  { size: [1, 1, 0], environments: [...single, ...several] },
  { size: [1, 1, 1], environments: [...single, ...several] },
  { size: [2, 1, 1], environments: several },
  { size: [2, 2, 0], environments: [[], actions] },
  { size: [2, 2, 1], environments: [actions] },
];

const shipped = ['signer-hmac', 'gate-hmac', 'signer-mtls'].map(
  (name) => [name, read(`runbooks/${name}.yaml`)] as const,
);

const mistakes = readdirSync(new URL('../../mistakes', import.meta.url))
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => [name, read(`test/mistakes/${name}`)] as const);

function read(path: string): string {
  return readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
}

function expectAgreement(asked: Asked): string {
  const { size, environment, compromised = false } = asked;
  const about = `${size.join('×')}, ${environment.join(' + ') || 'nothing happens around it'}, compromised: ${compromised}`;
  const ours = byThePage(asked);
  expect(byTheCheckersExploration(asked), about).toEqual(ours);
  const inFull = byThePageInFull(asked);
  expect(byTheChecker(asked), about).toBe(inFull);
  return inFull;
}

describe('a second checker that follows the page agrees with the checker', () => {
  const cases = shipped.flatMap(([name, text]) => sizes.map((at) => ({ name, text, ...at, fleet: at.size.join('×') })));
  it.each(cases)('$name on $fleet: verdict, states and moves', ({ text, size, environments }) => {
    for (const environment of environments) expectAgreement({ text, size, environment });
  });

  it.each(shipped)('%s, when it answers a compromise', (_, text) => {
    for (const environment of several) expectAgreement({ text, size: [1, 1, 1], environment, compromised: true });
  });

  it.each(mistakes)('%s: verdict, invariant, and moves to the breach', (_, text) => {
    const answers = [[], ...several].map((environment) => expectAgreement({ text, size: [2, 2, 1], environment }));
    expect(answers.filter((answer) => answer !== 'safe').length).toBeGreaterThan(0);
  });
});

describe('on runbooks that were changed by chance', () => {
  const small: readonly Size[] = [
    [1, 1, 0],
    [1, 1, 1],
    [2, 1, 0],
    [1, 2, 0],
  ];

  it.each(shipped)('%s: the same answers, of many kinds', (_, text) => {
    const answers = new Map<string, number>();
    for (let seed = 0; seed < 20; seed += 1) {
      const answer = answerOf(text, seed);
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
    expect(answers.get('safe')).toBeGreaterThan(0);
    expect(answers.size, [...answers.keys()].join()).toBeGreaterThan(2);
  });

  function answerOf(original: string, seed: number): string {
    const dice = diceOf(seed);
    const text = mutated(original, dice);
    const size = small[dice(small.length)] ?? [1, 1, 0];
    const environment = actions.filter(() => dice(2) === 0);
    try {
      return expectAgreement({ text, size, environment, compromised: dice(4) === 0 });
    } catch (error) {
      // Some changes are no longer a runbook.
      if (error instanceof RotctlError && error.code === 'INPUT_INVALID') return 'refused';
      throw error;
    }
  }
});
