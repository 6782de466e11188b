import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import { compose } from '../../src/errors/verdict.ts';
import type { CheckContext } from '../../src/probe/checks/check.ts';
import { checksOf } from '../../src/probe/checks/list.ts';
import { runChecks } from '../../src/probe/checks/run-checks.ts';
import type { Finding } from '../../src/probe/finding.ts';
import { type Knobs, MiniStore, SECRETS } from '../support/mini-signer.ts';
import { PROBE, startFleet, type TestFleet } from './harness.ts';

/** What signers are checked for; gates have a file of their own, and so has what is looked at in a store. */
const CHECKS = checksOf({ protocol: 'keyring-v1' }).filter(({ group }) => group !== 'store');

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await startFleet(3);
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

const html: Knobs['page'] = (response) => {
  response.writeHead(200, { 'content-type': 'text/html' }).end('<html>welcome</html>');
};

describe('a sound fleet', () => {
  it('takes any word for it that a request which lacks a part is at fault', async () => {
    breakB({ asksForAll: true });
    const findings = await check('control.unsigned');
    expect(findings.map(({ verdict }) => verdict)).toEqual(['pass', 'pass', 'pass']);
  });

  it('passes everything that takes no time, and what does not apply says why', async () => {
    const findings = await runChecks(
      CHECKS.filter(({ needs }) => !needs.includes('patience')),
      fleet.context,
    );
    const odd = findings.filter(({ verdict }) => verdict !== 'pass');
    expect(odd.map(({ id, verdict, reason }) => [id, verdict, reason])).toEqual([
      ['balancer.spread', 'not-applicable', 'rotctl.yaml declares no balancer'],
      ['control.foreign-secret', 'not-applicable', 'it needs two clients, 1 is looked at'],
      ...Array(3).fill([
        'rotated_secret_accepted',
        'not-applicable',
        'it needs an overlap: it lists 2 secrets, client-a has 1 accepted now',
      ]),
      ...['mtls.expired', 'mtls.wrong-purpose'].map((id) => [
        id,
        'not-applicable',
        'no key of the authority is at hand to make one with: a rotation tries it where authority.from is rotctl',
      ]),
      ...CHECKS.filter(({ group }) => group === 'store').map(({ id }) => [
        id,
        'not-applicable',
        'rotctl.yaml declares no store to look into',
      ]),
      ['replay.balancer', 'not-applicable', 'rotctl.yaml declares no balancer'],
      ['replay.namespace', 'not-applicable', 'no nonce was burned before a change'],
      ['replay.nonce-owner', 'not-applicable', 'it needs two clients, 1 is looked at'],
    ]);
    for (const finding of findings) expect(finding.samples).toBeGreaterThanOrEqual(finding.verdict === 'pass' ? 1 : 0);
  });

  it('passes the rotated secret in an overlap', async () => {
    for (const { knobs } of fleet.signers) knobs.clients = { 'client-a': [SECRETS.current, SECRETS.next] };
    const accepted = (['current', 'next'] as const).map((generation) => ({
      generation,
      secret: Secret.fromText(SECRETS[generation]),
    }));
    const findings = await check('rotated_secret_accepted', fleet.with({ clients: [{ id: 'client-a', accepted }] }));
    expect(findings.map(({ verdict }) => verdict)).toEqual(['pass', 'pass', 'pass']);
  });
});

