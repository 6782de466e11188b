import { beforeAll, describe, expect, it } from 'vitest';
import { bundleText, certificatesOf } from '../../src/pki/bundle.ts';
import { judgeChain } from '../../src/pki/chain.ts';
import { type Issued, issueAuthority, issueClient, issueIntermediate } from '../../src/pki/issue.ts';
import { issuerPurposeFaults } from '../../src/pki/leaf.ts';
import { issueWithOpenssl } from '../support/openssl.ts';
import { opensslVerify } from '../support/openssl-verify.ts';

const now = Date.now();
const wish = { now, days: 30 };
type Name = 'root' | 'other' | 'twin' | 'middle' | 'lower' | 'leaf' | 'plain' | 'deep' | 'weak' | 'over' | 'stranger';
const made = {} as Record<Name, Issued>;
/** Each certificate alone, without the chain that it came with. */
const own = {} as Record<Name, string>;

beforeAll(async () => {
  made.root = await issueAuthority({ commonName: 'root', ...wish, pathLength: 2 });
  made.other = await issueAuthority({ commonName: 'other', ...wish });
  made.twin = await issueAuthority({ commonName: 'root', ...wish });
  made.middle = await issueIntermediate(made.root, { commonName: 'middle', ...wish, pathLength: 1 });
  made.lower = await issueIntermediate(made.middle, { commonName: 'lower', ...wish });
  made.leaf = await issueClient(made.lower, { commonName: 'leaf', ...wish });
  made.plain = await issueClient(made.root, { commonName: 'plain', ...wish });
  made.over = await issueIntermediate(made.lower, { commonName: 'over', ...wish });
  made.deep = await issueClient(made.over, { commonName: 'deep', ...wish });
  made.stranger = await issueClient(made.other, { commonName: 'stranger', ...wish });
  const client = ['basicConstraints=CA:FALSE', 'extendedKeyUsage=clientAuth', 'authorityKeyIdentifier=keyid'];
  made.weak = issueWithOpenssl({ name: 'weak', extensions: client, by: made.root, digest: 'sha1' });
  for (const name of Object.keys(made) as Name[]) {
    const [first] = certificatesOf(made[name].cert);
    own[name] = first === undefined ? '' : bundleText([first]);
  }
});

