import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer, type SecureVersion, type Server, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/until.ts';
import { type NextAuthority, nextAuthority, tlsFile, writeTls } from './authority.ts';
import { type Hit, type Shot, shoot, tlsOf } from './caller.ts';
import { startFleet, type TestFleet } from './harness.ts';

const VERSIONS: readonly SecureVersion[] = ['TLSv1.2', 'TLSv1.3'];
let fleet: TestFleet;
let next: NextAuthority;
let current: string;
beforeAll(async () => {
  [fleet, next] = await Promise.all([startFleet('--store', 'embedded', '--replicas', '2'), nextAuthority()]);
  current = tlsFile(fleet, 'ca.pem');
});
afterAll(() => fleet.stop());

const must = async (...words: string[]): Promise<void> => {
  expect(await fleet.ctl(...words)).toEqual({ code: 0, stdout: '', stderr: '' });
};
/** A caller that shows a certificate of the next authority, or ours, or none; over one version, with a session to resume. */
const agentOf = (
  shows: 'next' | 'current' | 'none',
  more: { readonly version?: SecureVersion; readonly session?: Buffer | undefined; readonly keepAlive?: boolean } = {},
): Agent => {
  const { version, session, keepAlive } = more;
  const own = shows === 'next' ? { cert: next.client.cert, key: next.client.key } : {};
  return new Agent({
    ...tlsOf(fleet, shows === 'current'),
    ca: current + next.ca,
    ...own,
    ...(version === undefined ? {} : { minVersion: version, maxVersion: version }),
    ...(session === undefined ? {} : { session }),
    ...(keepAlive === true ? { keepAlive, maxSockets: 1 } : {}),
  });
};
const asking = (agent: Agent, shot: Shot = {}): Promise<Hit> => shoot(fleet, 'signer-a', { ...shot, agent });
/** Has signer-a trust these authorities, and waits until it does. */
const trusting = async (bundle: string): Promise<void> => {
  writeTls(fleet, 'signer-a-trust.pem', bundle);
  await must('reload', 'signer-a');
  for (const [authority, shows] of [
    [current, 'current'],
    [next.ca, 'next'],
  ] as const) {
    const code = bundle.includes(authority) ? 'POLICY_SELECTOR_DENIED' : 'AUTH_MTLS_REQUIRED';
    await eventually(`${shows}: ${code}`, async () => (await asking(agentOf(shows))).code === code);
  }
};

describe('the files of a fleet', () => {
  it('each party has a bundle, a chain and a key of its own, in no other party’s configuration', () => {
    const files = ['signers/signer-a', 'signers/signer-b', 'signers/template', 'clients/client-a', 'clients/client-b'];
    const named = files.flatMap((file) =>
      [...readFileSync(join(fleet.home, `${file}.env`), 'utf8').matchAll(/^KEYRING_TLS_\w+="(.*)"$/gm)].map(
        ([, at]) => at,
      ),
    );
    const parties = ['signer-a', 'signer-b', 'signer-image', 'client-a', 'client-b'];
    const tls = (file: string): string => join(fleet.home, 'tls', file);
    expect(named).toEqual(parties.flatMap((name) => [`${name}-trust.pem`, `${name}.pem`, `${name}.key`].map(tls)));
    expect(readdirSync(join(fleet.home, 'tls'))).toEqual(
      expect.arrayContaining(['ca.pem', 'rotctl.pem', 'rotctl.key']),
    );
  });

  it('the template’s certificate is for every signer', () => {
    expect(new X509Certificate(tlsFile(fleet, 'signer-image.pem')).subjectAltName).toBe(
      'DNS:signer-a.practice.internal, DNS:signer-b.practice.internal, DNS:signer.practice.internal, IP Address:127.0.0.1',
    );
  });

  it('a signer that is made anew gets what the template trusts and shows, with files of its own', async () => {
    const files = ['-trust.pem', '.pem', '.key'];
    const old = files.map((file) => tlsFile(fleet, `signer-b${file}`));
    const renewed = [current + next.ca, next.server.cert, next.server.key];
    for (const [index, file] of files.entries()) writeTls(fleet, `signer-image${file}`, renewed[index] ?? '');
    await must('renew', 'signer-b');
    expect(files.map((file) => tlsFile(fleet, `signer-b${file}`))).toEqual(renewed);
    expect((await shoot(fleet, 'signer-b', { agent: agentOf('next') })).status).toBe(422);
    for (const [index, file] of files.entries()) writeTls(fleet, `signer-b${file}`, old[index] ?? '');
    await must('restart', 'signer-b');
  });
});

