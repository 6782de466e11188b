import * as http from 'node:http';
import * as https from 'node:https';
import { isIP } from 'node:net';
import * as tls from 'node:tls';
import { escapeForeign } from '../errors/escape.ts';
import type { Exchange } from '../protocol/outcome.ts';
import type { WireRequest } from './ports.ts';

/** A place that the canary sends to, in a form that can be passed between threads. */
export interface CanaryRoute {
  /** A replica's name, or `balancer`. */
  readonly name: string;
  /** Scheme and authority. */
  readonly url: string;
  readonly serverName: string;
}

/** PEM text. Without a CA there is no trust: the public roots are never used. */
export interface CanaryTls {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
}

/** The bounds of one request. */
export interface CanaryLimits {
  readonly deadlineMs: number;
  readonly maxBytes: number;
}

/** Sends requests to one route. Never rejects: what the network does is a `fault` exchange. */
export interface CanaryWire {
  send(request: WireRequest): Promise<Exchange>;
  close(): void;
}

/** A connection serves this many requests and is closed, so that a balancer gets to choose again and again. */
const REQUESTS_PER_CONNECTION = 8;

type RequestFunction = (options: https.RequestOptions) => http.ClientRequest;

/** Connects a route over keep-alive connections of its own. One `context` serves all routes. */
export function openWire(
  route: CanaryRoute,
  context: tls.SecureContext | undefined,
  limits: CanaryLimits,
  monotonic: () => number,
): CanaryWire {
  const url = new URL(route.url);
  const secure = url.protocol === 'https:';
  const agent = secure
    ? new https.Agent({ keepAlive: true, maxCachedSessions: 0, ...tlsOptions(route.serverName, context) })
    : new http.Agent({ keepAlive: true });
  const start: RequestFunction = secure ? https.request : http.request;
  let count = 0;
  return {
    send(request) {
      count += 1;
      const last = count % REQUESTS_PER_CONNECTION === 0;
      const headers = { ...request.headers, 'content-length': String(request.body?.byteLength ?? 0) };
      const options = {
        agent,
        method: request.method,
        hostname: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port === '' ? (secure ? 443 : 80) : url.port,
        path: request.path,
        headers: last ? { ...headers, connection: 'close' } : headers,
      };
      return exchange(() => start(options), request.body, limits, monotonic);
    },
    close: () => agent.destroy(),
  };
}

/** One secure context for all connections. Throws when the PEM text is no certificate. */
export function secureContext(files: CanaryTls): tls.SecureContext {
  const { ca, cert, key } = files;
  if (!ca.includes('-----BEGIN CERTIFICATE-----')) throw new Error('the ca bundle holds no certificate');
  return tls.createSecureContext({
    ca,
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  });
}

function tlsOptions(serverName: string, context: tls.SecureContext | undefined): https.AgentOptions {
  return {
    ...(context === undefined ? {} : { secureContext: context }),
    servername: isIP(serverName) === 0 ? serverName : '',
    checkServerIdentity: (_, certificate) => tls.checkServerIdentity(serverName, certificate),
  };
}

function exchange(
  start: () => http.ClientRequest,
  body: Uint8Array | undefined,
  limits: CanaryLimits,
  monotonic: () => number,
): Promise<Exchange> {
  const began = monotonic();
  const elapsed = () => monotonic() - began;
  return new Promise((resolve) => {
    const request = start();
    const deadline = setTimeout(() => fail('TIMEOUT', `no answer within ${limits.deadlineMs} ms`), limits.deadlineMs);
    const settle = (result: Exchange): void => {
      clearTimeout(deadline);
      resolve(result);
    };
    const fail = (code: string, detail: string): void => {
      settle({ kind: 'fault', code, detail: escapeForeign(detail), sent: mayHaveArrived(request), ms: elapsed() });
      request.destroy();
    };
    request.on('error', (error: NodeJS.ErrnoException) => fail(faultCode(error), error.message));
    request.on('response', (response) => readAnswer(response, limits.maxBytes, elapsed, settle, fail));
    request.end(body);
  });
}

function readAnswer(
  response: http.IncomingMessage,
  maxBytes: number,
  elapsed: () => number,
  settle: (result: Exchange) => void,
  fail: (code: string, detail: string) => void,
): void {
  const chunks: Buffer[] = [];
  let length = 0;
  response.on('data', (chunk: Buffer) => {
    length += chunk.byteLength;
    if (length > maxBytes) fail('TOO_LARGE', `the answer is longer than ${maxBytes} bytes`);
    else chunks.push(chunk);
  });
  response.on('error', (error: NodeJS.ErrnoException) => fail(faultCode(error), error.message));
  response.on('end', () => {
    const headers = plainHeaders(response.headers);
    const body = Buffer.concat(chunks).toString('utf8');
    settle({ kind: 'answer', status: response.statusCode ?? 0, headers, body, ms: elapsed() });
  });
}

function plainHeaders(headers: http.IncomingHttpHeaders): Record<string, string> {
  const pairs = Object.entries(headers).filter((pair): pair is [string, string | string[]] => pair[1] !== undefined);
  return Object.fromEntries(pairs.map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]));
}

function mayHaveArrived(request: http.ClientRequest): boolean {
  const socket = request.socket;
  return socket !== null && !socket.connecting && socket.bytesWritten > 0;
}

function faultCode(error: NodeJS.ErrnoException): string {
  const code = error.code ?? 'MALFORMED';
  return code.startsWith('HPE_') ? 'MALFORMED' : code;
}
