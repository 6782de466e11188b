import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type Asked,
  byTheChecker,
  byTheCheckersExploration,
  byThePage,
  byThePageInFull,
  type Size,
} from '../machine/safety/independent/both.ts';
import type { Beginning } from '../machine/safety/independent/program.ts';
import type { Action } from '../machine/safety/independent/state.ts';

const actions: readonly Action[] = ['crash', 'client-restart', 'scale-out', 'reconcile', 'unheeded', 'left-out'];

const sizes: readonly Size[] = [
  [2, 2, 2],
  [3, 2, 1],
  [3, 3, 0],
];

const beginnings: readonly (readonly [begins: string, beginning: Beginning | undefined])[] = [
  ['never rotated', undefined],
  ['with key ids of its own', { strict: false, keyIds: 'own' }],
  ['with key ids of its own, enforced', { strict: true, keyIds: 'own' }],
];

const runbooks = ['signer-hmac', 'gate-hmac', 'signer-mtls'].flatMap((name) =>
  (name === 'gate-hmac' ? beginnings : beginnings.slice(0, 1)).map(([begins, beginning]) => ({
    name,
    begins,
    beginning,
    text: readFileSync(new URL(`../../runbooks/${name}.yaml`, import.meta.url), 'utf8'),
  })),
);

/** The comparison of test/machine/safety/independent.test.ts on larger fleets, and in every environment on small ones. */
describe('a second checker that follows the page agrees with the checker', () => {
  const large = runbooks.flatMap((runbook) => sizes.map((size) => ({ ...runbook, size, fleet: size.join('×') })));
  it.each(large)('$name on $fleet, $begins, whatever may happen', { timeout: 180_000 }, ({ text, size, beginning }) => {
    for (const environment of [[], ['crash', 'client-restart'], actions] as const) {
      agree({ text, size, environment, beginning });
    }
  });

  it.each(runbooks)('$name, $begins, in all 64 environments', { timeout: 180_000 }, ({ text, beginning }) => {
    for (let subset = 0; subset < 2 ** actions.length; subset += 1) {
      const environment = actions.filter((_, place) => ((subset >> place) & 1) === 1);
      agree({ text, size: [2, 1, 1], environment, beginning });
    }
  });
});

function agree(asked: Asked): void {
  const about = `${asked.size.join('×')}, ${asked.environment.join(' + ')}`;
  const ours = byThePage(asked);
  expect(byTheCheckersExploration(asked), about).toEqual(ours);
  expect(byTheChecker(asked), about).toBe(byThePageInFull(asked));
}
