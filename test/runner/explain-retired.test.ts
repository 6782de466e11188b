import { expect, it } from 'vitest';
import type { Phase } from '../../src/machine/phase.ts';
import type { OutcomeCode } from '../../src/protocol/outcome.ts';
import { explainRetired } from '../../src/runner/explain-retired.ts';

type World = Parameters<typeof explainRetired>[0];

it.each<[Phase, OutcomeCode, OutcomeCode, RegExp | undefined]>([
  ['retiring', 'ACCEPTED', 'ACCEPTED', /^signer-b still accepts current of wallet, .*not loaded.*process of before/],
  ['closing', 'ACCEPTED', 'ACCEPTED', /^signer-b still accepts next of wallet, /],
  ['retiring', 'AUTH_INVALID_HMAC', 'ACCEPTED', undefined],
  ['retiring', 'UNKNOWN', 'ACCEPTED', undefined],
  ['moving', 'ACCEPTED', 'ACCEPTED', undefined],
])('in %s, where current is %s and next %s', async (phase, current, next, seen) => {
  const fleet = { replicas: [{ name: 'signer-a' }, { name: 'signer-b' }] } as unknown as World['fleet'];
  const prover = {
    sighted: async () => [{ client: 'wallet', answers: { current, next } }],
  } as unknown as World['prover'];
  const told = await explainRetired({ fleet, prover }, phase, ['signer-b']);
  if (seen === undefined) expect(told).toBeUndefined();
  else expect(told).toEqual({ seen: expect.stringMatching(seen), hint: expect.stringContaining('signer-b') });
});
