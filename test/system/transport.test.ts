import { X509Certificate } from 'node:crypto';
import { createServer as createHttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Endpoint } from '../../src/fleet/fleet.ts';
import type { SendOptions, Transport } from '../../src/probe/ports.ts';
import type { Exchange } from '../../src/protocol/outcome.ts';
import type { TlsMaterial } from '../../src/system/identities.ts';
import { createTransport } from '../../src/system/transport.ts';
import { type TestPki, testPki } from '../support/test-pki.ts';
import { type RawServer, rawServer } from './raw-server.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 7\r\n\r\n{"a":1}';
const REQUEST = { method: 'POST', path: '/p', headers: { 'x-a': '1' }, body: Buffer.from('{}') };
const WARM: SendOptions = { fresh: false, certificate: true, deadlineMs: 1500, maxBytes: 1024 };
const SHORT: SendOptions = { ...WARM, deadlineMs: 250 };

let pki: TestPki;
let serverTls: TlsOptions;
const cleanups: (() => Promise<void>)[] = [];

beforeAll(async () => {
  pki = await testPki();
  const issued = await pki.server('signer-a.test.internal');
  serverTls = { cert: issued.cert, key: issued.key, ca: pki.ca };
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function transport(tls?: TlsMaterial): Transport {
  const made = createTransport(tls ?? { ca: pki.ca, cert: pki.client.cert, key: pki.client.key });
  cleanups.push(() => made.close());
  return made;
}

async function server(speak: (socket: Socket, request: string) => void, tls?: TlsOptions): Promise<RawServer> {
  const made = await rawServer(speak, tls);
  cleanups.push(() => made.close());
  return made;
}

function saying(bytes: string, end = false): (socket: Socket) => void {
  return (socket) => (end ? socket.end(bytes) : socket.write(bytes));
}

function codeOf(exchange: Exchange): string {
  return exchange.kind === 'fault' ? exchange.code : `answer ${exchange.status}`;
}

describe('a sound server', () => {
  it('is answered for over TLS, with the fingerprint of its certificate', async () => {
    let heard = '';
    const { endpoint } = await server((socket, request) => {
      heard += request;
      socket.write(OK);
    }, serverTls);
    const exchange = await transport().send(endpoint, REQUEST, WARM);
    expect(exchange).toMatchObject({ kind: 'answer', status: 200, body: '{"a":1}' });
    const fingerprint = new X509Certificate(String(serverTls.cert)).fingerprint256.replaceAll(':', '').toLowerCase();
    expect(exchange).toHaveProperty('peer', fingerprint);
    expect(exchange).toHaveProperty('headers.content-type', 'application/json');
    expect(heard).toMatch(/^POST \/p HTTP\/1\.1\r\n/);
    expect(heard).toContain('x-a: 1\r\n');
    expect(heard).toMatch(/\r\n\r\n\{\}$/);
  });

  it('keeps one connection for warm requests in a row, and opens a new one for each fresh request', async () => {
    const at = await server(saying(OK), serverTls);
    const send = transport();
    for (let n = 0; n < 3; n += 1) expect(codeOf(await send.send(at.endpoint, REQUEST, WARM))).toBe('answer 200');
    expect(at.accepted()).toBe(1);
    for (let n = 0; n < 2; n += 1) {
      expect(codeOf(await send.send(at.endpoint, REQUEST, { ...WARM, fresh: true }))).toBe('answer 200');
    }
    expect(at.accepted()).toBe(3);
    await expect.poll(at.open).toBe(1);
  });

  it('carries requests side by side on connections of their own', async () => {
    const waiting: Socket[] = [];
    const at = await server((socket) => {
      if (waiting.push(socket) === 4) for (const each of waiting) each.write(OK);
    });
    const send = transport();
    const all = await Promise.all([1, 2, 3, 4].map(() => send.send(at.endpoint, REQUEST, WARM)));
    expect(all.map(codeOf)).toEqual(Array(4).fill('answer 200'));
    expect(at.accepted()).toBe(4);
  });

  it('is connected to again after it closed the connection between two requests', async () => {
    const at = await server(saying(OK, true));
    const send = transport();
    await send.send(at.endpoint, REQUEST, WARM);
    await expect.poll(at.open).toBe(0);
    expect(codeOf(await send.send(at.endpoint, REQUEST, WARM))).toBe('answer 200');
  });

  it('never resumes a session, however it offers one', async () => {
    const reused: boolean[] = [];
    const https = createHttpsServer({ ...serverTls, maxVersion: 'TLSv1.2' }, (_request, response) =>
      response.end('{}'),
    );
    https.on('secureConnection', (socket) => reused.push(socket.isSessionReused()));
    await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve));
    cleanups.push(async () => void https.close());
    const address = https.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const endpoint = { url: new URL(`https://127.0.0.1:${port}`), serverName: 'signer-a.test.internal' };
    const send = transport();
    for (let n = 0; n < 3; n += 1) await send.send(endpoint, REQUEST, { ...WARM, fresh: true });
    expect(reused).toEqual([false, false, false]);
  });

  it('may redirect and pack as it likes: nothing is followed or unpacked', async () => {
    const at = await server(
      saying('HTTP/1.1 307 X\r\nlocation: /q\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nab'),
    );
    const exchange = await transport().send(at.endpoint, REQUEST, WARM);
    expect(exchange).toMatchObject({
      status: 307,
      body: 'ab',
      headers: { location: '/q', 'content-encoding': 'gzip' },
    });
    expect(at.accepted()).toBe(1);
  });

  it('may send a header twice: both values stay visible', async () => {
    const at = await server(saying(OK.replace('\r\n\r\n', '\r\nx-b: 1\r\nX-B: 2\r\n\r\n')));
    expect(await transport().send(at.endpoint, REQUEST, WARM)).toHaveProperty('headers.x-b', '1, 2');
  });
});