/** Each row breaks one replica in exactly one way, and names the check that must find it there, and what it must say. */
const BROKEN: readonly [string, string, Partial<Knobs>, RegExp][] = [
  ['checks no signatures', 'control.wrong-secret', { checksSignature: false }, /wrong secret was accepted/],
  ['checks no signatures', 'invalid_hmac_rejected', { checksSignature: false }, /got 422/],
  ['checks no signatures', 'valid_hmac_mtls_single_use', { checksSignature: false }, /wrong secret was accepted too/],
  ['accepts the empty key', 'control.empty-key', { clients: { 'client-a': [SECRETS.current, ''] } }, /empty key/],
  [
    'accepts a published secret',
    'control.development-secret',
    { clients: { 'client-a': [SECRETS.current, 'changeme'] } },
    /"changeme" was accepted/,
  ],
  ['lets unsigned requests in', 'control.unsigned', { acceptsUnsigned: true }, /no headers was accepted/],
  ...(['client-id', 'timestamp', 'nonce', 'signature'] as const).map((part): (typeof BROKEN)[number] => [
    `lets pass what lacks its ${part}`,
    'control.unsigned',
    { waivedWithout: part },
    new RegExp(`^client-a: a request without a ${part.replace('-', ' ')}(, under a made-up signature,)? was accepted$`),
  ]),
  ['signs a body of its own making', 'control.tampered-body', { reserialises: true }, /a space appended/],
  [
    'holds another secret',
    'valid_hmac_mtls_single_use',
    { clients: { 'client-a': [SECRETS.other] } },
    /AUTH_INVALID_HMAC/,
  ],
  ['does not know the client', 'valid_hmac_mtls_single_use', { clients: {} }, /AUTH_INVALID_CLIENT/],
  [
    'signs for a fixed path',
    'control.tampered-request',
    { alsoSigned: { paths: [PROBE.path], methods: [] } },
    /another path than was signed was accepted/,
  ],
  [
    'signs for a fixed method',
    'control.tampered-request',
    { alsoSigned: { paths: [], methods: ['POST'] } },
    /another method than was signed was accepted/,
  ],
  [
    'takes a signature for another path',
    'control.tampered-request',
    { alsoSigned: { paths: [`${PROBE.path}/elsewhere`], methods: [] } },
    /a signature for another path was accepted/,
  ],
  [
    'takes a signature for another method',
    'control.tampered-request',
    { alsoSigned: { paths: [], methods: ['PUT'] } },
    /a signature for another method was accepted/,
  ],
  ['decodes leniently', 'control.signature-exact', { lenientHex: true }, /"zz" appended was accepted/],
  ['compares four bytes', 'control.signature-exact', { compares: 4 }, /wrong in its last digit was accepted/],
  ['compares what is given', 'control.signature-exact', { compares: 'given' }, /the first 8 digits .* was accepted/],
  ['takes nonces first', 'replay.refused-burns-nothing', { burnsFirst: true }, /only come with a wrong secret/],
  ['folds case', 'replay.nonce-exact', { nonceKey: (nonce) => nonce.toLowerCase() }, /differ only in case/],
  [
    'cuts nonces at 16',
    'replay.nonce-exact',
    { nonceKey: (nonce) => nonce.slice(0, 16) },
    /differ only in their 64th character/,
  ],
  [
    'cuts nonces at 63',
    'replay.nonce-exact',
    { nonceKey: (nonce) => nonce.slice(0, 63) },
    /differ only in their 64th character/,
  ],
  [
    'looks clients up in lower case',
    'replay.nonce-spelling',
    { looksUp: (client) => client.toLowerCase() },
    /accepted again with the client id as "CLIENT-A", .*: the client is found under another form of its id/,
  ],
  [
    'keys nonces by the request id as well',
    'replay.nonce-spelling',
    { alsoKeyed: (headers) => [headers['x-request-id']] },
    /covers more than the nonce: signer-b accepted captured bytes again with another x-request-id, under/,
  ],
  [
    'keys nonces by the user agent as well',
    'replay.nonce-spelling',
    { alsoKeyed: (headers) => [headers['user-agent']] },
    /covers more than the nonce: signer-b accepted captured bytes again with another user-agent, under/,
  ],
  ['remembers nothing', 'replay_nonce_rejected', { remembers: false }, /expected REPLAY_NONCE_USED, got 422/],
  ['remembers nothing', 'replay.same-replica', { remembers: false }, /signer-b accepted the same request again/],
  ['checks no time', 'timestamp_skew_rejected', { checksTime: 'none' }, /expected AUTH_TIMESTAMP_SKEW/],
  ['checks only the past', 'timestamp_skew_rejected', { checksTime: 'past' }, /step 2 of 2/],
  ['checks only the past', 'clock.window', { checksTime: 'past' }, /ahead are not refused/],
  ['asks for no certificate', 'mtls_required_rejected', { mtls: 'off' }, /expected AUTH_MTLS_REQUIRED, got 422/],
  ['takes any client', 'unknown_client_rejected', { checksClient: false }, /expected AUTH_INVALID_CLIENT/],
  ['decodes leniently', 'invalid_signature_format_rejected', { lenientHex: true }, /AUTH_INVALID_SIGNATURE_FORMAT/],
  ['is 700 ms ahead', 'clock.window', { clockOffsetMs: 700 }, /its clock is \+\d{3} ms from ours/],
  ['is 60 s behind', 'clock.window', { clockOffsetMs: -60_000 }, /further off than that/],
  ['has a window of 3 s', 'clock.window', { maxAgeMs: 3000 }, /its window is \d{4} ms, declared are 2000/],
];

