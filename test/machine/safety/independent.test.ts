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
import type { Beginning } from './independent/program.ts';
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

/** How a fleet of gates may begin; other fleets begin in one way alone. */
const beginnings: readonly (readonly [says: string, beginning: Beginning | undefined])[] = [
  ['never rotated', undefined],
  ['with key ids of its own', { strict: false, keyIds: 'own' }],
  ['with key ids of its own, enforced', { strict: true, keyIds: 'own' }],
];

const beginningsOf = (text: string) => (text.includes('protocol: gate-v1') ? beginnings : beginnings.slice(0, 1));

const shipped = ['signer-hmac', 'signer-hmac-second-id', 'gate-hmac', 'signer-mtls'].map(
  (name) => [name, read(`runbooks/${name}.yaml`)] as const,
);

const mistakes = readdirSync(new URL('../../mistakes', import.meta.url))
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => [name, read(`test/mistakes/${name}`)] as const);

function read(path: string): string {
  return readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
}

function expectAgreement(asked: Asked): string {
  const { size, environment, compromised = false, beginning } = asked;
  const around = environment.join(' + ') || 'nothing happens around it';
  const about = `${size.join('×')}, ${around}, compromised: ${compromised}, ${JSON.stringify(beginning)}`;
  const ours = byThePage(asked);
  expect(byTheCheckersExploration(asked), about).toEqual(ours);
  const inFull = byThePageInFull(asked);
  expect(byTheChecker(asked), about).toBe(inFull);
  return inFull;
}

describe('a second checker that follows the page agrees with the checker', () => {
  const cases = shipped.flatMap(([name, text]) =>
    beginningsOf(text).flatMap(([begins, beginning]) =>
      sizes.map((at) => ({ name, text, begins, beginning, ...at, fleet: at.size.join('×') })),
    ),
  );
  it.each(cases)('$name on $fleet, $begins: verdict, states and moves', ({ text, size, environments, beginning }) => {
    for (const environment of environments) {
      expect(expectAgreement({ text, size, environment, beginning })).toBe('safe');
    }
  });

  it.each(shipped)('%s, when it answers a compromise', (_, text) => {
    for (const [, beginning] of beginningsOf(text)) {
      for (const environment of several) {
        expectAgreement({ text, size: [1, 1, 1], environment, compromised: true, beginning });
      }
    }
  });

  it.each(mistakes)('%s: verdict, invariant, and moves to the breach', (_, text) => {
    const answers = beginningsOf(text).flatMap(([, beginning]) =>
      [[], ...several].map((environment) => expectAgreement({ text, size: [2, 2, 1], environment, beginning })),
    );
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
    // A gate may begin in three ways, each of which wants as many chances.
    for (let seed = 0; seed < 10 * (1 + beginningsOf(text).length); seed += 1) {
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
    const compromised = dice(4) === 0;
    const ways = beginningsOf(original);
    const [, beginning] = ways[dice(ways.length)] ?? [];
    try {
      return expectAgreement({ text, size, environment, compromised, beginning });
    } catch (error) {
      // Some changes are no longer a runbook.
      if (error instanceof RotctlError && error.code === 'INPUT_INVALID') return 'refused';
      throw error;
    }
  }
});