/** What is sent, and what is trusted; what is said of it; whether OpenSSL follows it. */
type Row = [what: string, chain: readonly Name[], trust: readonly Name[], said: RegExp | undefined, openssl: boolean];
const rows: readonly Row[] = [
  ['of one certificate under a root', ['plain'], ['root'], undefined, true],
  ['with all between', ['leaf', 'lower', 'middle'], ['root'], undefined, true],
  ['to one root of two', ['plain'], ['other', 'root'], undefined, true],
  ['to the right one of two roots of one name', ['plain'], ['twin', 'root'], undefined, true],
  ['whose lower half the bundle has', ['leaf', 'lower'], ['middle', 'root'], undefined, true],
  [
    'without the first intermediate',
    ['leaf', 'middle'],
    ['root'],
    /leaf \(\w+\) was issued by CN=lower, which is neither/,
    false,
  ],
  [
    'without the last one',
    ['leaf', 'lower'],
    ['root'],
    /CN=lower \(\w+\) was issued by CN=middle, which is neither/,
    false,
  ],
  ['alone', ['leaf'], ['root'], /it has its own certificate alone, and CN=leaf/, false],
  [
    'in the wrong order',
    ['leaf', 'middle', 'lower'],
    ['root'],
    /in the wrong order; .*leaf \(\w+\), then CN=lower .*, then CN=middle/,
    true,
  ],
  [
    'that begins with an authority',
    ['lower', 'leaf', 'middle'],
    ['root'],
    /its own certificate must come first: it begins with CN=lower/,
    true,
  ],
  [
    'to another root',
    ['plain'],
    ['other'],
    /was issued by CN=root, which is neither in it nor trusted there \(trusted is CN=other/,
    false,
  ],
  [
    'to a root of the same name',
    ['plain'],
    ['twin'],
    /issued by an authority of the name CN=root, but not by the CN=root \(\w+\) that is trusted/,
    false,
  ],
  [
    'that brings its own root',
    ['stranger', 'other'],
    ['root'],
    /it leads to CN=other \(\w+\), which is not trusted there/,
    false,
  ],
  ['to an empty bundle', ['plain'], [], /trusted is nothing/, false],
  [
    'longer than an authority allows',
    ['deep', 'over', 'lower', 'middle'],
    ['root'],
    /CN=lower \(\w+\) allows 0 authorities below it \(its path length\), and there are 1/,
    false,
  ],
];

describe('a chain', () => {
  it.each(rows)('%s', async (_what, chain, trust, said, openssl) => {
    const text = chain.map((name) => own[name]).join('');
    const bundle = trust.map((name) => own[name]).join('');
    const { faults, path } = judgeChain(certificatesOf(text), bundle === '' ? [] : certificatesOf(bundle));
    if (said === undefined) expect(faults).toEqual([]);
    else expect(faults).toEqual([expect.stringMatching(said)]);
    if (said === undefined) expect(path.at(-1)?.subject).toBe('CN=root');
    if (bundle === '') return;
    // OpenSSL takes the first certificate of a file for its own, whatever it is.
    const asked = [...chain].sort((one) => (own[one] === own.leaf ? -1 : 0)).map((name) => own[name]);
    const words = await opensslVerify({ chain: asked.join(''), trust: bundle, purpose: 'any' });
    expect(words.endsWith(': OK\n'), words).toBe(openssl);
  });

  it('with the root at its end is followed, and so is one with a stranger in it', () => {
    const root = certificatesOf(own.root);
    const odd = judgeChain(certificatesOf(own.plain + own.root + own.other), root);
    expect(odd.faults).toEqual([]);
    expect(odd.remarks).toEqual([
      expect.stringMatching(/holds the root CN=root/),
      expect.stringMatching(/the root CN=other/),
    ]);
  });

  it('to an intermediate that is trusted without its root is followed by some only', () => {
    const { faults, remarks } = judgeChain(certificatesOf(own.leaf + own.lower), certificatesOf(own.middle));
    expect(faults).toEqual([]);
    expect(remarks).toEqual([expect.stringMatching(/CN=middle \(\w+\) is trusted there without its root/)]);
  });

  it.each<[what: string, authority: string, names: string, said: RegExp | undefined]>([
    ['within', 'permitted;DNS:internal', 'DNS:a.internal', undefined],
    ['beside', 'permitted;DNS:internal', 'DNS:a.example', /CN=narrow \(\w+\) may not issue for a\.example/],
    ['in what is excluded', 'excluded;DNS:b.internal', 'DNS:a.b.internal', /may not issue for a\.b\.internal/],
    ['within addresses', 'permitted;IP:10.0.0.0/255.0.0.0', 'IP:10.1.2.3', undefined],
    ['beside addresses', 'permitted;IP:10.0.0.0/255.0.0.0', 'IP:127.0.0.1', /may not issue for 127\.0\.0\.1/],
    ['of another kind', 'permitted;IP:10.0.0.0/255.0.0.0', 'DNS:a.internal', undefined],
  ])(
    'for a name %s the name constraints of its authority (%s), as OpenSSL judges it',
    async (_what, limits, names, said) => {
      const extensions = [
        'basicConstraints=critical,CA:TRUE',
        'keyUsage=critical,keyCertSign',
        `nameConstraints=critical,${limits}`,
      ];
      const narrow = issueWithOpenssl({ name: 'narrow', extensions: [...extensions, 'subjectKeyIdentifier=hash'] });
      const leafs = ['basicConstraints=CA:FALSE', 'authorityKeyIdentifier=keyid', `subjectAltName=${names}`];
      const leaf = issueWithOpenssl({ name: 'leaf', extensions: leafs, by: narrow });
      const { faults } = judgeChain(certificatesOf(leaf.cert), certificatesOf(narrow.cert));
      expect(faults).toEqual(said === undefined ? [] : [expect.stringMatching(said)]);
      const words = await opensslVerify({ chain: leaf.cert, trust: narrow.cert, purpose: 'any' });
      expect(words.endsWith(': OK\n'), words).toBe(said === undefined);
    },
  );

  it('with a critical extension that nobody knows is refused, as OpenSSL does', async () => {
    const extensions = ['basicConstraints=CA:FALSE', 'authorityKeyIdentifier=keyid', '1.2.3.4=critical,DER:05:00'];
    const strange = issueWithOpenssl({ name: 'strange', extensions, by: made.root });
    const { faults } = judgeChain(certificatesOf(strange.cert), certificatesOf(own.root));
    expect(faults).toEqual([expect.stringMatching(/CN=strange \(\w+\) has the critical extension 1\.2\.3\.4/)]);
    expect(await opensslVerify({ chain: strange.cert, trust: own.root, purpose: 'any' })).toMatch(/unhandled critical/);
  });

  it('under an authority for servers only is no client’s, as OpenSSL judges it', async () => {
    const extensions = [
      'basicConstraints=critical,CA:TRUE',
      'keyUsage=critical,keyCertSign',
      'extendedKeyUsage=serverAuth',
    ];
    const narrow = issueWithOpenssl({
      name: 'servers',
      extensions: [...extensions, 'subjectKeyIdentifier=hash'],
      by: made.root,
    });
    const { cert } = await issueClient(narrow, { commonName: 'client', ...wish });
    const { faults, path } = judgeChain(certificatesOf(cert), certificatesOf(own.root));
    expect(faults).toEqual([]);
    const said = /CN=servers \(\w+\) may not issue for clients: its extended key usage lacks clientAuth/;
    expect(issuerPurposeFaults(path, 'client')).toEqual([expect.stringMatching(said)]);
    expect(issuerPurposeFaults(path, 'server')).toEqual([]);
    const words = await opensslVerify({ chain: cert, trust: own.root, purpose: 'sslclient' });
    expect(words).toMatch(/unsuitable certificate purpose/);
  });

  it('signed with SHA-1 is weak', () => {
    const { faults, weaknesses } = judgeChain(certificatesOf(own.weak), certificatesOf(own.root));
    expect(faults).toEqual([]);
    expect(weaknesses).toEqual([expect.stringMatching(/CN=weak \(\w+\) is signed with SHA-1/)]);
  });
});