describe('one broken replica is found, named, and alone', () => {
  it.each(BROKEN)('%s: %s', async (_what, id, change, reason) => {
    breakB(change);
    const findings = await check(id);
    expect(findings.map(({ target, verdict }) => `${target} ${verdict}`)).toEqual([
      'signer-a pass',
      'signer-b fail',
      'signer-c pass',
    ]);
    expect(findings[1]?.reason).toMatch(reason);
  });

  it('a store of its own: replay.cross-replica names both', async () => {
    breakB({ store: new MiniStore() });
    const findings = await check('replay.cross-replica');
    expect(findings.map(({ target, verdict }) => `${target} ${verdict}`)).toEqual([
      'signer-a pass',
      'signer-b fail',
      'signer-c pass',
    ]);
    expect(findings[1]?.reason).toMatch(/accepted by signer-a and again by signer-b/);
  });

  it('the anchor with a store of its own: every pair fails and names it', async () => {
    const a = fleet.signers[0];
    if (a !== undefined) a.knobs.store = new MiniStore();
    const findings = await check('replay.cross-replica');
    expect(findings.map(({ verdict }) => verdict)).toEqual(['fail', 'fail', 'fail']);
    for (const { reason } of findings) expect(reason).toMatch(/signer-a/);
  });

  it.each([
    ['looks and then writes', { looksThenWrites: true }],
    ['remembers nothing', { remembers: false }],
  ])('a store that %s: replay.concurrent', async (_what, change) => {
    breakB(change);
    const findings = await check('replay.concurrent');
    expect(findings.map(({ target, verdict }) => `${target} ${verdict}`).slice(0, 3)).toEqual([
      'signer-a pass',
      'signer-b fail',
      'signer-c pass',
    ]);
    expect(findings[1]?.reason).toMatch(/round \d: accepted by signer-b, signer-b/);
  });

  it('another prefix after the change: replay.namespace', async () => {
    const burned = await burnedAtA();
    breakB({ store: new MiniStore() });
    const findings = await check('replay.namespace', fleet.with({ burned }));
    expect(findings.map(({ verdict }) => verdict)).toEqual(['pass', 'fail', 'pass']);
    expect(findings[1]?.reason).toMatch(/burned at signer-a: accepted by signer-b \d+ ms later/);
  });
});

async function burnedAtA(): Promise<CheckContext['burned']> {
  const {
    prober,
    clock,
    clients,
    fleet: { replicas },
  } = fleet.context;
  const [endpoint, secret] = [replicas[0], clients[0]?.accepted[0]?.secret];
  if (endpoint === undefined) throw new Error('no replica');
  const { nonce, outcome } = await prober.probe({ endpoint, client: 'client-a', secret });
  expect(outcome.code).toBe('ACCEPTED');
  return [{ nonce, client: 'client-a', replica: 'signer-a', burnedAt: clock.now() }];
}

