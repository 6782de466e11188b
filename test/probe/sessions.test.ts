import { type AddressInfo, createServer, connect as netConnect, type Server } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Issued } from '../../src/pki/issue.ts';
import type { Handshakes } from '../../src/probe/ports.ts';
import type { Target } from '../../src/probe/round.ts';
import { judgeSessions, viewSessions } from '../../src/probe/sessions.ts';
import { createHandshakes } from '../../src/system/handshake.ts';
import { type TestPki, testPki } from '../support/test-pki.ts';

const NAME = 'signer.test.internal';
let pki: TestPki;
let one: Issued;
let handshakes: Handshakes;
const open: Server[] = [];

beforeAll(async () => {
  pki = await testPki();
  one = await pki.server(NAME);
  handshakes = createHandshakes({ ca: pki.ca, cert: pki.client.cert, key: pki.client.key });
});
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(server);
  return (server.address() as AddressInfo).port;
}

/** A process of its own, as far as TLS sessions go: its keys are its own. All show one certificate. */
function process(options: TlsOptions = {}): Promise<number> {
  const server = createTlsServer({ ...one, ca: pki.ca, requestCert: true, ...options }, (socket) =>
    socket.on('error', () => {}),
  );
  server.on('tlsClientError', () => {});
  return listening(server);
}

/** Passes connections on, to each of these in turn. */
function balancer(...to: readonly number[]): Promise<number> {
  let turn = 0;
  return listening(
    createServer((near) => {
      const far = netConnect(to[turn++ % to.length] ?? 0, '127.0.0.1');
      near
        .on('error', () => far.destroy())
        .pipe(far)
        .on('error', () => near.destroy())
        .pipe(near);
    }),
  );
}

async function seenAt(ports: readonly number[]) {
  const replicas = ports.map(
    (port, n): Target => ({ name: `r${n + 1}`, url: new URL(`https://127.0.0.1:${port}`), serverName: NAME }),
  );
  const view = await viewSessions(handshakes, replicas, 3000);
  if (view === undefined) throw new Error('nothing was looked at');
  return judgeSessions(
    view,
    replicas.map(({ name }) => name),
  );
}

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('replicas of one certificate, over %s', (version) => {
  const speaking: TlsOptions = { minVersion: version, maxVersion: version };
  const some = (count: number, options: TlsOptions = {}) =>
    Promise.all(Array.from({ length: count }, () => process({ ...speaking, ...options })));

  it('are told apart by the sessions that each knows', async () => {
    expect(await seenAt(await some(3))).toEqual({ verdict: 'pass', reason: '' });
  });

  it('of which one is a balancer before the others', async () => {
    const [a = 0, b = 0] = await some(2);
    const { verdict, reason } = await seenAt([a, b, await balancer(a, b)]);
    expect([verdict, reason]).toEqual(['fail', expect.stringMatching(/r1 and r3|r2 and r3/)]);
  });

  it('of which two are one process', async () => {
    const [a = 0, b = 0] = await some(2);
    expect(await seenAt([a, b, await balancer(a)])).toMatchObject({
      verdict: 'fail',
      reason: expect.stringMatching(/^r1 and r3 know the same TLS sessions/),
    });
  });

  it('of which one is several processes that are not listed', async () => {
    const [a = 0, b = 0, c = 0, d = 0] = await some(4);
    expect(await seenAt([a, b, await balancer(c, d)])).toMatchObject({
      verdict: 'unknown',
      reason: expect.stringMatching(/^r3 knows its own TLS sessions at some connections only/),
    });
  });

  it('that share their keys on purpose, or know no sessions, are not told apart', async () => {
    expect(await seenAt(await some(3, { ticketKeys: Buffer.alloc(48, 7) }))).toEqual({
      verdict: 'unknown',
      reason: '',
    });
  });
});
