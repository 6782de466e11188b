import { execFileSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KeyKind } from '../../src/fleet/certificates.ts';
import { namesOf } from '../../src/pki/alt-names.ts';
import { certificateFacts } from '../../src/pki/facts.ts';
import { type Issued, issueAuthority, issueFromRequest, issueIntermediate } from '../../src/pki/issue.ts';
import { makeKey } from '../../src/pki/keys.ts';
import { pemOf, readBundle } from '../../src/pki/pem.ts';
import { makeRequest, readRequest } from '../../src/pki/request.ts';
import { issueWithOpenssl } from '../support/openssl.ts';
import { opensslVerify } from '../support/openssl-verify.ts';

const now = Date.now();
const wish = { now, days: 30 };
const KINDS: readonly KeyKind[] = ['P-256', 'P-384', 'RSA-2048', 'RSA-3072', 'RSA-4096'];
const NAMES = ['a.internal', '*.shared.internal', '127.0.0.1', '::1', '2001:db8::a:1', '::ffff:10.0.0.1'];
let folder: string;
let ca: Issued;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pki-'));
  ca = await issueAuthority({ commonName: 'test CA', ...wish });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function openssl(words: readonly string[], input = ''): string {
  return execFileSync('openssl', words, { cwd: folder, input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });
}

/** A request that OpenSSL makes, of any key. */
function opensslRequest(key: string, ...more: readonly string[]): string {
  writeFileSync(join(folder, 'x.key'), key);
  return openssl(['req', '-new', '-key', 'x.key', '-subj', '/O=example/CN=asked', ...more]);
}

describe.each(KINDS)('with keys of %s', (kind) => {
  it('requests and certificates are made that openssl verifies strictly', async () => {
    const authority = await issueAuthority({ commonName: `${kind} CA`, ...wish, key: kind });
    const key = await makeKey(kind);
    const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(key);
    expect([asymmetricKeyType, asymmetricKeyDetails?.namedCurve ?? asymmetricKeyDetails?.modulusLength]).toEqual(
      { 'P-256': ['ec', 'prime256v1'], 'P-384': ['ec', 'secp384r1'] }[kind as string] ?? [
        'rsa',
        Number(kind.slice('RSA-'.length)),
      ],
    );
    const request = await makeRequest({ commonName: 'signer-a', names: NAMES, key });
    expect(openssl(['req', '-verify', '-noout', '-text'], request)).toMatch(
      /DNS:a\.internal, DNS:\*\.shared\.internal, IP Address:127\.0\.0\.1, IP Address:0:0:0:0:0:0:0:1, IP Address:2001:DB8:0:0:0:0:A:1, IP Address:0:0:0:0:0:FFFF:A00:1/,
    );
    expect((await readRequest(request)).key.equals(createPublicKey(createPrivateKey(key)))).toBe(true);
    for (const purpose of ['server', 'client'] as const) {
      const chain = await issueFromRequest(authority, request, { purpose, names: NAMES, ...wish });
      const asked = { chain, trust: authority.cert } as const;
      expect(await opensslVerify({ ...asked, purpose: `ssl${purpose}` })).toMatch(/: OK\n$/);
      expect(await opensslVerify({ ...asked, purpose: purpose === 'server' ? 'sslclient' : 'sslserver' })).toMatch(
        /unsuitable certificate purpose/,
      );
    }
  });
});

