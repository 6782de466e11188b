import { createPrivateKey } from 'node:crypto';
import type { TLSSocket, TlsOptions } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import { oddIdentities } from '../../src/pki/odd.ts';
import { certificatesIn } from '../../src/pki/tls-files.ts';
import type { CheckContext, MtlsLook } from '../../src/probe/checks/check.ts';
import { MTLS_CHECKS } from '../../src/probe/checks/handshakes.ts';
import { runChecks } from '../../src/probe/checks/run-checks.ts';
import type { Finding } from '../../src/probe/finding.ts';
import { createProber } from '../../src/probe/prober.ts';
import { systemClock } from '../../src/system/clock.ts';
import { createHandshakes } from '../../src/system/handshake.ts';
import { pooledRandom } from '../../src/system/random.ts';
import { createTransport } from '../../src/system/transport.ts';
import { type TestGeneration, testGeneration } from '../support/generations.ts';
import { type Knobs, type MiniSigner, MiniStore, miniSigner, SECRETS, soundKnobs } from '../support/mini-signer.ts';
import { asReplica, PROBE } from './harness.ts';

let current: TestGeneration;
let next: TestGeneration;
let both: string;
let odd: NonNullable<MtlsLook['odd']>;
let signer: MiniSigner;
const close: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  [current, next] = [await testGeneration('current'), await testGeneration('next')];
  both = current.authority.cert + next.authority.cert;
  const authority = { cert: current.authority.cert, key: Secret.fromText(current.authority.key) };
  odd = await oddIdentities({ authority, commonName: 'rotctl', now: Date.now() });
});
afterEach(async () => {
  for (const each of close.splice(0)) await each();
});

/** A signer that trusts the current authority, and is broken in what is given. */
async function start(mtls: Knobs['mtls'], knobs: Partial<Knobs> = {}, tls: TlsOptions = {}): Promise<void> {
  const pki = { ca: current.authority.cert, client: current.authority, server: current.server };
  signer = await miniSigner('signer', pki, { ...soundKnobs(new MiniStore()), mtls, ...knobs }, tls);
  close.push(() => signer.close());
}

async function checked(mtls?: MtlsLook): Promise<Record<string, Finding>> {
  const key = current.identity.key;
  const own = { cert: current.identity.chain, key: await textOf(key) };
  const transport = createTransport({ ca: both, ...own });
  close.push(() => transport.close());
  const [clock, random] = [systemClock, pooledRandom()];
  const context: CheckContext = {
    clock,
    random,
    prober: createProber({ settings: PROBE, outcomes: [], transport, clock, random, runId: 'test' }),
    fleet: {
      replicas: [asReplica(signer)],
      balancer: undefined,
      tls: { ca: 'ca.pem', cert: 'rotctl.pem', key: 'rotctl.key', required: true },
      replay: { maxAgeMs: 2000, nonceTtlMs: 5000, clockErrorMs: 100, storeTimeoutMs: 250 },
      probe: PROBE,
    },
    tls: {
      files: {
        ca: certificatesIn(both, 'ca.pem', 'bundle'),
        cert: certificatesIn(own.cert, 'rotctl.pem', 'chain'),
        key: { file: 'rotctl.key', key: createPrivateKey(own.key), problem: undefined },
      },
      handshakes: createHandshakes({ ca: both, ...own }),
    },
    clients: [{ id: 'client-a', accepted: [{ generation: 'current', secret: Secret.fromText(SECRETS.current) }] }],
    vectors: undefined,
    burned: [],
    owed: [],
    patienceMs: 0,
    ...(mtls === undefined ? {} : { mtls }),
  };
  const findings = await runChecks(MTLS_CHECKS, context);
  return Object.fromEntries(findings.map((finding) => [finding.id, finding]));
}

async function textOf(key: Secret): Promise<string> {
  const { reveal } = await import('../../src/credential/secret.ts');
  return reveal(key).toString('utf8');
}

const verdictsOf = (found: Record<string, Finding>): Record<string, string> =>
  Object.fromEntries(Object.entries(found).map(([id, { verdict }]) => [id.replace('mtls.', ''), verdict]));
const SOUND = {
  generations: 'pass',
  'no-certificate': 'pass',
  'unknown-authority': 'pass',
  expired: 'pass',
  'wrong-purpose': 'pass',
};
const because = (...codes: string[]) => ({
  admits: (socket: TLSSocket) => socket.authorized || codes.includes(String(socket.authorizationError)),
});

describe.each(['handshake', 'app'] as const)('a sound signer that refuses by %s', (mtls) => {
  it('passes the whole matrix, and says what it shows', async () => {
    await start(mtls);
    const found = await checked({ odd });
    expect(found).not.toMatchObject({ 'mtls.expired': { verdict: 'unknown' } });
    expect(verdictsOf(found)).toEqual(SOUND);
    expect(found['mtls.unknown-authority']?.seen).toMatch(
      /^TLS 1\.2: AUTH_MTLS_REQUIRED, TLS 1\.3: AUTH_MTLS_REQUIRED, shows [0-9a-f]{16}$/,
    );
  });

  it('is tried with what can be made on the spot where no key of the authority is at hand', async () => {
    await start(mtls);
    const found = await checked();
    expect(verdictsOf(found)).toEqual({ ...SOUND, expired: 'not-applicable', 'wrong-purpose': 'not-applicable' });
    expect(found['mtls.expired']?.reason).toContain('no key of the authority is at hand');
  });
});

