import { rootCertificates } from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import { assessRotation, type PkiFinding } from '../../src/pki/assess-rotation.ts';
import { certificatesOf } from '../../src/pki/bundle.ts';
import {
  type Issued,
  issueAuthority,
  issueClient,
  issueFromRequest,
  issueIntermediate,
  issueServer,
  type ServerWish,
  type Wish,
} from '../../src/pki/issue.ts';
import { makeKey } from '../../src/pki/keys.ts';
import type { RotationParty } from '../../src/pki/parties.ts';
import { makeRequest } from '../../src/pki/request.ts';
import { publicRoots } from '../../src/system/public-roots.ts';
import { issueWithOpenssl } from '../support/openssl.ts';

const now = Date.now();
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** A little late, as what OpenSSL issues begins when it is issued. */
const SPAN = { now: now + 30_000, movedBy: now + HOUR, until: now + 2 * DAY, skewMs: 60_000 };
const KINDS = { 'signer-a': 'replica', 'signer-b': 'replica', 'client-a': 'client', 'client-b': 'client' } as const;
type Name = keyof typeof KINDS | 'image' | 'rotctl';
const NAMES: readonly Name[] = ['signer-a', 'signer-b', 'image', 'client-a', 'client-b', 'rotctl'];
const SERVERS: readonly Name[] = ['signer-a', 'signer-b', 'image'];

let ca: Issued;
let next: Issued;
let stray: Issued;
const current = new Map<Name, Issued>();
const coming = new Map<Name, Issued>();

const isServer = (name: Name): boolean => SERVERS.includes(name);
const dialledOf = (name: Name): string[] =>
  isServer(name) ? [`${name}.internal`, 'signers.internal', '127.0.0.1'] : [];

function leafOf(authority: Issued, name: Name, more: Partial<ServerWish & Wish> = {}): Promise<Issued> {
  const wish = { commonName: name, now, days: 30, ...more };
  const names = { dnsNames: [`${name}.internal`, 'signers.internal'], ipv4: ['127.0.0.1'] };
  return isServer(name) ? issueServer(authority, { ...names, ...wish }) : issueClient(authority, wish);
}

beforeAll(async () => {
  ca = await issueAuthority({ commonName: 'CA 1', now, days: 30 });
  next = await issueAuthority({ commonName: 'CA 2', now, days: 30 });
  stray = await issueAuthority({ commonName: 'CA 3', now, days: 30 });
  for (const name of NAMES) {
    current.set(name, await leafOf(ca, name));
    coming.set(name, await leafOf(next, name));
  }
});

/** What one party has; each part may be planted otherwise. */
interface Has {
  trust: string;
  chain: string;
  key: string | undefined;
  both: string;
  after: string;
  nextChain: string;
  nextKey: string | undefined;
  dialled: readonly string[];
  problem?: string;
}

interface Planted {
  readonly parties: Record<Name, Has>;
  authorities: string;
  span: typeof SPAN;
}

function sound(): Planted {
  const entries = NAMES.map((name): [Name, Has] => {
    const [has, gets] = [current.get(name), coming.get(name)];
    return [
      name,
      {
        ...{ trust: ca.cert, both: ca.cert + next.cert, after: next.cert, dialled: dialledOf(name) },
        ...{ chain: has?.cert ?? '', key: has?.key, nextChain: gets?.cert ?? '', nextKey: gets?.key },
      },
    ];
  });
  return { parties: Object.fromEntries(entries) as Record<Name, Has>, authorities: next.cert, span: SPAN };
}

function assessed({ parties, authorities, span }: Planted, planned = true): readonly PkiFinding[] {
  const secret = (key: string | undefined) => (key === undefined ? undefined : Secret.fromText(key));
  const list = NAMES.map((name): RotationParty => {
    const { trust, both, after, chain, key, nextChain, nextKey, dialled, problem } = parties[name];
    return {
      kind: name === 'image' ? 'template' : name === 'rotctl' ? 'own' : KINDS[name],
      name,
      purpose: isServer(name) ? 'server' : 'client',
      dialled,
      now: problem === undefined ? { trust, shown: { chain, key: secret(key) } } : { problem },
      next: planned ? { both, after, shown: { chain: nextChain, key: secret(nextKey) } } : undefined,
    };
  });
  const roots = planned ? certificatesOf(authorities) : [];
  return assessRotation({ parties: list, authorities: roots, span, publicRoots: publicRoots() });
}

