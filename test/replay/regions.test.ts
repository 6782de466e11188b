import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Copier, startCopier } from '../support/copier.ts';
import { type ReplayFleet, startReplayFleet } from '../support/replay-fleet.ts';
import type { Found } from '../systems/foreign/rotctl-run.ts';

const LAG_MS = 1000;
const signers = ['eu-1', 'eu-2', 'us-1', 'us-2'].map((name) => ({ name, store: name.startsWith('eu') ? 0 : 1 }));
const grouped = (ports: readonly number[]) => `stores:
  - { name: eu, replicas: ['eu-*'], lag: 2s, store: { nodes: ['redis://127.0.0.1:${ports[0]}'], key: 'nonces:["{client}","{nonce}"]' } }
  - { name: us, replicas: ['us-*'], lag: 2s, store: { nodes: ['redis://127.0.0.1:${ports[1]}'], key: 'nonces:["{client}","{nonce}"]' } }
`;
const TIMES = { maxAgeMs: 4000, ttlMs: 10_500, clockErrorMs: 900 };

type Named = Found & { readonly hazards?: readonly string[]; readonly accepted?: object };

function of(checks: readonly Found[], id: string): readonly Named[] {
  return checks.filter((one) => one.id === id);
}

describe('two regions, each with a store of its own, that copy to each other with a delay', () => {
  let fleet: ReplayFleet;
  let copier: Copier;
  beforeAll(async () => {
    fleet = await startReplayFleet({ signers, redis: [[], []], ...TIMES, more: grouped });
    const [eu = 0, us = 0] = fleet.redis;
    copier = await startCopier(eu, us, LAG_MS);
  }, 60_000);
  afterAll(async () => {
    copier?.stop();
    await fleet?.stop();
  });

  it('fail as one domain to the other at once, and are known by what comes later (H25)', {
    timeout: 120_000,
  }, async () => {
    const { code, result } = await fleet.rotctl('verify-replay');
    const found = of(result.checks, 'replay.cross-domain');
    expect(found.map(({ target, verdict, hazards }) => [target, verdict, hazards])).toEqual([
      ['eu to us', 'fail', ['H25', 'H26']],
      ['us to eu', 'fail', ['H25', 'H26']],
    ]);
    expect(code).toBe(1);
    const others = result.checks.filter(({ id, verdict }) => id.startsWith('replay.') && verdict === 'fail');
    expect(others.filter(({ id }) => id !== 'replay.cross-domain')).toEqual([]);
    expect(of(result.checks, 'replay.cross-replica').map(({ target }) => target)).toEqual([
      'eu-1',
      'eu-2',
      'us-1',
      'us-2',
    ]);
    expect(of(result.checks, 'store.nonce-key').map(({ target, verdict }) => `${target} ${verdict}`)).toEqual([
      'eu-1 pass',
      'eu-2 pass',
      'us-1 pass',
      'us-2 pass',
    ]);
  });
});

describe('two regions that share nothing', () => {
  let fleet: ReplayFleet;
  /** Their stores are not looked into. */
  const UNSEEN = `stores:
  - { name: eu, replicas: ['eu-*'], lag: 1s }
  - { name: us, replicas: [us-1, us-2], lag: 1s }
accepts: [{ check: replay.cross-domain, reason: each client is bound to one region, owner: payments }]
`;
  beforeAll(async () => {
    fleet = await startReplayFleet({ signers, redis: [[], []], ...TIMES, more: () => UNSEEN });
  }, 60_000);
  afterAll(() => fleet?.stop());

  it('fail as such, and stop nothing where that is accepted by name', { timeout: 120_000 }, async () => {
    const { code, result } = await fleet.rotctl('verify-replay');
    expect(
      of(result.checks, 'replay.cross-domain').map(({ verdict, hazards, accepted }) => [
        verdict,
        hazards,
        accepted !== undefined,
      ]),
    ).toEqual([
      ['fail', ['H10', 'H25'], true],
      ['fail', ['H10', 'H25'], true],
    ]);
    expect([code, result.verdict]).toEqual([0, 'pass']);
  });
});
