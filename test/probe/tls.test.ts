import { createPrivateKey } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createServer as createTcp } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Endpoint } from '../../src/fleet/fleet.ts';
import { type Issued, issueAuthority, issueClient, issueServer } from '../../src/pki/issue.ts';
import { certificatesIn, type TlsReading } from '../../src/pki/tls-files.ts';
import type { CheckContext } from '../../src/probe/checks/check.ts';
import { runChecks } from '../../src/probe/checks/run-checks.ts';
import { TLS_CHECKS } from '../../src/probe/checks/tls.ts';
import { explaining } from '../../src/probe/explain.ts';
import type { Finding } from '../../src/probe/finding.ts';
import type { Transport } from '../../src/probe/ports.ts';
import { systemClock } from '../../src/system/clock.ts';
import { createHandshakes } from '../../src/system/handshake.ts';
import { createTransport } from '../../src/system/transport.ts';
import { issueWithOpenssl } from '../support/openssl.ts';
import { asReplica, PROBE } from './harness.ts';

const now = Date.now();
const DAY = 86_400_000;
const NAME = 'signer.test.internal';
const SOUND = { commonName: NAME, now, days: 30, dnsNames: [NAME], ipv4: [] };

let ca: Issued;
let other: Issued;
let server: Issued;
let client: Issued;
const open: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  ca = await issueAuthority({ commonName: 'fleet ca', now, days: 60 });
  other = await issueAuthority({ commonName: 'other ca', now, days: 60 });
  server = await issueServer(ca, SOUND);
  client = await issueClient(ca, { commonName: 'rotctl', now, days: 30 });
});
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