const failures = (found: readonly PkiFinding[]): string[] =>
  found.filter(({ verdict }) => verdict !== 'pass').map(({ id, target, verdict }) => `${verdict} ${id} ${target}`);

describe('a sound fleet', () => {
  it('has no fault and nothing to remark, with a rotation planned and without', () => {
    const planned = assessed(sound());
    expect(planned.filter(({ verdict, reason }) => verdict !== 'pass' || reason !== undefined)).toEqual([]);
    expect(planned.length).toBe(NAMES.length * 11 + 1);
    const plain = assessed(sound(), false);
    expect(plain.filter(({ verdict, reason }) => verdict !== 'pass' || reason !== undefined)).toEqual([]);
    expect(plain.length).toBe(NAMES.length * 9);
  });

  it('may keep keys to itself, hold intermediates, and trust more authorities than one', async () => {
    const root = await issueAuthority({ commonName: 'root', now, days: 30, pathLength: 1 });
    const middle = await issueIntermediate(root, { commonName: 'middle', now, days: 30 });
    const planted = sound();
    for (const has of Object.values(planted.parties)) {
      has.key = undefined;
      has.nextKey = undefined;
      has.trust = ca.cert + root.cert;
      has.both = ca.cert + root.cert + next.cert;
    }
    planted.parties['client-a'].chain = (await leafOf(middle, 'client-a')).cert;
    expect(failures(assessed(planted))).toEqual([]);
  });
});

type Plant = (planted: Planted) => void | Promise<void>;
/** What is planted, in words and in deeds; every verdict that is no pass; what the first failure says. */
type Row = [what: string, plant: Plant, found: readonly string[], reason: RegExp];

/** Something wrong with what one party has. */
function has(name: Name, make: (sound: Has) => Partial<Has> | Promise<Partial<Has>>): Plant {
  return async ({ parties }) => {
    Object.assign(parties[name], await make(parties[name]));
  };
}

/** The same at all of them. */
function all(make: (sound: Has, name: Name) => Partial<Has> | Promise<Partial<Has>>): Plant {
  return async ({ parties }) => {
    for (const name of NAMES) Object.assign(parties[name], await make(parties[name], name));
  };
}

const CLIENTS: readonly Name[] = ['client-a', 'client-b', 'rotctl'];
const failing = (id: string, names: readonly Name[]): string[] => names.map((name) => `fail pki.${id} ${name}`);
const unsure = (names: readonly Name[]): string[] => names.map((name) => `unknown pki.chain ${name}`);
const lone = (issued: Issued): string => issued.cert.slice(0, issued.cert.indexOf('-----END') + 26);

const readingRows: readonly Row[] = [
  [
    'a torn bundle',
    has('signer-a', () => ({ trust: ca.cert + next.cert.slice(0, 300) })),
    ['fail pki.whole signer-a', ...unsure(CLIENTS)],
    /its bundle is torn: 2 PEM blocks begin, 1 are whole/,
  ],
  [
    'a key beside a bundle',
    has('signer-a', ({ trust }) => ({ trust: trust + ca.key })),
    ['fail pki.whole signer-a', ...unsure(CLIENTS)],
    /its bundle holds a private key/,
  ],
  ['a chain that is no PEM', has('rotctl', () => ({ chain: 'MIIB' })), ['fail pki.whole rotctl'], /chain holds no PEM/],
  [
    'what cannot be read',
    has('client-b', () => ({ problem: 'tls/client-b.pem: there is no such file' })),
    ['fail pki.whole client-b', ...unsure(SERVERS)],
    /there is no such file/,
  ],
  [
    'a key that does not parse',
    has('client-b', () => ({ key: 'torn' })),
    ['fail pki.whole client-b'],
    /the key of its chain must be an unencrypted PEM private key/,
  ],
];

