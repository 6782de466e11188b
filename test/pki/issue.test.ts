import { execFile } from 'node:child_process';
import { randomBytes, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certificateFacts } from '../../src/pki/facts.ts';
import { type Issued, issueAuthority, issueClient, issueServer } from '../../src/pki/issue.ts';
import { readPrivateKey } from '../../src/pki/pem.ts';

const now = Date.now();
const wish = { now, days: 30 };
let folder: string;
let ca: Issued;
let server: Issued;
let client: Issued;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pki-'));
  ca = await issueAuthority({ commonName: 'test CA', ...wish });
  server = await issueServer(ca, {
    commonName: 'signer-a',
    ...wish,
    dnsNames: ['a.internal', 'shared.internal'],
    ipv4: ['127.0.0.1'],
  });
  client = await issueClient(ca, { commonName: 'client-a', ...wish });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** `openssl verify -x509_strict`: the words of an independent judge. */
async function openssl(purpose: string, cert: string, anchor: string, ...more: string[]): Promise<string> {
  const file = (text: string): string => {
    const path = join(folder, randomBytes(8).toString('hex'));
    writeFileSync(path, text);
    return path;
  };
  const args = ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', file(anchor), ...more, file(cert)];
  const { stdout, stderr } = await promisify(execFile)('openssl', args).catch(
    (error: { stdout: string; stderr: string }) => error,
  );
  return stdout + stderr;
}

describe('openssl verify -x509_strict', () => {
  it('takes both kinds of leaf, each for its own purpose only', async () => {
    expect(await openssl('sslserver', server.cert, ca.cert)).toMatch(/: OK\n$/);
    expect(await openssl('sslclient', client.cert, ca.cert)).toMatch(/: OK\n$/);
    expect(await openssl('sslclient', server.cert, ca.cert)).toMatch(/unsuitable certificate purpose/);
    expect(await openssl('sslserver', client.cert, ca.cert)).toMatch(/unsuitable certificate purpose/);
  });

  it('checks names and addresses', async () => {
    for (const name of ['a.internal', 'shared.internal']) {
      expect(await openssl('sslserver', server.cert, ca.cert, '-verify_hostname', name)).toMatch(/: OK\n$/);
    }
    expect(await openssl('sslserver', server.cert, ca.cert, '-verify_ip', '127.0.0.1')).toMatch(/: OK\n$/);
    expect(await openssl('sslserver', server.cert, ca.cert, '-verify_hostname', 'b.internal')).toMatch(
      /hostname mismatch/i,
    );
    expect(await openssl('sslserver', server.cert, ca.cert, '-verify_ip', '127.0.0.2')).toMatch(/IP address mismatch/i);
  });

  it('refuses under another authority, even one of the same name', async () => {
    const other = await issueAuthority({ commonName: 'test CA', ...wish });
    expect(await openssl('sslserver', server.cert, other.cert)).toMatch(/unable to get local issuer certificate/);
  });

  it('finds the leaf’s own issuer among two authorities of the same name', async () => {
    const other = await issueAuthority({ commonName: 'test CA', ...wish });
    expect(await openssl('sslserver', server.cert, other.cert + ca.cert)).toMatch(/: OK\n$/);
  });

  it('refuses a leaf as an issuer', async () => {
    const below = await issueClient(client, { commonName: 'below', ...wish });
    expect(await openssl('sslclient', below.cert, ca.cert + client.cert)).toMatch(/invalid CA certificate/);
  });
});

describe('what is issued', () => {
  it.each([
    ['six minutes before: not yet', -6 * 60_000, /not yet valid/],
    ['four minutes before: backdated by five', -4 * 60_000, /: OK\n$/],
    ['a minute before its end', 30 * 86_400_000 - 60_000, /: OK\n$/],
    ['a minute after its end', 30 * 86_400_000 + 60_000, /expired/],
  ])('is valid %s', async (_name, shift, words) => {
    expect(
      await openssl('sslserver', server.cert, ca.cert, '-attime', String(Math.floor((now + shift) / 1000))),
    ).toMatch(words);
  });

  it('may end after 2050', async () => {
    const late = await issueAuthority({ commonName: 'late', now, days: 365 * 40 });
    expect(certificateFacts(new X509Certificate(late.cert)).notAfter).toBe(
      Math.floor(now / 1000) * 1000 + 365 * 40 * 86_400_000,
    );
    expect(await openssl('any', late.cert, late.cert)).toMatch(/: OK\n$/);
  });

  it('has a key of its own that matches, on P-256', () => {
    for (const { cert, key } of [ca, server, client]) {
      expect(new X509Certificate(cert).checkPrivateKey(readPrivateKey(key))).toBe(true);
      expect(readPrivateKey(key).asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    }
    expect(new X509Certificate(server.cert).checkPrivateKey(readPrivateKey(client.key))).toBe(false);
  });

  it('has serial numbers of 128 bits, all different', async () => {
    const more = await Promise.all(Array.from({ length: 20 }, () => issueClient(ca, { commonName: 'x', ...wish })));
    const serials = more.map(({ cert }) => new X509Certificate(cert).serialNumber);
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
    expect(new Set(serials).size).toBe(20);
  });
});