describe('a reload', () => {
  it('takes up a bundle of two authorities, and connections go on', async () => {
    const kept = agentOf('current', { keepAlive: true });
    const first = await asking(kept);
    expect((await asking(agentOf('next'))).code).toBe('AUTH_MTLS_REQUIRED');
    await trusting(current + next.ca);
    const after = await asking(kept);
    expect([after.status, after.localPort]).toEqual([422, first.localPort]);
    kept.destroy();
    await trusting(current);
  });

  it.each<[string, string, () => string]>([
    ['a torn bundle', 'signer-a-trust.pem', () => current + next.ca.slice(0, 200)],
    ['an empty bundle', 'signer-a-trust.pem', () => ''],
    ['a chain of another key', 'signer-a.pem', () => next.server.cert],
    ['a torn key', 'signer-a.key', () => next.server.key.slice(0, 80)],
  ])('%s leaves all as it was', async (_name, file, text) => {
    const good = tlsFile(fleet, file);
    const log = (): number => tlsLog().split('configuration not reloaded').length;
    const before = log();
    writeTls(fleet, file, text());
    await must('reload', 'signer-a');
    await eventually('a line in the log', () => log() > before);
    expect((await asking(agentOf('current'))).status).toBe(422);
    expect((await asking(agentOf('next'))).code).toBe('AUTH_MTLS_REQUIRED');
    expect(tlsLog()).not.toContain('PRIVATE KEY');
    writeTls(fleet, file, good);
  });

  const tlsLog = (): string => readFileSync(join(fleet.home, 'logs', 'signer-a.log'), 'utf8');
});

describe.each(VERSIONS)('sessions over %s', (version) => {
  it('outlive a reload that removes their authority, and end when they are told to', async () => {
    await trusting(current + next.ca);
    const kept = agentOf('next', { version, keepAlive: true });
    const made = await asking(agentOf('next', { version }));
    const first = await asking(kept);
    const resumed = async (): Promise<[boolean, string]> => {
      const { reused, code } = await asking(agentOf('next', { version, session: made.session }));
      return [reused, code];
    };
    expect([made.reused, made.session?.length]).toEqual([false, expect.any(Number)]);
    expect(await resumed()).toEqual([true, 'POLICY_SELECTOR_DENIED']);
    await trusting(current);
    // What `socket.authorized` says of a resumed session is what it said when the session was made.
    expect(await resumed()).toEqual([true, 'POLICY_SELECTOR_DENIED']);
    expect((await asking(kept)).localPort).toBe(first.localPort);
    await must('end-sessions', 'signer-a');
    expect(await resumed()).toEqual([false, 'AUTH_MTLS_REQUIRED']);
    const after = await asking(kept);
    expect([after.localPort === first.localPort, after.code]).toEqual([false, 'AUTH_MTLS_REQUIRED']);
    kept.destroy();
  });

  it('made without a certificate are refused when they are resumed, too', async () => {
    const { session, code } = await asking(agentOf('none', { version }));
    expect([code, session === undefined]).toEqual(['AUTH_MTLS_REQUIRED', false]);
    const again = await asking(agentOf('none', { version, session }));
    expect([again.reused, again.code]).toEqual([true, 'AUTH_MTLS_REQUIRED']);
  });
});

describe('the end of sessions', () => {
  it('the clients of the fleet lose nothing by it', async () => {
    const before = (await fleet.status()).clients;
    for (const name of ['signer-a', 'signer-b', 'signer-a', 'signer-b']) await must('end-sessions', name);
    const after = (await fleet.status()).clients;
    for (const [index, { accepted, refused, faults }] of after.entries()) {
      expect([refused, faults]).toEqual([before[index]?.refused, before[index]?.faults]);
      expect(accepted).toBeGreaterThan(before[index]?.accepted ?? 0);
    }
  });

  it('an answer in progress is finished and is the last on its connection; none is lost', async () => {
    const kept = agentOf('current', { keepAlive: true });
    await must('fault', 'plant', 'slow', 'signer-a');
    const underway = asking(kept);
    // One connection is served after the other: when this is answered, the request before it is there.
    expect((await asking(agentOf('current'), { path: '/health', method: 'GET' })).status).toBe(200);
    await must('end-sessions', 'signer-a');
    await must('fault', 'lift', 'slow', 'signer-a');
    const { status, headers } = await underway;
    expect([status, headers.connection]).toEqual([422, 'close']);
    kept.destroy();
  });

  it.each([
    ['a client', 'client-a', /^there is no signer "client-a"/],
    ['nobody', 'signer-z', /^there is no signer "signer-z"/],
  ])('is refused for %s', async (_name, target, said) => {
    const { code, stderr } = await fleet.ctl('end-sessions', target);
    expect([code, stderr]).toEqual([1, expect.stringMatching(said)]);
  });
});