const trustRows: readonly Row[] = [
  [
    'an empty bundle',
    has('client-a', () => ({ trust: '\n' })),
    ['fail pki.trust-not-empty client-a', ...failing('chain', SERVERS)],
    /its bundle is empty; a server then trusts nobody, or every public authority/,
  ],
  [
    'a bundle without an authority',
    has('client-a', ({ chain }) => ({ trust: chain, both: chain + ca.cert + next.cert })),
    ['fail pki.trust-not-empty client-a', ...failing('chain', SERVERS)],
    /has no authority in force: CN=client-a \(\w+\) is not an authority/,
  ],
  [
    'the bundle of the system',
    has('signer-a', ({ trust, both }) => ({
      trust: [trust, ...rootCertificates].join('\n'),
      both: both + rootCertificates.join('\n'),
    })),
    ['fail pki.trust-private signer-a'],
    /its bundle has \d{3} authorities, as the system's own bundle has/,
  ],
  [
    'one public authority',
    has('signer-a', ({ both }) => ({ both: `${both}${rootCertificates[0]}\n` })),
    ['fail pki.trust-private signer-a'],
    /its bundle for the window has public authorities, which issue to whoever asks: /,
  ],
  [
    'one at a client, of which no server is',
    has('client-a', ({ both }) => ({ both: `${both}${rootCertificates[1]}\n` })),
    ['fail pki.trust-private client-a'],
    /public authorities/,
  ],
  [
    'a bundle that is replaced in place of extended',
    has('signer-b', () => ({ both: next.cert })),
    [...failing('chain', CLIENTS), 'fail pki.bundle-superset signer-b'],
    /for signer-b: its present chain, in the window: .* was issued by CN=CA 1, which is neither/,
  ],
  [
    'a bundle that is left as it is',
    has('client-b', () => ({ both: ca.cert })),
    [...failing('chain', SERVERS), 'fail pki.bundle-superset client-b'],
    /for client-b: its next chain, in the window: .* was issued by CN=CA 2, which is neither/,
  ],
  [
    'an authority dropped of which nobody here is, in the window',
    has('image', ({ trust }) => ({ trust: trust + stray.cert })),
    ['fail pki.bundle-superset image'],
    /for the window drops CN=CA 3 \(\w+\): whoever shows a certificate of it is refused/,
  ],
  [
    'an authority that stays after the window',
    has('signer-a', ({ both }) => ({ after: both })),
    ['fail pki.bundle-after signer-a'],
    /after the window it still accepts the present certificates of client-a by CN=CA 1 \(\w+\), client-b by/,
  ],
  [
    'a bundle that goes back after the window',
    has('rotctl', () => ({ after: ca.cert })),
    [...failing('chain', SERVERS), 'fail pki.bundle-after rotctl'],
    /for rotctl: its next chain, after the window/,
  ],
  [
    'a next authority that is the present one',
    async (planted) => {
      planted.authorities = ca.cert;
      await all(async (_sound, name) => {
        const again = await leafOf(ca, name);
        return { both: ca.cert, after: ca.cert, nextChain: again.cert, nextKey: again.key };
      })(planted);
    },
    [...failing('bundle-after', NAMES), 'fail pki.authority-new fleet'],
    /after the window it still accepts/,
  ],
  [
    'two authorities of one name, without key identifiers',
    async (planted) => {
      const extensions = [
        'basicConstraints=critical,CA:TRUE',
        'subjectKeyIdentifier=none',
        'authorityKeyIdentifier=none',
      ];
      const twin = issueWithOpenssl({ name: 'CA 1', extensions });
      await has('signer-a', ({ trust, both }) => ({ trust: trust + twin.cert, both: both + twin.cert }))(planted);
    },
    ['fail pki.authorities-distinct signer-a'],
    /has 2 authorities of the name CN=CA 1, and one without a key identifier: which one counts goes by their order/,
  ],
  [
    'two of one name, and a leaf that does not say whose it is',
    async (planted) => {
      const twin = await issueAuthority({ commonName: 'CA 1', now, days: 30 });
      await has('signer-a', ({ trust, both }) => ({ trust: trust + twin.cert, both: both + twin.cert }))(planted);
      const extensions = ['extendedKeyUsage=clientAuth', 'authorityKeyIdentifier=none'];
      const mute = issueWithOpenssl({ name: 'client-a', extensions, by: ca });
      await has('client-a', () => ({ chain: mute.cert, key: mute.key }))(planted);
    },
    ['fail pki.authorities-distinct signer-a'],
    /CN=client-a \(\w+\) does not say by a key identifier which one has issued it/,
  ],
];

