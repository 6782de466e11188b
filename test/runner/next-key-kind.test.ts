import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import type { CertificateDriver, RequestWish } from '../../src/deploy/certificates.ts';
import type { Fleet } from '../../src/fleet/fleet.ts';
import { issueAuthority, issueClient, issueServer } from '../../src/pki/issue.ts';
import { keyKindOf, makeKey } from '../../src/pki/keys.ts';
import { makeRequest } from '../../src/pki/request.ts';
import { makeTerms } from '../../src/runner/certificates/make-terms.ts';
import { nextAuthority } from '../../src/runner/certificates/next-authority.ts';

const SERVER = 'signer.example';
const now = Date.now();
const term = { now, days: 2 } as const;

/** What the next certificates are made of, after present ones with keys of RSA; `key` as the fleet file has it. */
async function kindsAfterRsa(key: 'P-256' | undefined) {
  const authority = await issueAuthority({ commonName: 'old', ...term, key: 'RSA-3072' });
  const leaf = { ...term, days: 1, key: 'RSA-2048' } as const;
  const server = await issueServer(authority, { commonName: SERVER, ...leaf, dnsNames: [SERVER], ipv4: [] });
  const own = await issueClient(authority, { commonName: 'rotctl', ...leaf });
  const fleet = {
    tls: { required: true, ca: '/ca.pem', cert: '/own.pem', key: '/own.key' },
    ...{ clients: [], templates: [], file: '/rotctl.yaml' },
    authority: { from: 'rotctl', commonName: 'next', key, authorityDays: 10, certificateDays: 5 },
    replicas: [
      {
        ...{ name: 'signer-a', serverName: SERVER },
        certificates: { place: { driver: 'command', command: ['signer-a'], keys: 'kept' }, names: [] },
      },
    ],
  } as unknown as Fleet;
  const wishes: RequestWish[] = [];
  const driver: Pick<CertificateDriver, 'read' | 'request'> = {
    read: async ({ driver: kind }) =>
      kind === 'files'
        ? { trust: authority.cert, chain: own.cert, key: Secret.fromText(own.key) }
        : { trust: authority.cert, chain: server.cert, key: undefined },
    async request(_, wish) {
      wishes.push(wish);
      return makeRequest({ ...wish, key: await makeKey(wish.key) });
    },
  };
  const terms = await makeTerms({
    ...{ fleet, driver: driver as CertificateDriver, id: 'rotation-1', currentAuthorityKey: undefined, now },
    authority: (present) => nextAuthority(fleet, { ask: expect.unreachable } as never, now, present),
  });
  const kindOf = (pem: string) => keyKindOf(new X509Certificate(pem).publicKey);
  return {
    wishes,
    authority: kindOf(terms.authorities.next),
    parties: [...terms.parties.values()].map(({ next }) => kindOf(next.chain)),
  };
}

test('a party that may read RSA alone gets a key of RSA again, and so does the authority', async () => {
  const { wishes, authority, parties } = await kindsAfterRsa(undefined);
  expect([authority, new Set(parties)]).toEqual(['RSA-3072', new Set(['RSA-2048'])]);
  expect(wishes).toMatchObject([{ key: 'RSA-2048', commonName: SERVER, subject: [['CN', SERVER]] }]);
});

test('the kind that the fleet file names is made whatever there is now', async () => {
  const { wishes, authority, parties } = await kindsAfterRsa('P-256');
  expect([authority, new Set(parties)]).toEqual(['P-256', new Set(['P-256'])]);
  expect(wishes).toMatchObject([{ key: 'P-256' }]);
});