describe('a client’s report of a handshake', () => {
  const servers: Server[] = [];
  afterAll(() => {
    for (const server of servers) server.close();
  });

  it.each(VERSIONS)('of one that was completed over %s: the server saw the client’s certificate', async (version) => {
    const files = { cert: tlsFile(fleet, 'signer-b.pem'), key: tlsFile(fleet, 'signer-b.key') };
    const shown: (string | undefined)[] = [];
    const port = await listening({ ...files, version }, (socket) => {
      shown.push(socket.getPeerX509Certificate()?.fingerprint256);
      socket.once('data', (said) => {
        shown.push(String(said).split('\r\n')[0]);
        socket.end('seen');
      });
    });
    const { code, stdout } = await report(port);
    expect([code, stdout]).toEqual([
      0,
      { completed: true, protocol: version, certificate: sha256(files.cert), end: 'answered' },
    ]);
    const own = new X509Certificate(tlsFile(fleet, 'client-a.pem')).fingerprint256;
    expect(shown).toEqual([own, 'HEAD / HTTP/1.1']);
  });

  it.each(VERSIONS)(
    'of a server that it does not trust, over %s: the server hears no alert, and no request',
    async (version) => {
      const heard: string[] = [];
      const ended = new Promise<number>((resolve, reject) => {
        // Node's clients look at a certificate when the handshake is over for them, and then just close.
        const onClient = (socket: TLSSocket): void => {
          heard.push('completed');
          socket.on('data', () => heard.push('data'));
          socket.on('close', resolve);
        };
        const onFailure = (code: string): void => resolve(heard.push(code));
        listening({ ...next.server, version }, onClient, onFailure).then(async (port) => {
          expect(await report(port)).toEqual({
            code: 1,
            stdout: { completed: false, end: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' },
          });
        }, reject);
      });
      await ended;
      expect(heard).toEqual([version === 'TLSv1.2' ? 'completed' : 'ECONNRESET']);
    },
  );

  it('goes by what the client had when it started', async () => {
    const port = await listening({ ...next.server, version: 'TLSv1.3' }, (socket) => socket.end());
    writeTls(fleet, 'client-a-trust.pem', current + next.ca);
    expect((await report(port)).code).toBe(1);
    await must('restart', 'client-a');
    expect(await report(port)).toMatchObject({ code: 0, stdout: { completed: true, end: 'closed' } });
    writeTls(fleet, 'client-a-trust.pem', current);
    await must('restart', 'client-a');
  });

  it('of another name', async () => {
    const files = { cert: tlsFile(fleet, 'signer-b.pem'), key: tlsFile(fleet, 'signer-b.key') };
    const port = await listening({ ...files, version: 'TLSv1.3' }, () => {});
    expect(await report(port, 'other.internal')).toEqual({
      code: 1,
      stdout: { completed: false, end: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    });
  });

  it('of nobody there', async () => {
    expect(await report(1)).toEqual({ code: 1, stdout: { completed: false, end: 'ECONNREFUSED' } });
  });

  it.each([
    ['no client', ['handshake', 'signer-a', '127.0.0.1', '1', 'x'], /^there is no client "signer-a": client-a, /],
    ['no port', ['handshake', 'client-a', '127.0.0.1', 'x', 'x'], /^handshake takes a client, a host, a port/],
    ['no name', ['handshake', 'client-a', '127.0.0.1', '443'], /^handshake takes a client, a host, a port/],
  ])('with %s is refused', async (_name, words, said) => {
    const { code, stdout, stderr } = await fleet.ctl(...words);
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringMatching(said)]);
  });

  async function report(port: number, name = 'signer.practice.internal') {
    const { code, stdout, stderr } = await fleet.ctl('handshake', 'client-a', '127.0.0.1', String(port), name);
    expect(stderr).toBe('');
    return { code, stdout: JSON.parse(stdout) };
  }

  async function listening(
    shown: { readonly cert: string; readonly key: string; readonly version: SecureVersion },
    onClient: (socket: TLSSocket) => void,
    onFailure: (code: string) => void = () => {},
  ): Promise<number> {
    const { cert, key, version } = shown;
    const tls = { cert, key, minVersion: version, maxVersion: version };
    const server = createServer({ ...tls, requestCert: true, rejectUnauthorized: false }, (socket) => {
      socket.on('error', () => {});
      onClient(socket);
    });
    server.on('tlsClientError', (error: NodeJS.ErrnoException) => onFailure(error.code ?? error.message));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }

  const sha256 = (pem: string): string => new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
});

