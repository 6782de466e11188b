import { describe, expect, test } from 'vitest';
import { judgeTriggers } from '../../src/drill/advice/advice.ts';
import { chooseIdentity, planFor } from '../../src/drill/advice/plan.ts';
import type { PlanFleet } from '../../src/drill/advice/step.ts';
import { ADVICE_TRIGGERS } from '../../src/drill/advice/triggers.ts';

const FLEET: PlanFleet = {
  name: 'signer-staging',
  replicas: ['signer-1', 'signer-2', 'signer-3'],
  clients: ['wallet', 'relay'],
  mutualTls: false,
  soakMs: 86_400_000,
  minSamples: 50,
  quietMs: 40_000,
};

function checkpoint(...met: readonly string[]) {
  return judgeTriggers(
    new Map(
      ADVICE_TRIGGERS.map(({ name, kind, threshold }) => {
        const value = met.includes(name) ? threshold : kind === 'flag' ? false : 0;
        return [name, [{ value, source: 'flag' as const }]] as const;
      }),
    ),
    undefined,
  );
}

const MIGRATE = checkpoint('AUTH_SERVICES', 'AUTH_TEAMS', 'AUDITABILITY_SCORE');

describe('the steps', () => {
  test('of staying are none', () => {
    expect(planFor(checkpoint('AUTH_TEAMS'), FLEET)).toEqual([]);
  });

  test('of preparing set the three controls in their sequence: strict after labels, single after retirement', () => {
    const plan = planFor(checkpoint('AUTH_TEAMS', 'AUTH_SERVICES'), FLEET);
    expect(plan.map(({ install }) => install)).toEqual([
      [
        'wallet, relay: TOOL_GATE_DUAL_SIGN=true',
        expect.stringContaining('INTERSERVICE_HMAC_KEY_ID_PREV='),
        expect.stringContaining('INTERSERVICE_HMAC_STRICT_KEY_ID=false'),
      ],
      ['signer-1, signer-2, signer-3: INTERSERVICE_HMAC_STRICT_KEY_ID=true'],
      [expect.stringContaining('TOOL_GATE_DUAL_SIGN=false'), expect.stringContaining('KEY_ID_PREV unset')],
    ]);
  });

  test('of migrating are numbered, verify both before any identity stands alone, and end at the only one without a way back', () => {
    const plan = planFor(MIGRATE, FLEET);
    expect(plan.map(({ step }) => step)).toEqual(plan.map((_, index) => index + 1));
    const phases = plan.map(({ phase }) => phase);
    expect([...new Set(phases)]).toEqual(['dual-sign verify', 'asymmetric identity']);
    expect(phases.lastIndexOf('dual-sign verify')).toBeLessThan(phases.indexOf('asymmetric identity'));
    expect(plan.filter(({ back }) => back.startsWith('none')).map(({ step }) => step)).toEqual([plan.length]);
    expect(plan.every(({ proof, action }) => proof !== '' && action !== '')).toBe(true);
  });

  test('for a fleet name its replicas in the order of a roll, its clients, and its own times', () => {
    const text = JSON.stringify(planFor(MIGRATE, FLEET));
    for (const part of ['signer-1 alone first, then signer-2, signer-3', 'wallet alone first, then relay'])
      expect(text).toContain(part);
    for (const part of ['wallet-ed25519-1', 'relay-ed25519-1', '24 h', '40 s', '50 requests'])
      expect(text).toContain(part);
    expect(text).not.toMatch(/the replicas|the clients/);
  });

  test('without a fleet are the same ones, in general words', () => {
    const general = planFor(MIGRATE, undefined);
    expect(general).toHaveLength(planFor(MIGRATE, FLEET).length);
    expect(JSON.stringify(general)).not.toMatch(/undefined|signer-1/);
  });

  test('of a fleet of many name the first and how many more', () => {
    const replicas = Array.from({ length: 40 }, (_, index) => `signer-${index + 1}`);
    const [first] = planFor(MIGRATE, { ...FLEET, replicas });
    expect(first?.proof).toContain('signer-12 and 28 more');
  });
});

describe('the identity', () => {
  test.each([
    { met: ['EXTERNAL_VERIFIER_DEPENDENCIES'], mutualTls: true, identities: ['ed25519'] },
    { met: ['ZERO_TRUST_TARGET'], mutualTls: false, identities: ['spiffe'] },
    {
      met: ['EXTERNAL_VERIFIER_DEPENDENCIES', 'ZERO_TRUST_TARGET'],
      mutualTls: false,
      identities: ['ed25519', 'spiffe'],
    },
    { met: [], mutualTls: true, identities: ['spiffe'] },
    { met: [], mutualTls: false, identities: ['ed25519'] },
  ])('for $met with mutual TLS $mutualTls is $identities', ({ met, mutualTls, identities }) => {
    expect(chooseIdentity(checkpoint(...met), { ...FLEET, mutualTls }).identities).toEqual(identities);
  });

  test('of both kinds installs both', () => {
    const both = checkpoint('EXTERNAL_VERIFIER_DEPENDENCIES', 'ZERO_TRUST_TARGET', 'AUTH_TEAMS');
    const text = JSON.stringify(planFor(both, FLEET));
    expect(text).toContain('spiffe://<trust domain>/signer-staging/wallet');
    expect(text).toContain('wallet-ed25519-1');
  });
});