describe('a request of ours', () => {
  it.each([
    ['a port', ['a.internal:443']],
    ['a URL', ['https://a.internal']],
    ['nothing', ['']],
    ['a zone', ['fe80::1%eth0']],
    ['a space', ['a b']],
  ])('refuses a name with %s', async (_name, names) => {
    const key = await makeKey();
    await expect(makeRequest({ commonName: 'x', names, key })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  it.each([
    ['empty', ''],
    ['longer than 64 characters', 'x'.repeat(65)],
    ['of two lines', 'a\nb'],
  ])('refuses a common name that is %s', async (_name, commonName) => {
    const key = await makeKey();
    await expect(makeRequest({ commonName, names: [], key })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});

describe('a certificate for a request', () => {
  it('has the key of the request, and our names and purpose, whatever the request asks for', async () => {
    const key = openssl(['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']);
    const asks = [
      'subjectAltName=DNS:evil.internal',
      'basicConstraints=critical,CA:TRUE',
      'extendedKeyUsage=codeSigning',
    ];
    const request = opensslRequest(key, ...asks.flatMap((one) => ['-addext', one]));
    const cert = await issueFromRequest(ca, request, { purpose: 'server', names: NAMES, ...wish });
    const leaf = new X509Certificate(cert);
    expect(leaf.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(certificateFacts(leaf)).toMatchObject({
      subject: 'CN=asked',
      authority: false,
      purposes: ['server'],
      altNames: [
        'DNS:a.internal',
        'DNS:*.shared.internal',
        'IP Address:127.0.0.1',
        'IP Address:0:0:0:0:0:0:0:1',
        'IP Address:2001:DB8:0:0:0:0:A:1',
        'IP Address:0:0:0:0:0:FFFF:A00:1',
      ],
    });
    expect(await opensslVerify({ chain: cert, trust: ca.cert, purpose: 'sslserver' })).toMatch(/: OK\n$/);
    const ip = ['-verify_ip', '2001:db8::a:1'];
    expect(await opensslVerify({ chain: cert, trust: ca.cert, purpose: 'sslserver', more: ip })).toMatch(/: OK\n$/);
  });

  it('of a client is for its common name, where nothing else is given', async () => {
    const key = await makeKey();
    const request = await makeRequest({ commonName: 'asked', names: [], key });
    const named = await issueFromRequest(ca, request, {
      purpose: 'client',
      names: [],
      commonName: 'client-a',
      ...wish,
    });
    expect(certificateFacts(new X509Certificate(named))).toMatchObject({
      subject: 'CN=client-a',
      altNames: ['DNS:client-a'],
    });
    const spaced = await issueFromRequest(ca, request, {
      purpose: 'client',
      names: [],
      commonName: 'Client A',
      ...wish,
    });
    expect(certificateFacts(new X509Certificate(spaced))).toMatchObject({ subject: 'CN=Client A', altNames: [] });
    for (const chain of [named, spaced]) {
      expect(await opensslVerify({ chain, trust: ca.cert, purpose: 'sslclient' })).toMatch(/: OK\n$/);
    }
  });

  it('keeps by what its present certificate is known, with another common name', async () => {
    const asked = {
      name: 'old/O=example/OU=pay',
      extensions: ['subjectAltName=DNS:old,URI:spiffe://example/pay,IP:::1'],
    };
    const present = issueWithOpenssl(asked);
    const leaf = { purpose: 'client', names: ['new'], commonName: 'new', like: present.cert, ...wish } as const;
    const key = await makeKey();
    const request = await makeRequest({ commonName: 'new', names: ['new'], like: present.cert, key });
    expect(openssl(['req', '-noout', '-text'], request)).toMatch(
      /CN = new, O = example, OU = pay\n[\s\S]*DNS:new, URI:spiffe/,
    );
    const chain = await issueFromRequest(ca, request, leaf);
    const [made] = readBundle(chain, 'chain');
    expect(made?.subject.split('\n')).toEqual(['CN=new', 'O=example', 'OU=pay']);
    expect(made?.subjectAltName).toBe('DNS:new, URI:spiffe://example/pay');
    expect(await opensslVerify({ chain, trust: ca.cert, purpose: 'sslclient' })).toMatch(/: OK\n$/);
    expect(namesOf(new X509Certificate(present.cert))).toEqual(['old', '0:0:0:0:0:0:0:1']);
  });

  it('under an intermediate comes with it, and without the root', async () => {
    const root = await issueAuthority({ commonName: 'root', ...wish, pathLength: 1 });
    const middle = await issueIntermediate(root, { commonName: 'middle', ...wish });
    const request = await makeRequest({ commonName: 'signer-a', names: [], key: await makeKey('RSA-2048') });
    const chain = await issueFromRequest(middle, request, { purpose: 'server', names: ['a.internal'], ...wish });
    expect(readBundle(chain, 'chain').map(({ subject }) => subject)).toEqual(['CN=signer-a', 'CN=middle']);
    expect(await opensslVerify({ chain, trust: root.cert, purpose: 'sslserver' })).toMatch(/: OK\n$/);
    const [leaf = ''] = chain.split(/(?<=-----END CERTIFICATE-----\n)/);
    expect(await opensslVerify({ chain: leaf, trust: root.cert, purpose: 'sslserver' })).toMatch(/unable to get local/);
  });

  it.each<[string, () => string | Promise<string>, RegExp]>([
    ['nothing', () => '', /must be one CERTIFICATE REQUEST block/],
    ['a certificate', () => ca.cert, /must be one CERTIFICATE REQUEST block/],
    ['two', async () => (await request()).repeat(2), /must be one CERTIFICATE REQUEST block/],
    ['text before', async () => `Certificate Request:\n${await request()}`, /must be one CERTIFICATE REQUEST block/],
    ['torn', async () => (await request()).slice(0, 200), /must be one CERTIFICATE REQUEST block/],
    ['no DER', () => pemOf('CERTIFICATE REQUEST', Buffer.from('nonsense')), /does not parse/],
    [
      'bytes after it',
      async () => pemOf('CERTIFICATE REQUEST', Buffer.concat([await der(), Buffer.from('x')])),
      /does not parse/,
    ],
    [
      'another signature',
      async () => pemOf('CERTIFICATE REQUEST', spoilt(await der())),
      /is not signed with its own key/,
    ],
    ['RSA of 1024 bits', () => opensslRequest(openssl(['genrsa', '1024'])), /its key has 1024 bits/],
    ['Ed25519', () => opensslRequest(openssl(['genpkey', '-algorithm', 'ED25519'])), /its key is of the kind ed25519/],
    [
      'an odd curve',
      () => opensslRequest(openssl(['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:secp256k1'])),
      /its key is on the curve secp256k1/,
    ],
  ])('is refused for %s', async (_name, text, words) => {
    const made = issueFromRequest(ca, await text(), { purpose: 'client', names: [], commonName: 'x', ...wish });
    await expect(made).rejects.toMatchObject({ code: 'INPUT_INVALID', message: expect.stringMatching(words) });
  });

  it.each(['P-521', 'P-384'])('is given for a key on %s', async (curve) => {
    const key = openssl(['genpkey', '-algorithm', 'EC', '-pkeyopt', `ec_paramgen_curve:${curve}`]);
    const chain = await issueFromRequest(ca, opensslRequest(key), { purpose: 'client', names: [], ...wish });
    expect(await opensslVerify({ chain, trust: ca.cert, purpose: 'sslclient' })).toMatch(/: OK\n$/);
  });
});

async function request(): Promise<string> {
  return makeRequest({ commonName: 'signer-a', names: ['a.internal'], key: await makeKey() });
}

async function der(): Promise<Buffer> {
  return Buffer.from((await request()).replace(/-----.*-----/g, ''), 'base64');
}

/** The last byte is of the signature. */
function spoilt(bytes: Buffer): Buffer {
  const end = bytes.length - 1;
  bytes.writeUInt8(bytes.readUInt8(end) ^ 1, end);
  return bytes;
}