/** Another certificate for a party, present or next. */
function shows(name: Name, make: () => Promise<Issued> | Issued, when: 'present' | 'next' = 'present'): Plant {
  return has(name, async () => {
    const { cert, key } = await make();
    return when === 'next' ? { nextChain: cert, nextKey: key } : { chain: cert, key };
  });
}

/** A certificate with a server's names, for clients. */
async function forClients(name: Name): Promise<Issued> {
  const key = await makeKey();
  const request = await makeRequest({ commonName: name, names: [], key });
  const wish = { purpose: 'client', names: dialledOf(name), now, days: 30 } as const;
  return { cert: await issueFromRequest(next, request, wish), key };
}

const shownRows: readonly Row[] = [
  [
    'the key of another',
    has('client-a', () => ({ key: current.get('client-b')?.key })),
    ['fail pki.key-matches client-a'],
    /the key beside its present chain is not that of CN=client-a/,
  ],
  [
    'a next key of another',
    has('signer-a', ({ key }) => ({ nextKey: key })),
    ['fail pki.key-matches signer-a'],
    /the key beside its next chain is not that of CN=signer-a/,
  ],
  [
    'one that has expired',
    shows('client-a', () => leafOf(ca, 'client-a', { now: now - 10 * DAY, days: 1 })),
    ['fail pki.validity client-a'],
    /CN=client-a \(\w+\) expired on/,
  ],
  [
    'one that expires before all have moved',
    async (planted) => {
      planted.span = { ...SPAN, movedBy: now + 3 * DAY, until: now + 4 * DAY };
      await shows('client-a', () => leafOf(ca, 'client-a', { days: 2 }))(planted);
    },
    ['fail pki.validity client-a'],
    /expires on .*, before the rotation can be over/,
  ],
  [
    'a next one that expires before the rotation is over',
    shows('signer-b', () => leafOf(next, 'signer-b', { days: 1 }), 'next'),
    ['fail pki.validity signer-b'],
    /CN=signer-b \(\w+\) expires on/,
  ],
  [
    'a next one that is not valid yet on a slow clock',
    shows('signer-b', () => leafOf(next, 'signer-b', { now: now + 5 * 60_000 + 1000 }), 'next'),
    ['fail pki.validity signer-b'],
    /is not valid before .*, which is yet to come for a clock that is 60 s slow/,
  ],
  [
    'one that is not valid yet',
    shows('rotctl', () => leafOf(ca, 'rotctl', { now: now + DAY })),
    ['fail pki.validity rotctl'],
    /CN=rotctl \(\w+\) is not valid before/,
  ],
  [
    'a client’s that is for servers only',
    shows('client-b', () =>
      issueServer(ca, { commonName: 'client-b', now, days: 30, dnsNames: ['client-b'], ipv4: [] }),
    ),
    ['fail pki.purpose client-b'],
    /is for servers only: its extended key usage lacks clientAuth/,
  ],
  [
    'a server’s that is for clients only',
    shows('signer-a', () => forClients('signer-a'), 'next'),
    ['fail pki.purpose signer-a'],
    /is for clients only: its extended key usage lacks serverAuth/,
  ],
  [
    'one that may not sign',
    shows('client-a', () =>
      issueWithOpenssl({
        name: 'client-a',
        by: ca,
        extensions: ['keyUsage=critical,keyAgreement', 'subjectAltName=DNS:client-a'],
      }),
    ),
    ['fail pki.purpose client-a'],
    /may not sign handshakes: its key usage lacks digitalSignature/,
  ],
  [
    'a next one without the name of the balancer',
    shows('signer-a', () => leafOf(next, 'signer-a', { dnsNames: ['signer-a.internal'] }), 'next'),
    ['fail pki.names signer-a'],
    /its next certificate CN=signer-a \(\w+\) is for DNS:signer-a\.internal, IP Address:127\.0\.0\.1, and not for signers\.internal/,
  ],
  [
    'one with its name as common name only',
    shows('signer-a', () =>
      issueWithOpenssl({ name: 'signer-a.internal', by: ca, extensions: ['extendedKeyUsage=serverAuth'] }),
    ),
    ['fail pki.names signer-a'],
    /has no subject alternative name, and not for signer-a\.internal, signers\.internal, 127\.0\.0\.1/,
  ],
  [
    'a next one of the present authority',
    shows('client-a', () => leafOf(ca, 'client-a'), 'next'),
    ['fail pki.chain client-a'],
    /for signer-a, signer-b, image: its next chain, after the window: .* issued by CN=CA 1, which is neither/,
  ],
  [
    'one of an authority that nobody trusts',
    shows('rotctl', () => leafOf(stray, 'rotctl')),
    ['fail pki.chain rotctl'],
    /for signer-a, signer-b, image: its chain: .* issued by CN=CA 3, which is neither/,
  ],
  [
    'an intermediate that is missing',
    async (planted) => {
      const root = await issueAuthority({ commonName: 'root', now, days: 30, pathLength: 1 });
      const middle = await issueIntermediate(root, { commonName: 'middle', now, days: 30 });
      planted.authorities = root.cert;
      await all(async (_sound, name) => {
        const made = await leafOf(middle, name);
        const nextChain = name === 'client-a' ? lone(made) : made.cert;
        return { both: ca.cert + root.cert, after: root.cert, nextChain, nextKey: made.key };
      })(planted);
    },
    ['fail pki.chain client-a'],
    /it has its own certificate alone, and CN=client-a \(\w+\) was issued by CN=middle/,
  ],
];