describe('a broken server', () => {
  const endless = (socket: Socket): void => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
    const more = (): void => {
      while (!socket.destroyed && socket.write(`400\r\n${'x'.repeat(0x400)}\r\n`));
    };
    socket.on('drain', more);
    more();
  };
  const drip = (socket: Socket): void => {
    let at = 0;
    const timer = setInterval(() => socket.write(OK[at++ % OK.length] ?? ''), 100);
    socket.on('close', () => clearInterval(timer));
  };

  it.each<[string, (socket: Socket) => void, string]>([
    ['accepts and never answers', () => {}, 'TIMEOUT'],
    ['answers a byte each 100 ms', drip, 'TIMEOUT'],
    ['sends headers and then nothing', saying('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n'), 'TIMEOUT'],
    ['announces 100 MB', saying('HTTP/1.1 200 OK\r\ncontent-length: 104857600\r\n\r\nabc'), 'TOO_LARGE'],
    ['sends chunks without end', endless, 'TOO_LARGE'],
    ['sends a body without length or end', saying(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(5000)}`), 'TOO_LARGE'],
    ['sends a header of 17 KB', saying(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(17 * 1024)}\r\n\r\n`), 'TOO_LARGE'],
    ['ends before its content length', saying('HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nabc', true), 'ECONNRESET'],
    ['ends within a header', saying('HTTP/1.1 200 OK\r\nx-', true), 'ECONNRESET'],
    ['ends within a chunk', saying('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab', true), 'ECONNRESET'],
    ['closes without a byte', (socket) => void socket.destroy(), 'ECONNRESET'],
    ['resets', (socket) => void socket.resetAndDestroy(), 'ECONNRESET'],
    ['speaks garbage', saying('\u0000\u0001garbage\r\n\r\n'), 'MALFORMED'],
    ['speaks HTTP/2', saying('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), 'MALFORMED'],
    ['has a bad chunk size', saying('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n'), 'MALFORMED'],
    [
      'has two content lengths',
      saying('HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'),
      'MALFORMED',
    ],
    ['switches protocols', saying('HTTP/1.1 101 X\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n'), 'MALFORMED'],
  ])('%s', async (_what, speak, code) => {
    const at = await server(speak);
    const before = performance.now();
    const exchange = await transport().send(at.endpoint, REQUEST, code === 'TIMEOUT' ? SHORT : WARM);
    expect(codeOf(exchange)).toBe(code);
    expect(exchange).toHaveProperty('sent', true);
    expect(performance.now() - before).toBeLessThan(1000);
    await expect.poll(at.open).toBe(0);
  });

  it('that is not there is refused, and nothing was sent', async () => {
    const at = await server(() => {});
    await at.close();
    const exchange = await transport().send(at.endpoint, REQUEST, WARM);
    expect(exchange).toMatchObject({ kind: 'fault', code: 'ECONNREFUSED', sent: false });
  });

  it('that never finishes its handshake costs the deadline, and its socket is closed', async () => {
    const at = await server(() => {});
    const mute: Endpoint = { ...at.endpoint, url: new URL(at.endpoint.url.href.replace('http:', 'https:')) };
    const before = performance.now();
    const exchange = await transport().send(mute, REQUEST, SHORT);
    expect(exchange).toMatchObject({ code: 'TIMEOUT', sent: false });
    expect(performance.now() - before).toBeLessThan(600);
    await expect.poll(at.open).toBe(0);
  });

  it('that has no such name is said to be unknown', async () => {
    const nowhere = { url: new URL('https://no-such-host.invalid:1'), serverName: 'x' };
    const exchange = await transport().send(nowhere, REQUEST, { ...WARM, deadlineMs: 5000 });
    expect(['ENOTFOUND', 'EAI_AGAIN', 'TIMEOUT']).toContain(codeOf(exchange));
  });

  it('that speaks plainly where TLS is expected, and the other way round', async () => {
    const plain = await server(saying(OK));
    const secret = await server(saying(OK), serverTls);
    const https = { ...plain.endpoint, url: new URL(plain.endpoint.url.href.replace('http:', 'https:')) };
    const http = { ...secret.endpoint, url: new URL(secret.endpoint.url.href.replace('https:', 'http:')) };
    const send = transport();
    expect(codeOf(await send.send(https, REQUEST, WARM))).toMatch(/^(EPROTO|ERR_SSL_.+)$/);
    expect(codeOf(await send.send(http, REQUEST, WARM))).toMatch(/^(ECONNRESET|MALFORMED)$/);
  });
});

