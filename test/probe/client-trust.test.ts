import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reveal } from '../../src/credential/secret.ts';
import { type DialAddress, provesDistrust, provesTrust, type TrustQuestion } from '../../src/probe/client-trust.ts';
import { listenForTrust } from '../../src/system/trust-listener.ts';
import { identityOf, type TestGeneration, testGeneration } from '../support/generations.ts';

const NAME = 'signer.test.internal';
const folder = mkdtempSync(join(tmpdir(), 'rotctl-trust-'));
const run = promisify(execFile);

let current: TestGeneration;
let next: TestGeneration;
let shown: Record<'current' | 'next', TrustQuestion['shown']>;

beforeAll(async () => {
  [current, next] = [await testGeneration('current'), await testGeneration('next')];
  shown = {
    current: identityOf('current', await current.server(NAME)),
    next: identityOf('next', await next.server(NAME)),
  };
  for (const [name, generation] of [
    ['current', current],
    ['next', next],
  ] as const) {
    writeFileSync(join(folder, `${name}.pem`), generation.authority.cert);
  }
  writeFileSync(join(folder, 'both.pem'), current.authority.cert + next.authority.cert);
  writeFileSync(join(folder, 'client.pem'), current.identity.chain);
  writeFileSync(join(folder, 'client.key'), reveal(current.identity.key));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Trusts = 'current' | 'next' | 'both';
type Version = 'TLSv1.2' | 'TLSv1.3';
/** Has a program dial; what it says of it is not listened to. */
type Client = (trusts: Trusts, version: Version) => (at: DialAddress) => Promise<unknown>;

const quietly = (running: Promise<unknown>): Promise<unknown> => running.catch(() => undefined);
const file = (name: string): string => join(folder, name);

/** Sends its request when it has found our certificate good; when not, it closes without an alert. */
const node: Client = (trusts, version) => (at) =>
  new Promise<void>((resolve) => {
    const ca = { current: current.authority.cert, next: next.authority.cert, both: '' }[trusts];
    const socket = connect({
      host: at.host,
      port: at.port,
      servername: at.serverName,
      ca: ca === '' ? current.authority.cert + next.authority.cert : ca,
      cert: current.identity.chain,
      key: reveal(current.identity.key),
      minVersion: version,
      maxVersion: version,
    });
    socket.on('secureConnect', () => socket.end('HEAD / HTTP/1.1\r\n\r\n'));
    socket
      .on('error', () => undefined)
      .on('close', () => resolve())
      .resume();
  });
const openssl: Client = (trusts, version) => (at) => {
  const flags = ['-verify_return_error', '-servername', at.serverName, '-verify_hostname', at.serverName, '-ign_eof'];
  const files = ['-CAfile', file(`${trusts}.pem`), '-cert', file('client.pem'), '-key', file('client.key')];
  const only = version === 'TLSv1.2' ? '-tls1_2' : '-tls1_3';
  const started = run('openssl', ['s_client', '-connect', `${at.host}:${at.port}`, only, ...flags, ...files]);
  started.child.stdin?.end('HEAD / HTTP/1.1\r\n\r\n');
  return quietly(started);
};
const curl: Client = (trusts, version) => (at) => {
  const max = version === 'TLSv1.2' ? ['--tls-max', '1.2'] : ['--tlsv1.3'];
  const name = ['--resolve', `${at.serverName}:${at.port}:${at.host}`, `https://${at.serverName}:${at.port}/`];
  return quietly(run('curl', ['-s', '-m', '10', '--cacert', file(`${trusts}.pem`), ...max, ...name]));
};

const asking = (of: 'current' | 'next', dial: TrustQuestion['dial'], change: Partial<TrustQuestion> = {}) => ({
  listen: listenForTrust,
  dial,
  serverName: NAME,
  clientAuthorities: current.authority.cert + next.authority.cert,
  shown: shown[of],
  control: shown[of === 'next' ? 'current' : 'next'],
  ...change,
});

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('over %s', (version) => {
  describe.each([
    ['Node, which sends no alert', node],
    ['openssl', openssl],
    ['curl', curl],
  ])('a client that is %s', (_, client) => {
    it('trusts the next authority beside the current one', async () => {
      const found = await provesTrust(asking('next', client('both', version)));
      expect(found).toMatchObject({ verdict: 'pass', samples: 1 });
    });

    it('should trust the next authority, and does not', async () => {
      const found = await provesTrust(asking('next', client('current', version)));
      expect(found).toMatchObject({
        verdict: 'fail',
        reason: expect.stringMatching(/unknown ca|breaks|closes without/),
      });
    });

    it('does not trust the current authority any more', async () => {
      const found = await provesDistrust(asking('current', client('next', version)));
      expect(found.reason).not.toBe('');
      expect(found.verdict).toBe('pass');
    });

    it('should not trust the current authority any more, and does', async () => {
      const found = await provesDistrust(asking('current', client('both', version)));
      expect(found).toMatchObject({ verdict: 'fail', reason: expect.stringMatching(/^still trusted: /) });
    });
  });

  it('tells the certificate that the client shows', async () => {
    const found = await provesTrust(asking('next', openssl('both', version)));
    expect(found.presented).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
    expect((await provesTrust(asking('next', curl('both', version)))).presented).toEqual([]);
  });
});

describe('what proves nothing', () => {
  const trusting = node;
  const rows: [string, () => TrustQuestion, RegExp][] = [
    ['a command that connects to nothing', () => asking('current', async () => 0), /did not connect/],
    [
      'a command that cannot be run',
      () => asking('current', () => Promise.reject(new Error('ENOENT'))),
      /^the client could not be asked: ENOENT$/,
    ],
    [
      'a client that trusts neither',
      () => asking('current', openssl('both', 'TLSv1.3'), { serverName: 'other.test.internal' }),
      /does not complete one that shows next either$/,
    ],
    [
      'a client that breaks off whoever it is',
      () =>
        asking(
          'current',
          ({ host, port }) =>
            new Promise<void>((resolve) => {
              const socket = connect({ host, port, rejectUnauthorized: false }, () => socket.destroy());
              socket.on('close', () => resolve()).on('error', () => undefined);
            }),
        ),
      /(breaks the handshake off|closes without a byte)/,
    ],
    [
      'a client of which one process trusts us and another does not',
      () =>
        asking('current', async (at) => {
          await openssl('next', 'TLSv1.3')(at);
          await openssl('current', 'TLSv1.3')(at);
        }),
      /^1 of its 2 connections go on .* refuses it by the alert unknown ca: more than one process dials for it$/,
    ],
    [
      'no certificate to compare with',
      () => asking('current', trusting('next', 'TLSv1.3'), { control: undefined }),
      /no certificate of the other generation/,
    ],
  ];
  it.each(rows)('%s', async (_, question, reason) => {
    const found = await provesDistrust(question());
    expect(found.reason).toMatch(reason);
    expect(found.verdict).toBe('unknown');
  });

  it('a client that connects and stays silent is given up', async () => {
    const sockets: { destroy(): void }[] = [];
    const dial: TrustQuestion['dial'] = async ({ host, port }) => {
      sockets.push(connect({ host, port, rejectUnauthorized: false }).on('error', () => undefined));
    };
    const found = await provesTrust(asking('next', dial, { settleMs: 300 }));
    expect(found.verdict).toBe('unknown');
    for (const socket of sockets) socket.destroy();
  });

  it('an address that is taken is an error that says so', async () => {
    const options = { clientAuthorities: current.authority.cert };
    const first = await listenForTrust(shown.next, options);
    await expect(listenForTrust(shown.next, { ...options, port: first.port })).rejects.toThrow(
      /^cannot listen at .*EADDRINUSE/,
    );
    await first.close();
  });
});
