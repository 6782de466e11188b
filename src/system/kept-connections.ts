import { hash } from 'node:crypto';
import { type ClientRequest, type IncomingMessage, request as startRequest } from 'node:http';
import { isIP } from 'node:net';
import { checkServerIdentity, type SecureContext, type TLSSocket, connect as tlsConnect } from 'node:tls';
import type { Endpoint } from '../fleet/fleet.ts';
import type { KeepConnections, KeptConnection, KeptLimits, WireRequest } from '../probe/ports.ts';
import type { Exchange } from '../protocol/outcome.ts';
import { faultOf } from './fault.ts';
import { createIdentities, type TlsMaterial } from './identities.ts';

/** How long a session may take to come after a handshake, in milliseconds. */
const SESSION_MS = 300;

type Fault = Extract<Exchange, { kind: 'fault' }>;

/**
 * Opens connections that are kept, and resumes their TLS sessions. Only the authorities in `tls.ca` are trusted.
 *
 * Throws `INPUT_INVALID` as `createTransport`.
 */
export function createKeptConnections(tls: TlsMaterial | undefined): KeepConnections {
  const identities = createIdentities(tls);
  return {
    async open(to, { certificate, version, deadlineMs }) {
      const context = identities(certificate, version);
      const sessions: Buffer[] = [];
      const opened = await open(to, context, sessions, deadlineMs);
      return 'kind' in opened ? opened : keep(to, context, opened, sessions);
    },
    restore: (to, { certificate, version }, sessions) =>
      keep(
        to,
        identities(certificate, version),
        undefined,
        sessions.map((session) => Buffer.from(session)),
      ),
  };
}

function keep(to: Endpoint, context: SecureContext, socket: TLSSocket | undefined, sessions: Buffer[]): KeptConnection {
  const certificate = socket?.getPeerX509Certificate();
  const peer = certificate === undefined ? undefined : hash('sha256', certificate.raw, 'hex');
  /** A ticket of TLS 1.3 is meant for one use, so that the latest one is offered; the last one is not given away. */
  const ticket = (): Buffer | undefined => (sessions.length > 1 ? sessions.pop() : sessions[0]);
  const isOver = socket === undefined ? () => true : isClosed(socket);
  return {
    peer,
    send: async (request, limits) =>
      socket === undefined || isOver()
        ? fault(
            'CLOSED',
            socket === undefined ? 'it has ended with its process' : 'the server has closed the connection',
          )
        : over(socket, to, request, limits, peer),
    async resumable(deadlineMs) {
      const session = ticket();
      if (session === undefined) return undefined;
      const again = await open(to, context, sessions, deadlineMs, session);
      if ('kind' in again) return false;
      const resumed = again.isSessionReused();
      // A ticket that is good for one use is spent now: the next one comes over this connection.
      if (resumed && sessions.length < 2) await another(again);
      again.destroy();
      return resumed;
    },
    async resume(request, limits) {
      const session = ticket();
      if (session === undefined) return { exchange: fault('NO_SESSION', 'the server gave no session'), resumed: false };
      // What is given now is a session of now, and none that was saved.
      const again = await open(to, context, [], limits.deadlineMs, session);
      if ('kind' in again) return { exchange: again, resumed: false };
      const resumed = again.isSessionReused();
      const exchange = await over(again, to, request, limits, peer);
      again.destroy();
      return { exchange, resumed };
    },
    saved: () => sessions.map((session) => Uint8Array.from(session)),
    close() {
      sessions.splice(0);
      socket?.destroy();
    },
  };
}