describe('certificates', () => {
  it('of another authority are refused before anything is sent', async () => {
    const other = await testPki();
    const at = await server(saying(OK), serverTls);
    const exchange = await transport({ ca: other.ca }).send(at.endpoint, REQUEST, WARM);
    expect(exchange).toMatchObject({ kind: 'fault', sent: false });
    expect(codeOf(exchange)).toMatch(
      /^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|CERT_SIGNATURE_FAILURE)$/,
    );
  });

  it('for another name are refused', async () => {
    const at = await server(saying(OK), serverTls);
    const exchange = await transport().send({ ...at.endpoint, serverName: 'signer-b.test.internal' }, REQUEST, WARM);
    expect(codeOf(exchange)).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  });

  it('may be checked against an address', async () => {
    const at = await server(saying(OK), serverTls);
    expect(codeOf(await transport().send({ ...at.endpoint, serverName: '127.0.0.1' }, REQUEST, WARM))).toBe(
      'answer 200',
    );
    const exchange = await transport().send({ ...at.endpoint, serverName: '127.0.0.2' }, REQUEST, WARM);
    expect(codeOf(exchange)).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  });

  it.each([
    ['TLSv1.3', 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'],
    ['TLSv1.2', 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE'],
  ] as const)('of ours, when it is missing under %s, leave the alert to see', async (version, alert) => {
    const mutual: TlsOptions = { ...serverTls, requestCert: true, rejectUnauthorized: true, maxVersion: version };
    const at = await server(saying(OK), mutual);
    const send = transport();
    for (const fresh of [true, false]) {
      const exchange = await send.send(at.endpoint, REQUEST, { ...WARM, fresh, certificate: false });
      expect(codeOf(exchange)).toBe(alert);
    }
    expect(codeOf(await send.send(at.endpoint, REQUEST, { ...WARM, certificate: true }))).toBe('answer 200');
  });

  it.each([
    ['', /tls\.ca must hold a certificate, got none/],
    ['# nothing', /tls\.ca must hold a certificate, got none/],
    ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', /certificate 1 does not parse/],
    ['torn', /whole certificates only, got 1 of 2/],
  ])('of authorities are checked, for Node would trust the public ones: %#', (ca, message) => {
    const bundle = ca === 'torn' ? `${pki.ca}${pki.ca.slice(0, 200)}` : ca;
    expect(() => createTransport({ ca: bundle })).toThrow(message);
  });
});

describe('mistakes of the caller are thrown', () => {
  it('a key that is another certificate’s', async () => {
    const other = await testPki();
    const at = await server(saying(OK), serverTls);
    const mixed = transport({ ca: pki.ca, cert: pki.client.cert, key: other.client.key });
    await expect(mixed.send(at.endpoint, REQUEST, WARM)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  it('https without any authority to trust', async () => {
    const at = await server(saying(OK), serverTls);
    const bare = createTransport(undefined);
    cleanups.push(() => bare.close());
    await expect(bare.send(at.endpoint, REQUEST, WARM)).rejects.toThrow('tls.ca must be given');
  });
});

describe('many at once', () => {
  it('wait for one of 256 connections, and each has its whole deadline then', async () => {
    let most = 0;
    const at: RawServer = await server((socket) => {
      most = Math.max(most, at.open());
      setTimeout(() => socket.write(OK), 100);
    });
    const send = transport();
    const all = await Promise.all(
      Array.from({ length: 400 }, (_, n) => send.send(at.endpoint, REQUEST, { ...WARM, fresh: n % 2 === 0 })),
    );
    expect(new Set(all.map(codeOf))).toEqual(new Set(['answer 200']));
    // The server hears of a closed connection a little after its successor was opened.
    expect(most).toBeLessThanOrEqual(300);
    expect(most).toBeGreaterThan(100);
  });

  it('idle connections make room for other endpoints', async () => {
    const servers = await Promise.all(Array.from({ length: 3 }, () => server(saying(OK))));
    const send = transport();
    for (const { endpoint } of servers) {
      await Promise.all(Array.from({ length: 128 }, () => send.send(endpoint, REQUEST, WARM)));
    }
    await expect.poll(() => servers.reduce((sum, each) => sum + each.open(), 0)).toBeLessThanOrEqual(256);
  });
});

describe('giving up', () => {
  it('ends the request at once, before it is sent and while it waits', async () => {
    const at = await server(() => {});
    const send = transport();
    const early = await send.send(at.endpoint, REQUEST, { ...WARM, signal: AbortSignal.abort() });
    expect(early).toMatchObject({ code: 'ABORTED', sent: false });
    const controller = new AbortController();
    const waiting = send.send(at.endpoint, REQUEST, { ...WARM, signal: controller.signal });
    await expect.poll(at.accepted).toBe(1);
    controller.abort();
    expect(await waiting).toMatchObject({ code: 'ABORTED' });
    await expect.poll(at.open).toBe(0);
  });

  it('closing closes every connection, and later requests fail', async () => {
    const at = await server(saying(OK));
    const send = transport();
    await send.send(at.endpoint, REQUEST, WARM);
    expect(at.open()).toBe(1);
    await send.close();
    await expect.poll(at.open).toBe(0);
    expect(codeOf(await send.send(at.endpoint, REQUEST, WARM))).toBe('CLOSED');
  });
});
