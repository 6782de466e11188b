import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import type { CheckContext } from '../../src/probe/checks/check.ts';
import { CHECKS } from '../../src/probe/checks/list.ts';
import { runChecks } from '../../src/probe/checks/run-checks.ts';
import type { Finding } from '../../src/probe/finding.ts';
import { createProber } from '../../src/probe/prober.ts';
import type { KnownClient } from '../../src/probe/vector-plan.ts';
import { type Knobs, MiniStore, SECRETS } from '../support/mini-signer.ts';
import { coded, fakeClock, fakeRandom, scripted } from './fakes.ts';
import { PROBE, startFleet, type TestFleet } from './harness.ts';

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await startFleet(2);
});
afterAll(() => fleet.close());
beforeEach(() => fleet.repair());

async function check(id: string, context: CheckContext = fleet.context): Promise<Finding[]> {
  return runChecks(
    CHECKS.filter((each) => each.id === id),
    context,
  );
}

function breakB(change: Partial<Knobs>): void {
  const b = fleet.signers[1];
  if (b !== undefined) Object.assign(b.knobs, change);
}

const says = (findings: readonly Finding[]): string[] => findings.map(({ target, verdict }) => `${target} ${verdict}`);

describe('one client’s secret under another’s id', () => {
  const known = (id: string, text: string): KnownClient => ({
    id,
    accepted: [{ generation: 'current', secret: Secret.fromText(text) }],
  });
  const SHARED = { 'client-a': [SECRETS.current], 'client-b': [SECRETS.current] };
  const APART = { 'client-a': [SECRETS.current], 'client-b': [SECRETS.other], 'client-c': [SECRETS.next] };
  const three = [known('client-a', SECRETS.current), known('client-b', SECRETS.other), known('client-c', SECRETS.next)];
  beforeEach(() => {
    for (const { knobs } of fleet.signers) knobs.clients = APART;
  });

  it('is refused by sound signers, for every pair', async () => {
    const findings = await check('control.foreign-secret', fleet.with({ clients: three }));
    expect(says(findings)).toEqual(['signer-a pass', 'signer-b pass']);
    expect(findings[0]?.samples).toBe(9);
  });

  it('is found where any client’s secret opens any id', async () => {
    breakB({ crossesClients: true });
    const findings = await check('control.foreign-secret', fleet.with({ clients: three }));
    expect(says(findings)).toEqual(['signer-a pass', 'signer-b fail']);
    expect(findings[1]?.reason).toMatch(/client-a: the secret of client-b was accepted/);
  });

  it('is found where a secret was left in another client’s list', async () => {
    breakB({ clients: { ...APART, 'client-c': [SECRETS.next, SECRETS.other] } });
    const findings = await check('control.foreign-secret', fleet.with({ clients: three }));
    expect(findings[1]?.reason).toBe('client-c: the secret of client-b was accepted');
  });

  it('is named as what it is where both have the same', async () => {
    for (const { knobs } of fleet.signers) knobs.clients = SHARED;
    const clients = [known('client-a', SECRETS.current), known('client-b', SECRETS.current)];
    const findings = await check('control.foreign-secret', fleet.with({ clients }));
    expect(findings[0]?.reason).toMatch(/the secret of client-b, which is its own secret too, was accepted/);
  });
});