describe('a replica that proves nothing is unknown and named, never a pass', () => {
  const perReplica = CHECKS.filter(
    ({ needs, group, id }) =>
      !needs.includes('patience') &&
      group !== 'fleet' &&
      // Handshakes do not depend on what is answered.
      group !== 'tls' &&
      !['replay.namespace', 'replay.balancer', 'replay.nonce-owner'].includes(id) &&
      !['rotated_secret_accepted', 'control.foreign-secret', 'mtls.expired', 'mtls.wrong-purpose'].includes(id),
  );
  const lookalikes: [string, Partial<Knobs>][] = [
    ['a foreign page', { page: html }],
    ['resets without end', { resets: 1e9 }],
    [
      'an empty object',
      { page: (response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{}') },
    ],
    ['a plain 500', { page: (response) => void response.writeHead(500).end() }],
    ['429 without end', { rateLimited: 1e9 }],
  ];

  const atOnce = perReplica.filter(({ id }) => id !== 'replay.ttl-bound');

  it.each(lookalikes)('%s', { timeout: 60_000 }, async (_what, change) => {
    breakB(change);
    const findings = await runChecks(atOnce, fleet.context);
    expectOnlyUnknown(findings);
    const others = findings.filter(({ target }) => target === 'signer-a' || target === 'signer-c');
    expect(others.filter(({ verdict, id }) => verdict !== 'pass' && id !== 'replay.cross-replica')).toEqual([]);
  });

  it('no answer', { timeout: 60_000 }, async () => {
    breakB({ page: () => {} });
    expectOnlyUnknown(await runChecks(atOnce, fleet.with({ prober: fleet.impatient })));
  });

  function expectOnlyUnknown(findings: readonly Finding[]): void {
    const ofB = findings.filter(({ target }) => target === 'signer-b' || target === 'fleet');
    expect(ofB.filter(({ verdict }) => verdict !== 'unknown')).toEqual([]);
    expect(new Set(ofB.map(({ id }) => id)).size).toBe(atOnce.length);
    for (const { reason } of ofB) expect(reason).toBeTruthy();
  }

  it('some trouble is overcome: resets, rate limits, and a nonce falsely called used', async () => {
    for (const id of [
      'valid_hmac_mtls_single_use',
      'replay_nonce_rejected',
      'replay.same-replica',
      'replay.cross-replica',
    ]) {
      for (const change of [{ resets: 1 }, { rateLimited: 1 }, { falseReplays: 1 }]) {
        breakB(change);
        const findings = await check(id);
        expect(compose(findings.map(({ verdict }) => (verdict === 'not-applicable' ? 'unknown' : verdict)))).toBe(
          'pass',
        );
      }
    }
  });

  it('a nonce falsely called used again and again is not a pass', async () => {
    for (const id of ['replay.same-replica', 'control.wrong-secret']) {
      breakB({ falseReplays: 1e9 });
      const findings = await check(id);
      expect(findings[1]).toMatchObject({ target: 'signer-b', verdict: 'unknown' });
    }
  });
});

describe('the fleet’s shape', () => {
  it('one replica: nothing across replicas can be shown', async () => {
    const { replicas } = fleet.context.fleet;
    const alone = fleet.with({ fleet: { ...fleet.context.fleet, replicas: replicas.slice(0, 1) } });
    for (const id of ['fleet.replica-count', 'replay.cross-replica', 'fleet.distinct']) {
      expect((await check(id, alone)).map(({ verdict }) => verdict)).toEqual(['unknown']);
    }
  });

  it('one address under two names', async () => {
    const [a, b] = fleet.context.fleet.replicas;
    if (a === undefined || b === undefined) throw new Error('no replicas');
    const twice = fleet.with({ fleet: { ...fleet.context.fleet, replicas: [a, b, { ...a, name: 'signer-z' }] } });
    const [finding] = await check('fleet.distinct', twice);
    expect(finding).toMatchObject({ verdict: 'fail', reason: 'signer-a and signer-z have the same address' });
  });

  it('one instance under two names', async () => {
    for (const { knobs } of fleet.signers) knobs.instance = 'i-1';
    expect((await check('fleet.distinct'))[0]).toMatchObject({ verdict: 'fail', reason: /same instance/ });
  });

  it('no client certificate promised: the vector does not apply', async () => {
    const { tls } = fleet.context.fleet;
    const open = fleet.with({ fleet: { ...fleet.context.fleet, tls: { ...tls, required: false } } });
    expect((await check('mtls_required_rejected', open))[0]).toMatchObject({
      verdict: 'not-applicable',
      reason: /tls\.required/,
    });
  });
});

describe('running checks', () => {
  it('a check that throws is unknown', async () => {
    const [first] = CHECKS;
    if (first === undefined) throw new Error('no checks');
    const broken = { ...first, look: async () => Promise.reject(new Error('a bug\u0007')) };
    const [finding] = await runChecks([broken], fleet.context);
    expect(finding).toMatchObject({ verdict: 'unknown', reason: 'the check broke: a bug\\x07' });
  });

  it('a check that looks at nothing is unknown', async () => {
    const none = fleet.with({ fleet: { ...fleet.context.fleet, replicas: [] } });
    const findings = await runChecks(
      checksOf({ protocol: 'keyring-v1' }, 'control', 'checklist', 'clock', 'replay'),
      none,
    );
    expect(findings.filter(({ verdict, id }) => verdict === 'pass' && id !== 'replay.ttl-bound')).toEqual([]);
  });

  it('without patience the slow ones are unknown, with the time that they need', async () => {
    const findings = await runChecks(
      CHECKS.filter(({ needs }) => needs.includes('patience')),
      fleet.context,
    );
    expect(findings.map(({ id, verdict, reason }) => [id, verdict, reason])).toEqual([
      ['replay.cross-domain', 'not-applicable', 'all replicas share one store (rotctl.yaml has no stores)'],
      ['replay.window-end', 'unknown', 'it has to wait 3600 ms, 0 ms are allowed'],
      ['replay.after-ttl', 'unknown', 'it has to wait 5100 ms, 0 ms are allowed'],
    ]);
  });

  it('stops when it is told to', async () => {
    await expect(runChecks(CHECKS, fleet.with({ signal: AbortSignal.abort(new Error('stop')) }))).rejects.toThrow(
      'stop',
    );
  });
});

describe('the declared numbers against the bound', () => {
  it.each([
    [4999, 'pass', true],
    [4450, 'pass', true],
    [4449, 'unknown', false],
    [4000, 'unknown', false],
    [3999, 'fail', true],
  ])('a nonce life of %i ms: %s', async (nonceTtlMs, verdict, critical) => {
    const replay = { maxAgeMs: 2000, nonceTtlMs, clockErrorMs: 100, storeTimeoutMs: 250 };
    const [finding] = await check('replay.ttl-bound', fleet.with({ fleet: { ...fleet.context.fleet, replay } }));
    expect(finding).toMatchObject({ verdict, critical });
    if (verdict !== 'pass') expect(finding?.reason).toContain('2 × 2000 + 2 × 100 + 250 = 4450 ms');
  });
});
