import type { AddressInfo } from 'node:net';
import { createServer as createTcp } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../../src/credential/secret.ts';
import { askPresenting } from '../../../src/probe/certificate-refusal.ts';
import { createProber } from '../../../src/probe/prober.ts';
import type { Target, Tools } from '../../../src/probe/round.ts';
import type { OutcomeRule } from '../../../src/protocol/outcome.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { pooledRandom } from '../../../src/system/random.ts';
import { createTransport } from '../../../src/system/transport.ts';
import { PROBE } from '../../probe/harness.ts';
import { type MiniSigner, MiniStore, miniSigner, SECRETS, soundKnobs } from '../../support/mini-signer.ts';
import { type TestPki, testPki } from '../../support/test-pki.ts';
import { nginxFront, opensslFront, pythonFront, type Version } from './fronts.ts';

const VERSIONS: readonly Version[] = ['TLSv1.2', 'TLSv1.3'];
/** What nginx says to a caller without a certificate: declared, because the page proves nothing by itself. */
const NGINX_RULE: OutcomeRule = {
  when: { status: 400, body: /No required SSL certificate was sent/ },
  outcome: 'AUTH_MTLS_REQUIRED',
};

let pki: TestPki;
let signer: MiniSigner;
const close: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  pki = await testPki();
  signer = await miniSigner('signer-a', pki, { ...soundKnobs(new MiniStore()), mtls: 'off' });
});
afterAll(async () => {
  for (const each of close.reverse()) await each();
  await signer.close();
});

/** What becomes of a call without our certificate. */
async function refusalBy(
  replica: Target,
  outcomes: readonly OutcomeRule[] = [],
  deadlineMs = 5000,
): Promise<{ code: string; reason: string }> {
  const transport = createTransport({ ca: pki.ca, cert: pki.client.cert, key: pki.client.key });
  const [clock, random] = [systemClock, pooledRandom()];
  const settings = { ...PROBE, deadlineMs };
  const tools: Tools = {
    clock,
    random,
    prober: createProber({ settings, outcomes, transport, clock, random, runId: 'test' }),
  };
  const control = { client: 'client-a', secret: Secret.fromText(SECRETS.current) };
  try {
    const { result } = await askPresenting(tools, replica, { ...control, certificate: false, refusal: 'due' }, control);
    const { outcome } = result;
    return { code: outcome.code, reason: outcome.reason };
  } finally {
    await transport.close();
  }
}

async function kept<Opened extends { close(): Promise<unknown> }>(opening: Promise<Opened>): Promise<Opened> {
  const opened = await opening;
  close.push(() => opened.close());
  return opened;
}

describe.each(VERSIONS)('a client certificate that is demanded, over %s', (version) => {
  it('by Python, which refuses in the handshake, with no line of ours', async () => {
    const found = await refusalBy(await kept(pythonFront(pki, signer, version)));
    expect(found).toMatchObject({
      code: 'AUTH_MTLS_REQUIRED',
      reason: expect.stringMatching(/^refused in the handshake, 3 of 3/),
    });
  }, 60_000);

  it('by Node, which refuses in the handshake', async () => {
    const strict = await kept(nodeFront(version));
    const found = await refusalBy(strict);
    expect(found).toMatchObject({
      code: 'AUTH_MTLS_REQUIRED',
      reason: expect.stringMatching(/^refused in the handshake, 3 of 3/),
    });
  }, 60_000);

  it('by nginx, which answers 400: unknown by itself, counted by a rule of the fleet', async () => {
    const nginx = await kept(nginxFront(pki, signer, version));
    expect(await refusalBy(nginx)).toMatchObject({
      code: 'UNKNOWN',
      reason: expect.stringContaining('declare under outcomes'),
    });
    expect(await refusalBy(nginx, [NGINX_RULE])).toMatchObject({ code: 'AUTH_MTLS_REQUIRED' });
  }, 60_000);

  it('by s_server, behind which no signer accepts anything: never counted', async () => {
    const found = await refusalBy(await kept(opensslFront(pki, signer.serverName, version)), [], 1000);
    expect(found).toMatchObject({
      code: 'UNKNOWN',
      reason: expect.stringContaining('with the certificate it was not accepted either'),
    });
  }, 60_000);
});

describe('what looks like a refused certificate and is none', () => {
  it('a server that is down', async () => {
    expect(await refusalBy({ ...signer, url: new URL('https://127.0.0.1:1') })).toMatchObject({
      code: 'UNKNOWN',
      reason: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('a server that resets every connection', async () => {
    const server = createTcp((socket) => socket.on('error', () => {}).resetAndDestroy());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    close.push(async () => server.close());
    const { port } = server.address() as AddressInfo;
    expect(await refusalBy({ ...signer, url: new URL(`https://127.0.0.1:${port}`) })).toMatchObject({
      code: 'UNKNOWN',
    });
  });

  it('a server that asks for none, and is just being restarted', async () => {
    let dropped = 0;
    const restarting = await relay((socket) => {
      dropped += 1;
      if (dropped > 1) return true;
      socket.resetAndDestroy();
      return false;
    });
    const found = await refusalBy(restarting);
    expect([found.code, dropped > 1]).toEqual(['ACCEPTED', true]);
  });
});

/** Node's own TLS server before the signer: `requestCert` and `rejectUnauthorized`. */
async function nodeFront(version: Version): Promise<Target & { close(): Promise<unknown> }> {
  const issued = await pki.server(signer.serverName);
  const { connect } = await import('node:tls');
  const options = {
    ...issued,
    ca: pki.ca,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: version,
    maxVersion: version,
  };
  const server = createTlsServer(options, (near) => {
    const far = connect({ host: '127.0.0.1', port: Number(signer.url.port), rejectUnauthorized: false });
    near
      .on('error', () => far.destroy())
      .pipe(far)
      .on('error', () => near.destroy())
      .pipe(near);
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    name: 'node',
    serverName: signer.serverName,
    url: new URL(`https://127.0.0.1:${port}`),
    close: async () => server.close(),
  };
}

/** A relay of bytes to the signer, through which only those connections go that are let pass. */
async function relay(pass: (socket: import('node:net').Socket) => boolean): Promise<Target> {
  const { connect } = await import('node:net');
  const server = createTcp((near) => {
    near.on('error', () => {});
    if (!pass(near)) return;
    const far = connect(Number(signer.url.port), '127.0.0.1');
    near
      .pipe(far)
      .on('error', () => near.destroy())
      .pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  close.push(async () => server.close());
  const { port } = server.address() as AddressInfo;
  return { name: 'relay', serverName: signer.serverName, url: new URL(`https://127.0.0.1:${port}`) };
}