interface Material {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

function reading({ ca: bundle = ca.cert, cert = client.cert, key = client.key }: Material): TlsReading {
  return {
    ca: certificatesIn(bundle, 'ca.pem', 'bundle'),
    cert: certificatesIn(cert, 'rotctl.pem', 'chain'),
    key: { file: 'rotctl.key', key: createPrivateKey(key), problem: undefined },
  };
}

async function serving(options: TlsOptions): Promise<Endpoint> {
  const made: Server = createServer({ ...options, requestCert: true }, (_request, response) => response.end('{}'));
  made.on('tlsClientError', () => {});
  return listening(made);
}

async function listening(made: Server | ReturnType<typeof createTcp>): Promise<Endpoint> {
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  open.push(async () => made.close());
  const { port } = made.address() as AddressInfo;
  return { url: new URL(`https://127.0.0.1:${port}`), serverName: NAME };
}

function contextOf(files: TlsReading, endpoint: Endpoint, until: number): CheckContext {
  const policy = { minOverlapMs: until, soakMs: 0 } as NonNullable<CheckContext['fleet']['policy']>;
  const nothing = { clients: [], vectors: undefined, burned: [], owed: [], patienceMs: 0 };
  return {
    ...nothing,
    clock: systemClock,
    random: { hex: () => '' },
    // Nothing is sent by these checks.
    prober: undefined as unknown as CheckContext['prober'],
    fleet: {
      replicas: [asReplica({ name: 'signer-a', ...endpoint })],
      balancer: undefined,
      tls: { ca: 'ca.pem', cert: 'rotctl.pem', key: 'rotctl.key', required: true },
      replay: { maxAgeMs: 1, nonceTtlMs: 1, clockErrorMs: 0, storeTimeoutMs: 0 },
      probe: PROBE,
      policy,
    },
    tls: { files, handshakes: createHandshakes({ ca: files.ca?.certificates.map(String).join('') || ca.cert }) },
  };
}

async function checked(
  material: Material = {},
  served: TlsOptions = server,
  untilMs = 0,
): Promise<Record<string, Finding>> {
  const findings = await runChecks(TLS_CHECKS, contextOf(reading(material), await serving(served), untilMs));
  return Object.fromEntries(findings.map((finding) => [finding.id, finding]));
}

describe('certificates', () => {
  it('that are in order pass, and say how long they hold', async () => {
    const found = await checked();
    expect(Object.values(found).map(({ verdict }) => verdict)).toEqual(['pass', 'pass', 'pass']);
    expect(found['tls.server-certificate']?.seen).toMatch(/^in force until 20.*Z \(29 days\)$/);
  });

  const authorityRows: [string, () => Material, RegExp][] = [
    ['an empty file', () => ({ ca: '' }), /^tls\.ca is empty/],
    ['no PEM', () => ({ ca: 'MIIB' }), /^tls\.ca holds no PEM block/],
    [
      'a torn second block',
      () => ({ ca: ca.cert + other.cert.slice(0, 300) }),
      /^tls\.ca is torn: 2 PEM blocks begin, 1 are whole, 1 certificates parse/,
    ],
    [
      'a block that does not parse',
      () => ({ ca: ca.cert + other.cert.replace(/^M.{12}/m, 'AAAAAAAAAAAAA') }),
      /^tls\.ca holds 2 certificates, of which 1 parse/,
    ],
    ['a private key', () => ({ ca: ca.cert + ca.key }), /^tls\.ca holds a private key/],
    [
      'a certificate that is no authority',
      () => ({ ca: server.cert }),
      /^CN=signer\.test\.internal is not an authority's certificate/,
    ],
  ];
  it.each(authorityRows)('a bundle with %s', async (_, material, reason) => {
    const found = await checked(material());
    expect(found['tls.authorities']).toMatchObject({ verdict: 'fail', reason: expect.stringMatching(reason) });
  });

  it('a bundle whose only authority is over fails, beside one in force it is a remark', async () => {
    const over = await issueAuthority({ commonName: 'old ca', now: now - 10 * DAY, days: 1 });
    expect((await checked({ ca: over.cert }))['tls.authorities']).toMatchObject({
      verdict: 'fail',
      reason: expect.stringMatching(/^CN=old ca expired on/),
    });
    expect((await checked({ ca: over.cert + ca.cert }))['tls.authorities']).toMatchObject({
      verdict: 'pass',
      reason: expect.stringMatching(/^CN=old ca expired on/),
    });
  });

  it.each([
    ['without key identifiers', ['subjectKeyIdentifier=none'], 'fail'],
    ['with them', ['subjectKeyIdentifier=hash'], 'pass'],
  ])('two authorities of one name %s', (_, identifier, verdict) => {
    const extensions = ['basicConstraints=critical,CA:TRUE', 'authorityKeyIdentifier=none', ...identifier];
    const [one, two] = [issueWithOpenssl({ name: 'twin', extensions }), issueWithOpenssl({ name: 'twin', extensions })];
    return checked({ ca: one.cert + two.cert }).then((found) => {
      expect(found['tls.authorities']?.verdict).toBe(verdict);
      if (verdict === 'fail') expect(found['tls.authorities']?.reason).toContain('2 authorities of the name CN=twin');
    });
  });

  const clientRows: [string, () => Promise<Material>, RegExp][] = [
    [
      'that is over',
      async () => issueClient(ca, { commonName: 'rotctl', now: now - 10 * DAY, days: 1 }),
      /^our certificate CN=rotctl expired on 20/,
    ],
    [
      'that is not in force yet',
      async () => issueClient(ca, { commonName: 'rotctl', now: now + 10 * DAY, days: 20 }),
      /^our certificate CN=rotctl is not valid before 20/,
    ],
    ['for servers', async () => server, /is not for clients: its extended key usage lacks clientAuth$/],
    [
      'with the key of another',
      async () => ({ cert: client.cert, key: server.key }),
      /^tls\.key is not the key of the certificate in tls\.cert \(CN=rotctl\)$/,
    ],
    ['in a torn file', async () => ({ cert: client.cert.slice(0, 200), key: client.key }), /^tls\.cert is torn/],
  ];
  it.each(clientRows)('a client certificate %s', async (_, material, reason) => {
    const found = await checked(await material());
    expect(found['tls.client-certificate']).toMatchObject({ verdict: 'fail', reason: expect.stringMatching(reason) });
  });

  const serverRows: [string, () => Promise<TlsOptions>, RegExp][] = [
    [
      'is over',
      async () => issueServer(ca, { ...SOUND, now: now - 10 * DAY, days: 1 }),
      /^its certificate CN=signer\.test\.internal expired on 20/,
    ],
    ['is not in force yet', async () => issueServer(ca, { ...SOUND, now: now + 10 * DAY }), /is not valid before 20/],
    [
      'is for another name',
      async () => issueServer(ca, { ...SOUND, dnsNames: ['else.internal'] }),
      /is for DNS:else\.internal, and not for signer\.test\.internal$/,
    ],
    [
      'is for clients',
      async () => issueClient(ca, { commonName: NAME, now, days: 30 }),
      /is not for servers: its extended key usage lacks serverAuth/,
    ],
    [
      'has no alternative name',
      async () => issueWithOpenssl({ name: NAME, by: ca, extensions: ['extendedKeyUsage=serverAuth'] }),
      /has no subject alternative name/,
    ],
    [
      'is from an unknown authority',
      async () => issueServer(other, SOUND),
      /nobody knows their issuer CN=other ca.*tls\.ca \(which has CN=fleet ca\) lacks its authority/,
    ],
    [
      'is signed by itself',
      async () => issueWithOpenssl({ name: NAME, extensions: [`subjectAltName=DNS:${NAME}`] }),
      /^its authority CN=signer\.test\.internal is not in tls\.ca, which has CN=fleet ca \(DEPTH_ZERO_SELF_SIGNED_CERT\)/,
    ],
  ];
  it.each(serverRows)('a server whose certificate %s', async (_, served, reason) => {
    const found = await checked({}, await served());
    expect(found['tls.server-certificate']).toMatchObject({
      verdict: 'fail',
      target: 'signer-a',
      reason: expect.stringMatching(reason),
    });
  });

  it('a server that leaves its intermediate out, and one that sends it', async () => {
    const root = issueWithOpenssl({
      name: 'root',
      extensions: ['basicConstraints=critical,CA:TRUE', 'subjectKeyIdentifier=hash'],
    });
    const middle = issueWithOpenssl({ name: 'middle', by: root, extensions: ['basicConstraints=critical,CA:TRUE'] });
    const leaf = issueWithOpenssl({
      name: NAME,
      by: middle,
      extensions: [`subjectAltName=DNS:${NAME}`, 'extendedKeyUsage=serverAuth'],
    });
    const short = await checked({ ca: root.cert }, leaf);
    expect(short['tls.server-certificate']?.reason).toMatch(
      /^it sends its own certificate alone, and nobody knows their issuer CN=middle: an intermediate certificate is missing/,
    );
    const whole = await checked({ ca: root.cert }, { ...leaf, cert: leaf.cert + middle.cert });
    expect(whole['tls.server-certificate']).toMatchObject({ verdict: 'pass' });
  });

  it('that expire before a rotation can be over fail, each', async () => {
    const found = await checked({}, server, 90 * DAY);
    expect(
      Object.values(found).map(({ verdict, reason }) => [
        verdict,
        /expires on .* before a rotation that begins now can be over/.test(reason ?? ''),
      ]),
    ).toEqual(Array(3).fill(['fail', true]));
  });
});

describe('a connection that fails', () => {
  const REQUEST = { method: 'POST', path: '/', headers: {}, body: undefined };
  const OPTIONS = { fresh: true, certificate: true, deadlineMs: 2000, maxBytes: 1024 };

  function connecting(material: { ca: string; cert?: string; key?: string }): Transport {
    const transport = createTransport(material);
    open.push(() => transport.close());
    const none = { ca: certificatesIn(material.ca, 'ca.pem', 'bundle'), cert: undefined, key: undefined };
    const files = material.cert === undefined ? none : reading(material);
    return explaining(transport, files, systemClock);
  }

  async function detail(transport: Transport, to: Endpoint): Promise<string> {
    const exchange = await transport.send(to, REQUEST, OPTIONS);
    return exchange.kind === 'fault' ? `${exchange.code}: ${exchange.detail}` : `answer ${exchange.status}`;
  }

  describe.each(['TLSv1.2', 'TLSv1.3'] as const)('over %s', (version) => {
    const strict = (): TlsOptions => ({
      ...server,
      ca: ca.cert,
      rejectUnauthorized: true,
      minVersion: version,
      maxVersion: version,
    });
    const rows: [string, () => Promise<{ ca: string; cert?: string; key?: string }>, RegExp][] = [
      [
        'for a certificate that is over',
        async () => ({
          ca: ca.cert,
          ...(await issueClient(ca, { commonName: 'rotctl', now: now - 10 * DAY, days: 1 })),
        }),
        /: our certificate CN=rotctl expired on/,
      ],
      ['for one of the wrong purpose', async () => ({ ca: ca.cert, ...server }), /lacks clientAuth/],
      [
        'for one of an unknown authority',
        async () => ({ ca: ca.cert, ...(await issueClient(other, { commonName: 'rotctl', now, days: 1 })) }),
        /: our certificate is from CN=other ca, which is not in tls\.ca: the server may not know that authority/,
      ],
      ['for want of one', async () => ({ ca: ca.cert }), /CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|ECONNRESET/],
    ];
    it.each(rows)('says the cause: refused %s', async (_, material, expected) => {
      expect(await detail(connecting(await material()), await serving(strict()))).toMatch(expected);
    });
  });

  it('to what speaks no TLS asks for the scheme or port, and so does http to what does', async () => {
    const plain = await listening(
      createTcp((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    );
    expect(await detail(connecting({ ca: ca.cert }), plain)).toMatch(
      /no TLS is spoken there; does it speak http\? \(scheme or port\)/,
    );
    const secure = await serving(server);
    const http = { ...secure, url: new URL(`http://${secure.url.host}`) };
    expect(await detail(connecting({ ca: ca.cert }), http)).toMatch(/does it speak https\? \(scheme or port\)/);
  });

  it.each<[string, () => Promise<TlsOptions>, RegExp]>([
    ['is for clients', async () => client, /^INVALID_PURPOSE: its certificate is not for servers/],
    [
      'is of another authority',
      () => issueServer(other, { commonName: 'signer', now, days: 1, dnsNames: ['signer'], ipv4: ['127.0.0.1'] }),
      /: its certificate is of an authority that we do not trust/,
    ],
  ])('to a server whose certificate %s says so', async (_, shown, expected) => {
    expect(await detail(connecting({ ca: ca.cert, ...client }), await serving(await shown()))).toMatch(expected);
  });

  it('a bare reset with everything of ours in order says no more than that', async () => {
    const resets = await listening(createTcp((socket) => socket.on('error', () => {}).resetAndDestroy()));
    expect(await detail(connecting({ ca: ca.cert, ...client }), resets)).toMatch(/^ECONNRESET: (?!our)/);
  });
});
