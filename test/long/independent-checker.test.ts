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
import type { Action } from '../machine/safety/independent/state.ts';

const actions: readonly Action[] = ['crash', 'client-restart', 'scale-out', 'reconcile', 'unheeded', 'left-out'];

const sizes: readonly Size[] = [
  [2, 2, 2],
  [3, 2, 1],
  [3, 3, 0],
];

const runbooks = ['signer-hmac', 'gate-hmac', 'signer-mtls'].map((name) => ({
  name,
  text: readFileSync(new URL(`../../runbooks/${name}.yaml`, import.meta.url), 'utf8'),
}));

/** The comparison of test/machine/safety/independent.test.ts on larger fleets, and in every environment on small ones. */
describe('a second checker that follows the page agrees with the checker', () => {
  const large = runbooks.flatMap((runbook) => sizes.map((size) => ({ ...runbook, size, fleet: size.join('×') })));
  it.each(large)('$name on $fleet, whatever may happen', { timeout: 180_000 }, ({ text, size }) => {
    for (const environment of [[], ['crash', 'client-restart'], actions] as const) agree({ text, size, environment });
  });

  it.each(runbooks)('$name in all 64 environments', { timeout: 180_000 }, ({ text }) => {
    for (let subset = 0; subset < 2 ** actions.length; subset += 1) {
      const environment = actions.filter((_, place) => ((subset >> place) & 1) === 1);
      agree({ text, size: [2, 1, 1], environment });
    }
  });
});

function agree(asked: Asked): void {
  const about = `${asked.size.join('×')}, ${asked.environment.join(' + ')}`;
  const ours = byThePage(asked);
  expect(byTheCheckersExploration(asked), about).toEqual(ours);
  expect(byTheChecker(asked), about).toBe(byThePageInFull(asked));
}
