import { beforeAll, describe, expect, it } from 'vitest';
import { certificatesOf } from '../../src/pki/bundle.ts';
import { type Issued, issueAuthority, issueClient, issueServer } from '../../src/pki/issue.ts';
import type { RotationParty } from '../../src/pki/parties.ts';
import type { CheckContext, PkiLook } from '../../src/probe/checks/check.ts';
import { checksOf } from '../../src/probe/checks/list.ts';
import { PKI_CHECKS } from '../../src/probe/checks/pki.ts';
import { runChecks } from '../../src/probe/checks/run-checks.ts';
import type { Finding } from '../../src/probe/finding.ts';
import { systemClock } from '../../src/system/clock.ts';

const wish = { now: Date.now(), days: 30 };
let [ca, next, server, client, after, moved]: Issued[] = [];

beforeAll(async () => {
  const of = { commonName: 'signer-a', dnsNames: ['signer-a.internal'], ipv4: [], ...wish };
  ca = await issueAuthority({ commonName: 'one', ...wish });
  next = await issueAuthority({ commonName: 'two', ...wish });
  [server, after] = [await issueServer(ca, of), await issueServer(next, of)];
  const from = { commonName: 'client-a', ...wish };
  [client, moved] = [await issueClient(ca, from), await issueClient(next, from)];
});

function lookOf(planned: boolean, changed: Partial<RotationParty['now']> = {}): PkiLook {
  const [one, two] = [ca?.cert ?? '', next?.cert ?? ''];
  const party = (name: string, has: Issued | undefined, gets: Issued | undefined): RotationParty => ({
    ...{ kind: name === 'signer-a' ? 'replica' : 'client', name, purpose: name === 'signer-a' ? 'server' : 'client' },
    dialled: name === 'signer-a' ? ['signer-a.internal'] : [],
    now: { trust: one, shown: { chain: has?.cert ?? '', key: undefined }, ...(name === 'signer-a' ? {} : changed) },
    next: planned ? { both: one + two, after: two, shown: { chain: gets?.cert ?? '', key: undefined } } : undefined,
  });
  return {
    parties: [party('signer-a', server, after), party('client-a', client, moved)],
    authorities: planned ? certificatesOf(two) : [],
    publicRoots: new Set(),
  };
}

function checked(pki: PkiLook | undefined, minOverlapMs = 0): Promise<Finding[]> {
  const fleet = {
    replay: { maxAgeMs: 1, nonceTtlMs: 1, clockErrorMs: 5000, storeTimeoutMs: 0 },
    policy: { minOverlapMs, soakMs: 0 },
  };
  // Of a context they read no more.
  const context = { clock: systemClock, fleet, ...(pki === undefined ? {} : { pki }) } as unknown as CheckContext;
  return runChecks(PKI_CHECKS, context);
}

const verdicts = (found: readonly Finding[]): string[] => [...new Set(found.map(({ verdict }) => verdict))];

describe('the checks of all parties’ certificates', () => {
  it('give one finding for those that pass, and one for each that does not', async () => {
    const found = await checked(lookOf(true));
    expect(found.map(({ id }) => id)).toEqual(PKI_CHECKS.map(({ id }) => id));
    expect(verdicts(found)).toEqual(['pass']);
    const validity = found.find(({ id }) => id === 'pki.validity');
    expect(validity?.seen).toMatch(/^in force until .* \(29 days\), 2 of 2 parties$/);
    const torn = await checked(lookOf(true, { trust: 'MIIB' }));
    expect(torn.filter(({ id }) => id === 'pki.whole')).toMatchObject([
      { target: 'client-a', verdict: 'fail', reason: expect.stringMatching(/its bundle holds no PEM block/) },
      { target: 'fleet', verdict: 'pass', seen: '1 of 2 parties' },
    ]);
  });

  it('say of a plan nothing where there is none', async () => {
    const found = await checked(lookOf(false));
    expect(found.filter(({ verdict }) => verdict !== 'pass').map(({ id, verdict }) => `${id} ${verdict}`)).toEqual([
      'pki.bundle-superset not-applicable',
      'pki.bundle-after not-applicable',
      'pki.authority-new not-applicable',
    ]);
  });

  it('look as far as the policy of the fleet lasts', async () => {
    const found = await checked(lookOf(false), 31 * 86_400_000);
    expect(found.filter(({ verdict }) => verdict === 'fail').map(({ id, target }) => `${id} ${target}`)).toEqual([
      'pki.validity signer-a',
      'pki.validity client-a',
    ]);
  });

  it('are unknown where nothing could be read, and are no checks of a fleet without an authority', async () => {
    expect(verdicts(await checked(undefined))).toEqual(['not-applicable']);
    const blind = lookOf(false);
    const parties = blind.parties.map((party) => ({ ...party, now: { problem: 'the disk is gone' } }));
    const found = await checked({ ...blind, parties });
    expect(found.find(({ id }) => id === 'pki.chain')).toMatchObject({ verdict: 'unknown' });
    const ids = checksOf({ protocol: 'keyring-v1' }).map(({ id }) => id);
    expect(ids.filter((id) => id.startsWith('pki.'))).toEqual([]);
    expect(checksOf({ protocol: 'keyring-v1', authority: {} }).length).toBe(ids.length + PKI_CHECKS.length);
  });
});