describe('a signer that is broken in one way', () => {
  const rows: [string, Knobs['mtls'], Partial<Knobs>, TlsOptions, Record<string, string>, RegExp][] = [
    [
      'asks for no certificate',
      'off',
      {},
      { requestCert: false },
      { 'no-certificate': 'fail', 'unknown-authority': 'fail', expired: 'fail', 'wrong-purpose': 'fail' },
      /a request without a certificate over TLS 1\.2 was accepted; .* over TLS 1\.3 was accepted/,
    ],
    [
      'takes a certificate of anybody',
      'app',
      { admits: (socket) => socket.getPeerX509Certificate() !== undefined },
      {},
      { 'unknown-authority': 'fail', expired: 'fail', 'wrong-purpose': 'fail' },
      /a certificate of an unknown authority over TLS 1\.2 was accepted/,
    ],
    [
      'takes expired certificates',
      'app',
      because('CERT_HAS_EXPIRED'),
      {},
      { expired: 'fail' },
      /^an expired certificate over TLS 1\.2 was accepted; an expired certificate over TLS 1\.3 was accepted$/,
    ],
    [
      'takes certificates that are not valid yet',
      'app',
      because('CERT_NOT_YET_VALID'),
      {},
      { expired: 'fail' },
      /^a certificate that is not valid yet over TLS 1\.2 was accepted/,
    ],
    [
      'ignores what a certificate is for',
      'app',
      because('INVALID_PURPOSE'),
      {},
      { 'wrong-purpose': 'fail' },
      /^a certificate that is for servers only over TLS 1\.2 was accepted/,
    ],
    [
      'asks for certificates over TLS 1.3 only',
      'app',
      { admits: (socket) => socket.authorized || socket.getProtocol() === 'TLSv1.2' },
      {},
      { 'no-certificate': 'fail', 'unknown-authority': 'fail', expired: 'fail', 'wrong-purpose': 'fail' },
      /^a request without a certificate over TLS 1\.2 was accepted$/,
    ],
  ];
  it.each(rows)('%s', async (_, mtls, knobs, tls, failing, reason) => {
    await start(mtls, knobs, tls);
    const found = await checked({ odd });
    expect(verdictsOf(found)).toEqual({ ...SOUND, ...failing });
    const [first] = Object.keys(failing);
    expect(found[`mtls.${first}`]?.reason).toMatch(reason);
  });
});

describe('the generations', () => {
  const generations = (first: 'ACCEPTED' | 'AUTH_MTLS_REQUIRED', second: 'ACCEPTED' | 'AUTH_MTLS_REQUIRED') => [
    { generation: 'current' as const, identity: current.identity, expect: first },
    { generation: 'next' as const, identity: next.identity, expect: second },
  ];

  it('a bundle that was not extended is found, with the generation and both versions', async () => {
    await start('handshake');
    const found = await checked({ generations: generations('ACCEPTED', 'ACCEPTED') });
    expect(found['mtls.generations']).toMatchObject({
      verdict: 'fail',
      reason: expect.stringMatching(
        /^the certificate of next over TLS 1\.2: refused in the handshake, 3 of 3 .*; the certificate of next over TLS 1\.3: /,
      ),
    });
  });

  it('a retired authority that is still trusted is found', async () => {
    await start('handshake');
    signer.setTls({ ca: both });
    const found = await checked({ generations: generations('AUTH_MTLS_REQUIRED', 'ACCEPTED') });
    expect(found['mtls.generations']).toMatchObject({
      verdict: 'fail',
      reason: expect.stringContaining('the certificate of current over TLS 1.3 was accepted'),
    });
  });

  it.each([
    ['handshake', 'both are accepted', 'both', ['ACCEPTED', 'ACCEPTED']],
    ['handshake', 'the current one is refused', 'next', ['AUTH_MTLS_REQUIRED', 'ACCEPTED']],
    ['app', 'the current one is refused', 'next', ['AUTH_MTLS_REQUIRED', 'ACCEPTED']],
  ] as const)('as they should be, by %s: %s', async (mtls, _, trusts, [first, second]) => {
    await start(mtls);
    signer.setTls({ ca: trusts === 'both' ? both : next.authority.cert });
    const found = await checked({ generations: generations(first, second) });
    expect(found['mtls.generations']?.verdict).toBe('pass');
  });

  it('a server that shows the certificate of the other generation is found', async () => {
    await start('app');
    const shown = new Map([['signer', { generation: 'next' as const, fingerprint: 'ab'.repeat(32) }]]);
    const found = await checked({ shown });
    expect(found['mtls.generations']).toMatchObject({
      verdict: 'fail',
      reason: expect.stringMatching(
        /^it shows the certificate [0-9a-f]{16} over TLS 1\.2, and not the one of next, abababababababab/,
      ),
    });
  });
});

describe('what is no failure', () => {
  it('a signer that offers one version of TLS: the other is said to be missing', async () => {
    await start('handshake', {}, { minVersion: 'TLSv1.3' });
    const found = await checked({ odd });
    expect(verdictsOf(found)).toEqual(SOUND);
    expect(found['mtls.generations']).toMatchObject({ verdict: 'pass', reason: 'it does not offer TLS 1.2' });
  });

  it('a signer that is down is unknown', async () => {
    await start('app');
    await signer.close();
    expect(new Set(Object.values(verdictsOf(await checked({ odd }))))).toEqual(new Set(['unknown']));
  });

  it('a signer that accepts nothing is unknown', async () => {
    await start('handshake');
    signer.setTls({ ca: next.authority.cert });
    const found = await checked({ odd });
    expect(new Set(Object.values(verdictsOf(found)))).toEqual(new Set(['unknown']));
  });
});