describe('a request that was signed for another place', () => {
  const json = (status: number, body: unknown): Knobs['elsewhere'] => {
    return (response) =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  it.each([
    ['404', json(404, { errorCode: 'NOT_FOUND' })],
    ['a page that anyone gets', json(200, { status: 'ok' })],
    ['a refusal by policy that anyone gets', json(422, { errorCode: 'POLICY_CALL_NOT_ALLOWED' })],
    [
      '405 without a body',
      (response: Parameters<NonNullable<Knobs['elsewhere']>>[0]) => void response.writeHead(405).end(),
    ],
  ])('is no false alarm where other places answer %s', async (_what, elsewhere) => {
    breakB({ elsewhere });
    expect(says(await check('control.tampered-request'))).toEqual(['signer-a pass', 'signer-b pass']);
  });
});

describe('nonces', () => {
  it.each(['replay.refused-burns-nothing', 'replay.nonce-exact'])(
    '%s: some trouble is overcome, and without end proves nothing',
    async (id) => {
      for (const change of [{ resets: 1 }, { rateLimited: 1 }, { falseReplays: 1 }, { falseReplays: 2 }]) {
        breakB(change);
        expect(says(await check(id))).toEqual(['signer-a pass', 'signer-b pass']);
      }
      breakB({ falseReplays: 1e9 });
      expect(says(await check(id))).toEqual(['signer-a pass', 'signer-b unknown']);
    },
  );

  it('that are all one to a replica prove nothing: not even a nonce of its own is accepted', async () => {
    breakB({ nonceKey: () => 'x', falseReplays: 0, burnsFirst: false });
    expect((await check('replay.nonce-exact'))[1]).toMatchObject({ verdict: 'unknown' });
  });
});

describe('a wait without measure', () => {
  it.each([
    'valid_hmac_mtls_single_use',
    'control.wrong-secret',
    'replay.same-replica',
    'replay.nonce-exact',
    'clock.window',
  ])('%s gives up and names it', async (id) => {
    breakB({ rateLimited: 1e9, retryAfter: '3600' });
    const started = performance.now();
    const findings = await check(id);
    expect(performance.now() - started).toBeLessThan(5000);
    expect(findings[1]).toMatchObject({ target: 'signer-b', verdict: 'unknown' });
    expect(findings[1]?.reason).toMatch(/it asks to wait 3600 s, at most 60 s are waited/);
  });
});

describe('a replica that is slow', () => {
  it('is not blamed for a refusal for its time', async () => {
    const { replay } = fleet.context.fleet;
    for (const { knobs } of fleet.signers) knobs.maxAgeMs = 300;
    const context = fleet.with({ fleet: { ...fleet.context.fleet, replay: { ...replay, maxAgeMs: 300 } } });
    breakB({ slowMs: 400 });
    for (const id of ['valid_hmac_mtls_single_use', 'control.wrong-secret', 'replay.nonce-exact']) {
      const findings = await check(id, context);
      expect(says(findings)).toEqual(['signer-a pass', 'signer-b unknown']);
      expect(findings[1]?.reason).toMatch(
        /the exchange took 4\d\d ms, more than half the window of 300 ms: it is slow/,
      );
    }
  });

  it.each([
    [400, 'unknown', /it is slow, and its clock may be right/],
    [100, 'fail', /its clock is further off than that/],
  ])('whose every refusal for its time takes %i ms of 300: clock.window is %s', async (ms, verdict, reason) => {
    const transport = scripted({ ...coded(401, 'AUTH_TIMESTAMP_SKEW'), ms });
    const { fleet: shape } = fleet.context;
    const [clock, random] = [fakeClock(), fakeRandom()];
    const prober = createProber({ settings: PROBE, outcomes: [], transport, clock, random, runId: 'r' });
    const narrow = { ...shape, replicas: shape.replicas.slice(0, 1), replay: { ...shape.replay, maxAgeMs: 300 } };
    const [finding] = await check('clock.window', fleet.with({ fleet: narrow, prober, clock, random }));
    expect(finding).toMatchObject({ verdict, reason });
  });

  it('says how old the bytes were that it refused for their time', async () => {
    for (const { knobs } of fleet.signers) knobs.maxAgeMs = 500;
    breakB({ slowMs: 300 });
    const [, finding] = await check('replay.same-replica');
    expect(finding).toMatchObject({ verdict: 'unknown', reason: /answered [6-9]\d\d ms after its timestamp/ });
  });
});

describe('nonces of before, at a replica that is not quite up', () => {
  async function burned(count: number): Promise<CheckContext['burned']> {
    const { prober, clock, clients, fleet: shape } = fleet.context;
    const [endpoint, secret] = [shape.replicas[0], clients[0]?.accepted[0]?.secret];
    if (endpoint === undefined) throw new Error('no replica');
    const nonces = [];
    for (let n = 0; n < count; n += 1) {
      const { nonce } = await prober.probe({ endpoint, client: 'client-a', secret });
      nonces.push({ nonce, client: 'client-a', replica: 'signer-a', burnedAt: clock.now() });
    }
    return nonces;
  }

  it.each([
    ['503 for a moment', { unavailable: 4 }],
    ['resets for a moment', { resets: 4 }],
  ])('%s: asked again within the check', async (_what, change) => {
    for (const count of [1, 2]) {
      const context = fleet.with({ burned: await burned(count) });
      breakB(change);
      expect(says(await check('replay.namespace', context))).toEqual(['signer-a pass', 'signer-b pass']);
    }
  });

  it.each([1, 2])(
    '%i nonces: a try that took one in another namespace before it broke does not hide that',
    async (count) => {
      const context = fleet.with({ burned: await burned(count) });
      breakB({ store: new MiniStore(), unavailable: 1, taking: true });
      const findings = await check('replay.namespace', context);
      expect(says(findings)).toEqual(['signer-a pass', 'signer-b fail']);
    },
  );

  it('without end: unknown, with what was seen first, after a moment', async () => {
    const context = fleet.with({ burned: await burned(4) });
    breakB({ resets: 1, unavailable: 1e9 });
    const started = performance.now();
    const [, finding] = await check('replay.namespace', context);
    expect(performance.now() - started).toBeLessThan(4000);
    expect(finding).toMatchObject({
      verdict: 'unknown',
      reason: /burned at signer-a: (?:ECONNRESET|UND_ERR_SOCKET).*, and no clear answer in \d more tries/,
    });
  });

  it('alone, with its one nonce in doubt: unknown', async () => {
    const { replicas } = fleet.context.fleet;
    const alone = { ...fleet.context.fleet, replicas: replicas.slice(1) };
    const context = fleet.with({ burned: await burned(1), fleet: alone });
    breakB({ unavailable: 1 });
    expect(await check('replay.namespace', context)).toMatchObject([
      { target: 'signer-b', verdict: 'unknown', reason: /no other replica can burn one/ },
    ]);
  });
});
