import { createPrivateKey, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { reveal, Secret } from '../../src/credential/secret.ts';
import { type Issued, issueAuthority } from '../../src/pki/issue.ts';
import { type OddIdentity, oddIdentities } from '../../src/pki/odd.ts';
import { opensslVerify } from '../support/openssl-verify.ts';

const now = Date.now();
let ca: Issued;
let odd: readonly OddIdentity[];

beforeAll(async () => {
  ca = await issueAuthority({ commonName: 'test CA', now, days: 30 });
  const authority = { cert: ca.cert, key: Secret.fromText(ca.key) };
  odd = await oddIdentities({ authority, commonName: 'rotctl', now });
});

describe('an odd client certificate', () => {
  it.each([
    ['unknown CA', /unable to get local issuer certificate|certificate signature failure/],
    ['expired', /certificate has expired/],
    ['wrong purpose', /unsuitable certificate purpose/],
    ['not yet valid', /certificate is not yet valid/],
  ])('(%s) is refused by openssl for that reason alone, and has its key', async (name, words) => {
    const { chain = '', key } = odd.find((one) => one.name === name) ?? {};
    const said = await opensslVerify({ chain, trust: ca.cert, purpose: 'sslclient' });
    expect(said.match(/^error \d+ at .*$/gm)).toEqual([expect.stringMatching(words)]);
    const leaf = new X509Certificate(chain);
    expect([leaf.subject, leaf.issuer]).toEqual(['CN=rotctl', 'CN=test CA']);
    expect(key !== undefined && leaf.checkPrivateKey(createPrivateKey(reveal(key)))).toBe(true);
  });

  it('is of an unknown authority only, where the key of the trusted one is not at hand', async () => {
    for (const authority of [undefined, { cert: ca.cert, key: undefined }]) {
      const few = await oddIdentities({ authority, commonName: 'rotctl', now });
      expect(few.map(({ name }) => name)).toEqual(['unknown CA']);
    }
  });
});
