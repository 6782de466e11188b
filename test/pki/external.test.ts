import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuthoritySource } from '../../src/fleet/certificates.ts';
import { type ExternalAuthority, externalAuthority } from '../../src/pki/external.ts';
import { makeKey } from '../../src/pki/keys.ts';
import { readBundle, readPrivateKey } from '../../src/pki/pem.ts';
import { makeRequest } from '../../src/pki/request.ts';
import { createCommands } from '../../src/system/commands.ts';
import { opensslVerify } from '../support/openssl-verify.ts';

const SCRIPT = new URL('../support/openssl-authority.sh', import.meta.url).pathname;
const NAMES = ['a.internal', '127.0.0.1'];
const commands = createCommands((text) => text);
let folder: string;
let key: string;
let request: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rotctl-authority-'));
  execFileSync(SCRIPT, [folder, 'make']);
  key = await makeKey();
  request = await makeRequest({ commonName: 'signer-a', names: NAMES, key });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The authority, with something that it does wrong. */
function reached(fault = '', deadlineMs = 20_000): Promise<ExternalAuthority> {
  const run = ['/usr/bin/env', `FAULT=${fault}`, SCRIPT, folder];
  const source: Extract<AuthoritySource, { from: 'command' }> = {
    from: 'command',
    trust: [...run, 'trust'],
    issue: [...run, 'issue', '{purpose}', '{name}'],
    key: 'P-256',
    pass: [],
    deadlineMs,
  };
  return externalAuthority(source, { commands, cwd: folder, now: Date.now() });
}

const wish = { purpose: 'server', names: NAMES, commonName: 'signer-a', name: 'signer-a' } as const;

describe('an authority by command', () => {
  it('gives its root, and chains for requests that openssl verifies strictly', async () => {
    const authority = await reached();
    expect(authority.trust).toBe(readFileSync(join(folder, 'root.pem'), 'utf8'));
    for (const purpose of ['server', 'client'] as const) {
      const chain = await authority.issue(request, { ...wish, purpose });
      const [leaf, ...more] = readBundle(chain, 'chain');
      expect(leaf?.checkPrivateKey(readPrivateKey(key))).toBe(true);
      expect(more.map(({ subject }) => subject)).toEqual(['CN=middle']);
      const words = await opensslVerify({ chain, trust: authority.trust, purpose: `ssl${purpose}` });
      expect(words).toMatch(/: OK\n$/);
    }
  });

  it('may print its root at the end of a chain, which is left out', async () => {
    const chain = await (await reached('with-root')).issue(request, wish);
    expect(readBundle(chain, 'chain').map(({ subject }) => subject)).toEqual(['CN=signer-a', 'CN=middle']);
  });

  it.each([
    ['trust-empty', /authority\.trust \(\/usr\/bin\/env\) printed something else than certificates in PEM: .*got none/],
    ['trust-middle', /CN=middle \([0-9a-f]{16}\) is no root/],
    ['trust-text', /got other text/],
    ['trust-key', /got a PRIVATE KEY block/],
    ['trust-torn', /1 PEM blocks begin or end, 0 are whole/],
    ['trust-fails', /authority\.trust \(\/usr\/bin\/env\): exit 3: the token is not plugged in/],
    ['trust-leaf', /CN=leaf \([0-9a-f]{16}\) is not an authority’s certificate/],
  ])('of which the roots are asked is refused for %s', async (fault, words) => {
    await expect(reached(fault)).rejects.toMatchObject({
      code: 'CERTIFICATE_UNAVAILABLE',
      message: expect.stringMatching(words),
    });
  });

  it('that hangs is given up at its deadline', async () => {
    await expect(reached('trust-hangs', 300)).rejects.toMatchObject({
      code: 'CERTIFICATE_UNAVAILABLE',
      message: expect.stringMatching(/killed by SIG\w+ after \d+ ms/),
    });
  });

  it.each([
    ['other-ca', /was issued by CN=other, which is neither in it nor trusted there/],
    ['other-key', /CN=signer-a \([0-9a-f]{16}\), does not have the key of the request/],
    ['wrong-purpose', /is for clients only: its extended key usage lacks serverAuth/],
    ['no-names', /has no subject alternative name, and not for a\.internal, 127\.0\.0\.1/],
    ['expired', /CN=signer-a \([0-9a-f]{16}\) expired on/],
    ['no-middle', /it has its own certificate alone, and CN=signer-a .* was issued by CN=middle/],
    ['wrong-order', /CN=middle \([0-9a-f]{16}\), does not have the key of the request/],
    ['with-text', /got other text/],
    ['prompts', /got other text/],
    ['with-key', /got a PRIVATE KEY block/],
    ['says-csr', /got a CERTIFICATE REQUEST block/],
    ['torn', /1 PEM blocks begin or end, 0 are whole/],
    ['empty', /got none/],
  ])('whose chain is wrong is refused for %s, and the message holds no key', async (fault, words) => {
    const authority = await reached(fault);
    const refused = await authority.issue(request, wish).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'CERTIFICATE_UNAVAILABLE', message: expect.stringMatching(words) });
    expect(String(refused)).not.toMatch(/[A-Za-z0-9+/]{40}/);
  });

  it('gets the name of the party and the purpose as words of their own', async () => {
    const source: Extract<AuthoritySource, { from: 'command' }> = {
      ...{ from: 'command', key: 'P-256', pass: [], deadlineMs: 20_000 },
      trust: [SCRIPT, folder, 'trust'],
      issue: ['/bin/sh', '-c', 'echo "[$*]" >&2; exit 4', 'sh', 'for {name}; true', '{purpose}'],
    };
    const authority = await externalAuthority(source, { commands, cwd: folder, now: Date.now() });
    await expect(authority.issue(request, { ...wish, name: 'a b' })).rejects.toThrow(
      /exit 4: \[for a b; true server\]/,
    );
    expect(new X509Certificate(authority.trust).subject).toBe('CN=root');
  });
});
