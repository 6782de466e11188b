import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import type { CertificateDriver } from '../../src/deploy/certificates.ts';
import type { Fleet } from '../../src/fleet/fleet.ts';
import type { Entry } from '../../src/ledger/entry.ts';
import { type Issued, issueFromRequest } from '../../src/pki/issue.ts';
import { makeKey } from '../../src/pki/keys.ts';
import { makeRequest } from '../../src/pki/request.ts';
import { holderOfAuthority } from '../../src/runner/certificates/begin.ts';
import { makeTerms } from '../../src/runner/certificates/make-terms.ts';
import type { NextAuthority } from '../../src/runner/certificates/next-authority.ts';
import { LISTENER } from '../../src/runner/certificates/parties.ts';
import { termsOf } from '../../src/runner/certificates/terms.ts';
import { type TestGeneration, testGeneration } from '../support/generations.ts';

const SERVER = 'signer.example';
const FLEET = {
  tls: { required: true, ca: '/ca.pem', cert: '/own.pem', key: '/own.key' },
  clients: [],
  templates: [],
  replicas: [
    {
      ...{ name: 'signer-a', serverName: SERVER },
      certificates: { place: { driver: 'command', command: ['signer-a'], keys: 'kept' }, names: [] },
    },
  ],
} as unknown as Fleet;

let old: TestGeneration;
let next: TestGeneration;
let server: Issued;
beforeAll(async () => {
  [old, next] = [await testGeneration('old'), await testGeneration('next')];
  server = await old.server(SERVER);
});

/** What a listener of ours shows of the present authority, where replicas keep their keys, or lend them. */
async function shownOfCurrent({ known, lent = false }: { known?: Issued | undefined; lent?: boolean }) {
  const own = { chain: old.identity.chain, key: old.identity.key };
  const serving = { chain: server.cert, key: lent ? Secret.fromText(server.key) : undefined };
  const driver: Pick<CertificateDriver, 'read' | 'request'> = {
    read: async (place) => ({ trust: old.authority.cert, ...(place.driver === 'files' ? own : serving) }),
    request: async (_, { commonName, names }) => makeRequest({ commonName, names, key: await makeKey('P-256') }),
  };
  const now = Date.now();
  const authority: NextAuthority = {
    ...{ trust: next.authority.cert, key: Secret.fromText(next.authority.key), keyKind: 'P-256' },
    issue: (request, wish) => issueFromRequest(next.authority, request, { ...wish, now, days: 1 }),
  };
  const terms = await makeTerms({
    ...{ fleet: FLEET, driver: driver as CertificateDriver, authority: async () => authority, id: 'rotation-1', now },
    currentAuthorityKey: known === undefined ? undefined : Secret.fromText(known.key),
  });
  return { ...termsOf(terms, LISTENER).current, authorityKey: terms.currentAuthorityKey };
}

describe('what clients are shown of the present authority', () => {
  test('is a certificate of a replica that lends its key', async () => {
    const { chain, key } = await shownOfCurrent({ lent: true, known: old.authority });
    expect([chain, key?.fingerprint]).toEqual([server.cert, Secret.fromText(server.key).fingerprint]);
  });

  test('is made with the key of the authority, where replicas keep theirs', async () => {
    const { chain, key, authorityKey } = await shownOfCurrent({ known: old.authority });
    const made = new X509Certificate(chain);
    expect([key === undefined, authorityKey === undefined]).toEqual([false, false]);
    expect(made.verify(new X509Certificate(old.authority.cert).publicKey)).toBe(true);
    expect(made.checkHost(SERVER)).toBe(SERVER);
  });

  test.each([
    ['no authority', () => undefined],
    ['another authority than the one in force', () => next.authority],
  ])('cannot be shown with the key of %s', async (_, known) => {
    const { key, authorityKey } = await shownOfCurrent({ known: known() });
    expect([key, authorityKey]).toEqual([undefined, undefined]);
  });
});

describe('the key of the authority in force is sealed with', () => {
  const header = (rotation: string, material: object) => ({ kind: 'header', rotation, data: { material } });
  const ends = (rotation: string, phase: string) => ({ kind: 'phase', rotation, phase, data: {} });
  const certificates = header('certificates-1', { authority: { current: '1', next: '2' } });
  const secrets = [header('secrets-1', { 'client-a': { current: '1', next: '2' } }), ends('secrets-1', 'destroyed')];
  test.each([
    ['nothing, where none was rotated', secrets, undefined],
    ['nothing yet, while a rotation is open', [certificates, ends('certificates-1', 'switched')], undefined],
    ['the rotation that led to it', [certificates, ends('certificates-1', 'destroyed'), ...secrets], 'next'],
    ['the rotation that went back to it', [certificates, ends('certificates-1', 'rolled-back'), ...secrets], 'current'],
  ])('%s', (_, entries, generation) => {
    const expected = generation === undefined ? undefined : { rotation: 'certificates-1', generation };
    expect(holderOfAuthority(entries as unknown as Entry[])).toEqual(expected);
  });
});