describe.each([
  ['what is read', readingRows],
  ['what is trusted', trustRows],
  ['what is shown', shownRows],
])('of %s, each fault is found where it is, and no other:', (_about, rows) => {
  it.each(rows)('%s', async (_what, plant, found, reason) => {
    const planted = sound();
    await plant(planted);
    const findings = assessed(planted);
    expect(failures(findings)).toEqual(found);
    expect(findings.find(({ verdict }) => verdict === 'fail')?.reason).toMatch(reason);
  });
});

describe('worth a word, and no fault,', () => {
  it.each<[string, Plant, string, RegExp]>([
    [
      'a root in a chain',
      has('client-a', ({ chain }) => ({ chain: chain + ca.cert })),
      'pki.chain',
      /it holds the root CN=CA 1/,
    ],
    [
      'another subject',
      shows('client-a', () =>
        issueWithOpenssl({ name: 'client-a/O=old', by: ca, extensions: ['extendedKeyUsage=clientAuth'] }),
      ),
      'pki.names',
      /its subject changes from CN=client-a, O=old to CN=client-a/,
    ],
    ['the same key again', shows('client-a', () => current.get('client-a') ?? ca), 'pki.key-matches', /^$/],
  ])('is %s', async (_what, plant, id, reason) => {
    const planted = sound();
    await plant(planted);
    const findings = assessed(planted);
    expect(failures(findings)).toEqual([]);
    expect(findings.find((one) => one.id === id && one.target === 'client-a')?.reason ?? '').toMatch(reason);
  });
});