describe('what is counted', () => {
  it('a signer counts accepted requests by the certificate of their connection', async () => {
    await trusting(current + next.ca);
    const mark = { 'user-agent': 'rotctl/test' };
    await asking(agentOf('next'), { headers: mark });
    await asking(agentOf('next'), { headers: mark, secret: 'wrong' });
    await asking(agentOf('none'), { headers: mark });
    const page = (await asking(agentOf('current'), { path: '/metrics', method: 'GET' })).body;
    const lines = page.split('\n').filter((line) => line.startsWith('keyring_accepted_handshakes_total{'));
    const digits = (pem: string): string => new X509Certificate(pem).fingerprint256.replaceAll(':', '').slice(0, 16);
    const name = (client: string, pem: string, caller: string): string =>
      `keyring_accepted_handshakes_total{client="${client}",certificate="${digits(pem).toLowerCase()}",caller="${caller}"}`;
    expect(lines).toContain(`${name('client-a', next.client.cert, 'rotctl')} 1`);
    for (const id of ['client-a', 'client-b'])
      expect(lines.join('\n')).toContain(`${name(id, tlsFile(fleet, `${id}.pem`), 'other')} `);
    await trusting(current);
  });

  it('a client’s requests that a handshake refused are told apart', async () => {
    const before = await clientB();
    writeTls(fleet, 'client-b-trust.pem', next.ca);
    await must('restart', 'client-b');
    await eventually('refused handshakes', async () => (await clientB()).handshakes >= before.handshakes + 3);
    const after = await clientB();
    expect(after.lastCode).toBe('SELF_SIGNED_CERT_IN_CHAIN');
    // On a busy machine an answer may be late, and requests end with the client that sent them.
    const codes = Object.keys(after.byCode).filter((code) => after.byCode[code] !== before.byCode[code]);
    expect(codes.filter((code) => !['TIMEOUT', 'ACCEPTED'].includes(code))).toEqual(['SELF_SIGNED_CERT_IN_CHAIN']);
    expect(after.refused - before.refused).toBe(after.handshakes - before.handshakes);
    writeTls(fleet, 'client-b-trust.pem', current);
    await must('restart', 'client-b');
    await eventually('accepted again', async () => (await clientB()).lastCode === 'ACCEPTED');
  });

  async function clientB() {
    const found = (await fleet.status()).clients.find(({ id }) => id === 'client-b');
    if (found === undefined) throw new Error('client-b is missing');
    return found;
  }
});

it('a whole rotation by hand costs the clients nothing', async () => {
  const signers = ['signer-a', 'signer-b'];
  const clients = ['client-a', 'client-b'];
  const before = (await fleet.status()).clients;
  const trust = async (party: string, bundle: string): Promise<void> => {
    writeTls(fleet, `${party}-trust.pem`, bundle);
    if (signers.includes(party)) await must('reload', party);
    await must('restart', party);
  };
  const show = async (party: string, { cert, key }: { cert: string; key: string }): Promise<void> => {
    writeTls(fleet, `${party}.pem`, cert);
    writeTls(fleet, `${party}.key`, key);
    if (signers.includes(party)) await must('reload', party);
    await must('restart', party);
  };
  for (const party of [...signers, ...clients]) await trust(party, current + next.ca);
  for (const party of clients) await show(party, next.client);
  for (const party of signers) await show(party, next.server);
  for (const party of signers) {
    await trust(party, next.ca);
    await must('end-sessions', party);
  }
  for (const party of clients) await trust(party, next.ca);
  for (const shows of ['current', 'none'] as const)
    expect((await asking(agentOf(shows))).code).toBe('AUTH_MTLS_REQUIRED');
  const after = (await fleet.status()).clients;
  for (const [index, { refused, handshakes, accepted, byCode }] of after.entries()) {
    expect([refused, handshakes]).toEqual([before[index]?.refused, before[index]?.handshakes]);
    expect(accepted).toBeGreaterThan((before[index]?.accepted ?? 0) + 10);
    const codes = Object.keys(byCode).filter((code) => byCode[code] !== before[index]?.byCode[code]);
    // On a busy machine an answer may be late.
    expect(codes.filter((code) => code !== 'TIMEOUT')).toEqual(['ACCEPTED']);
  }
}, 90_000);