/** Waits a moment for another session. */
async function another(socket: TLSSocket): Promise<void> {
  socket.resume();
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, SESSION_MS);
    socket.once('session', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Sockets that we have closed, because of what came or did not come over them: that the server closed them cannot be said. */
const givenUp = new WeakSet<TLSSocket>();

/** Tells of a socket, whenever it is asked, whether the server has brought it to an end. */
function isClosed(socket: TLSSocket): () => boolean {
  let ended = false;
  const end = (): void => {
    ended = true;
  };
  socket.on('end', end).on('close', end);
  // A socket tells of its end only where somebody reads; nothing is to come between two answers.
  socket.resume();
  return () => !givenUp.has(socket) && (ended || socket.destroyed || !socket.writable);
}

/** Makes a handshake, and collects the sessions that the server gives on the connection from then on. */
function open(
  to: Endpoint,
  secureContext: SecureContext,
  sessions: Buffer[],
  deadlineMs: number,
  session?: Buffer,
): Promise<TLSSocket | Fault> {
  return new Promise((resolve) => {
    const socket = tlsConnect({
      host: to.address ?? to.url.hostname.replace(/^\[|\]$/g, ''),
      port: Number(to.url.port || 443),
      secureContext,
      rejectUnauthorized: true,
      ALPNProtocols: ['http/1.1'],
      servername: isIP(to.serverName) === 0 ? to.serverName : '',
      checkServerIdentity: (_host, peer) => checkServerIdentity(to.serverName, peer),
      ...(session === undefined ? {} : { session }),
    });
    socket.setNoDelay(true);
    socket.on('session', (given: Buffer) => {
      sessions.push(given);
    });
    const fail = (code: string, detail: string): void => {
      clearTimeout(timer);
      resolve(fault(code, detail));
      socket.destroy();
    };
    const timer = setTimeout(() => fail('TIMEOUT', `no handshake within ${deadlineMs} ms`), deadlineMs);
    socket.on('error', (error) => {
      const { code, detail } = faultOf(error);
      fail(code, detail);
    });
    socket.once('close', () => fail('ECONNRESET', 'closed in the handshake'));
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
  });
}

/** Sends one request over a socket that stays open after the answer. */
function over(
  socket: TLSSocket,
  to: Endpoint,
  request: WireRequest,
  { deadlineMs, maxBytes }: KeptLimits,
  peer: string | undefined,
): Promise<Exchange> {
  if (givenUp.has(socket))
    return Promise.resolve(fault('GIVEN_UP', 'we have closed it after a request without an answer'));
  const started = performance.now();
  const elapsed = () => performance.now() - started;
  return new Promise((resolve) => {
    const fail = (code: string, detail: string): void => {
      clearTimeout(timer);
      if (code === 'TIMEOUT' || code === 'TOO_LARGE') givenUp.add(socket);
      resolve({ kind: 'fault', code, detail, sent: true, ms: elapsed() });
      socket.destroy();
    };
    const timer = setTimeout(() => fail('TIMEOUT', `no whole answer within ${deadlineMs} ms`), deadlineMs);
    const sent = start(socket, to, request);
    sent.on('error', (error) => {
      const { code, detail } = faultOf(error);
      fail(code, detail);
    });
    sent.on('response', (response) =>
      read(response, maxBytes, fail, (body) => {
        clearTimeout(timer);
        const { statusCode: status = 0 } = response;
        const answer = { kind: 'answer', status, headers: headersOf(response), body, ms: elapsed() } as const;
        resolve(peer === undefined ? answer : { ...answer, peer });
      }),
    );
    sent.end(request.body);
  });
}

function start(socket: TLSSocket, to: Endpoint, { method, path, headers, body }: WireRequest): ClientRequest {
  return startRequest({
    createConnection: () => socket,
    method,
    path,
    headers: {
      ...headers,
      host: to.url.host,
      connection: 'keep-alive',
      ...(body === undefined ? {} : { 'content-length': String(body.byteLength) }),
    },
  });
}

function read(
  response: IncomingMessage,
  maxBytes: number,
  fail: (code: string, detail: string) => void,
  done: (body: string) => void,
): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) fail('TOO_LARGE', `more than ${maxBytes} bytes`);
    else chunks.push(chunk);
  });
  response.on('error', (error) => fail('ECONNRESET', error.message));
  response.on('end', () => done(Buffer.concat(chunks).toString('utf8')));
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  const pairs = Object.entries(headers).filter((pair): pair is [string, string | string[]] => pair[1] !== undefined);
  return Object.fromEntries(pairs.map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]));
}

function fault(code: string, detail: string): Fault {
  return { kind: 'fault', code, detail, sent: false, ms: 0 };
}
