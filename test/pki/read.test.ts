import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { RotctlError } from '../../src/errors/rotctl-error.ts';
import {
  type CertificateFault,
  type CertificateUse,
  certificateFacts,
  certificateFaults,
} from '../../src/pki/facts.ts';
import { type Issued, issueAuthority, issueClient, issueServer } from '../../src/pki/issue.ts';
import { pemOf, readBundle, readPrivateKey } from '../../src/pki/pem.ts';

const now = Date.now();
const DAY = 86_400_000;
let ca: Issued;
let other: Issued;
let server: Issued;
let client: Issued;

beforeAll(async () => {
  ca = await issueAuthority({ commonName: 'one', now, days: 30 });
  other = await issueAuthority({ commonName: 'two', now, days: 30 });
  server = await issueServer(ca, {
    commonName: 'signer-a',
    now,
    days: 30,
    dnsNames: ['a.internal'],
    ipv4: ['127.0.0.1'],
  });
  client = await issueClient(ca, { commonName: 'client-a', now, days: 30 });
});

describe('a bundle', () => {
  it.each<[string, () => string, number]>([
    ['one certificate', () => ca.cert, 1],
    ['two', () => ca.cert + other.cert, 2],
    [
      'comments, blank lines, CRLF',
      () => `# old\r\n\r\n${ca.cert.replaceAll('\n', '\r\n')}\r\n# new\r\n${other.cert}`,
      2,
    ],
  ])('of %s is read', (_name, text, count) => {
    expect(readBundle(text(), 'ca.pem').map(({ subject }) => subject)).toEqual(['CN=one', 'CN=two'].slice(0, count));
  });

  it.each<[string, () => string, RegExp]>([
    ['nothing', () => '', /at least one CERTIFICATE block, got none/],
    ['comments only', () => '# nothing here\n', /got none/],
    ['text only', () => 'hello', /got none/],
    ['a private key beside', () => ca.cert + ca.key, /only CERTIFICATE blocks, got a PRIVATE KEY block/],
    ['a torn second block', () => ca.cert + other.cert.slice(0, 200), /2 PEM blocks begin or end, 1 are whole/],
    ['a second block without its head', () => ca.cert + other.cert.slice(40), /2 PEM blocks begin or end, 1 are whole/],
    ['other text between', () => `${ca.cert}subject=x\n${other.cert}`, /got other text/],
    [
      'a block that is no certificate',
      () => ca.cert + pemOf('CERTIFICATE', Buffer.from('nonsense')),
      /certificate 2 does not parse/,
    ],
    [
      'bytes after a certificate',
      () => pemOf('CERTIFICATE', Buffer.concat([new X509Certificate(ca.cert).raw, Buffer.from('x')])),
      /bytes after its end|does not parse/,
    ],
    ['DER', () => new X509Certificate(ca.cert).raw.toString('latin1'), /got none/],
    ['too many', () => ca.cert.repeat(101), /may hold 100 certificates, got 101/],
  ])('with %s is refused', (_name, text, words) => {
    const error = thrown(() => readBundle(text(), 'ca.pem'));
    expect(error).toMatchObject({ code: 'INPUT_INVALID', position: 'ca.pem' });
    expect(error.message).toMatch(words);
    expect(error.message).not.toMatch(/[A-Za-z0-9+/]{40}/);
  });
});

describe('a private key', () => {
  it.each<[string, () => string]>([
    ['garbage', () => 'garbage'],
    ['a certificate', () => ca.cert],
    ['a torn key', () => ca.key.slice(0, 100)],
    [
      'an encrypted key',
      () => execFileSync('openssl', ['pkcs8', '-topk8', '-passout', 'pass:x'], { input: ca.key, encoding: 'utf8' }),
    ],
  ])('that is %s is refused, and the message holds nothing of it', (_name, text) => {
    const error = thrown(() => readPrivateKey(text(), 'tls.key'));
    expect(error).toMatchObject({ code: 'INPUT_INVALID', position: 'tls.key' });
    expect(error.message).toMatch(/^must be an unencrypted PEM private key, got \w+$/);
  });
});

describe('the facts of a certificate', () => {
  it('are read', () => {
    const whole = Math.floor(now / 1000) * 1000;
    expect(certificateFacts(new X509Certificate(server.cert))).toEqual({
      subject: 'CN=signer-a',
      issuer: 'CN=one',
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
      serial: expect.stringMatching(/^[0-9a-f]{32}$/),
      notBefore: Math.floor((now - 300_000) / 1000) * 1000,
      notAfter: whole + 30 * DAY,
      authority: false,
      purposes: ['server'],
      altNames: ['DNS:a.internal', 'IP Address:127.0.0.1'],
    });
    expect(certificateFacts(new X509Certificate(ca.cert))).toMatchObject({
      authority: true,
      purposes: ['server', 'client'],
      altNames: [],
    });
  });

  const use = { purpose: 'server', now, until: now } as const;
  it.each<[string, () => Issued, Partial<CertificateUse>, CertificateFault[]]>([
    ['nothing wrong', () => server, { serverName: 'a.internal' }, []],
    ['its address', () => server, { serverName: '127.0.0.1' }, []],
    ['a client as client', () => client, { purpose: 'client' }, []],
    ['before its time', () => server, { now: now - DAY }, ['not yet valid']],
    ['after its time', () => server, { now: now + 31 * DAY, until: now + 31 * DAY }, ['expired']],
    ['it ends during the rotation', () => server, { until: now + 31 * DAY }, ['expires too soon']],
    ['a client as server', () => client, {}, ['wrong purpose']],
    ['a server as client', () => server, { purpose: 'client' }, ['wrong purpose']],
    ['another name', () => server, { serverName: 'b.internal' }, ['name does not match']],
    [
      'its common name, which is no alternative name',
      () => server,
      { serverName: 'signer-a' },
      ['name does not match'],
    ],
    ['no alternative names', () => ca, {}, ['no subject alternative name']],
  ])('%s', (_name, issued, changed, faults) => {
    expect(certificateFaults(new X509Certificate(issued().cert), { ...use, ...changed })).toEqual(faults);
  });

  it('issuer and key', () => {
    const certificate = new X509Certificate(server.cert);
    const [one, two] = readBundle(ca.cert + other.cert, 'ca.pem').map((authority) => [authority]);
    expect(certificateFaults(certificate, { ...use, authorities: one ?? [], key: readPrivateKey(server.key) })).toEqual(
      [],
    );
    expect(certificateFaults(certificate, { ...use, authorities: two ?? [], key: readPrivateKey(client.key) })).toEqual(
      ['not issued by a trusted authority', 'key does not match'],
    );
  });
});

function thrown(act: () => unknown): RotctlError {
  try {
    act();
  } catch (error) {
    if (error instanceof RotctlError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
