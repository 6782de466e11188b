import * as http from 'node:http';
import * as https from 'node:https';
import { isIP } from 'node:net';
import * as tls from 'node:tls';
import { escapeForeign } from '../errors/escape.ts';
import type { Exchange } from '../protocol/outcome.ts';
import type { CanaryTrace } from './canary-handshakes.ts';
import type { WireRequest } from './ports.ts';

/** A place that the canary sends to, in a form that can be passed between threads. */
export interface CanaryRoute {
  /** A replica's name, or `balancer`. */
  readonly name: string;
  /** Scheme and authority. */
  readonly url: string;
  readonly serverName: string;
  /** IP address to connect to, where the host of `url` was looked up already. */
  readonly address?: string;
}

/** PEM. Without a CA there is no trust: the public roots are never used. */
export interface CanaryTls {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string | Buffer;
}

/** The bounds of one request. */
export interface CanaryLimits {
  readonly deadlineMs: number;
  readonly maxBytes: number;
}

/** What connections are made with: a TLS context under the name of the certificate that it presents. */
export interface CanaryContext {
  readonly name: string;
  readonly context: tls.SecureContext | undefined;
}

/** Sends requests to one route. Never rejects: what the network does is a `fault` exchange. */
export interface CanaryWire {
  /** @param name of the context to connect with; by default, and for one that is gone, the first */
  send(request: WireRequest, name?: string): Promise<Exchange & CanaryTrace>;
  /** Connects with these contexts too, in place of those that have their names. */
  add(contexts: readonly CanaryContext[]): void;
  /**
   * Lets go of all contexts but these names, and of those that were replaced: resolves when no request is under way over
   * a connection that was made with them, and those connections are closed.
   */
  keep(names: readonly string[]): Promise<void>;
  close(): void;
}

/** A connection serves this many requests and is closed, so that a balancer gets to choose again and again. */
const REQUESTS_PER_CONNECTION = 8;

type RequestFunction = (options: https.RequestOptions) => http.ClientRequest;

/** The connections of one route that were made with one context. */
interface Lane {
  readonly name: string;
  readonly agent: http.Agent;
  readonly underWay: Set<Promise<unknown>>;
}

/** Connects a route over keep-alive connections of its own. The contexts serve all routes; there is at least one. */
export function openWire(
  route: CanaryRoute,
  contexts: readonly CanaryContext[],
  limits: CanaryLimits,
  monotonic: () => number,
): CanaryWire {
  const url = new URL(route.url);
  const secure = url.protocol === 'https:';
  const start: RequestFunction = secure ? https.request : http.request;
  const lanes = new Map<string, Lane>();
  const replaced: Lane[] = [];
  const add = (added: readonly CanaryContext[]): void => {
    for (const { name, context } of added) {
      const agent = secure
        ? new https.Agent({ keepAlive: true, maxCachedSessions: 0, ...tlsOptions(route.serverName, context) })
        : new http.Agent({ keepAlive: true });
      renewing(agent);
      const former = lanes.get(name);
      if (former !== undefined) replaced.push(former);
      lanes.set(name, { name, agent, underWay: new Set() });
    }
  };
  const laneOf = (name: string | undefined): Lane => {
    const [first] = lanes.values();
    const lane = (name === undefined ? undefined : lanes.get(name)) ?? first;
    if (lane === undefined) throw new Error('the canary has nothing to connect with');
    return lane;
  };
  add(contexts);
  return {
    add,
    send(request, name) {
      const lane = laneOf(name);
      const headers = { ...request.headers, host: url.host, 'content-length': String(request.body?.byteLength ?? 0) };
      const options = {
        agent: lane.agent,
        method: request.method,
        hostname: route.address ?? url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port === '' ? (secure ? 443 : 80) : url.port,
        path: request.path,
        headers,
      };
      const sent = exchange(() => start(options), request.body, limits, monotonic);
      lane.underWay.add(sent);
      void sent.finally(() => lane.underWay.delete(sent));
      return sent;
    },
    async keep(names) {
      const withdrawn = [...replaced.splice(0), ...[...lanes.values()].filter(({ name }) => !names.includes(name))];
      for (const lane of withdrawn) if (lanes.get(lane.name) === lane) lanes.delete(lane.name);
      await Promise.all(withdrawn.flatMap(({ underWay }) => [...underWay]));
      for (const { agent } of withdrawn) agent.destroy();
    },
    close: () => {
      for (const { agent } of [...lanes.values(), ...replaced]) agent.destroy();
    },
  };
}

const uses = new WeakMap<object, number>();

/** Closes each connection after its last request. */
function renewing(agent: http.Agent): void {
  const keep = agent.keepSocketAlive.bind(agent);
  agent.keepSocketAlive = (socket) => (uses.get(socket) ?? 0) < REQUESTS_PER_CONNECTION && keep(socket);
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
): Promise<Exchange & CanaryTrace> {
  const began = monotonic();
  const elapsed = () => monotonic() - began;
  return new Promise((resolve) => {
    const request = start();
    const deadline = setTimeout(() => fail('TIMEOUT', `no answer within ${limits.deadlineMs} ms`), limits.deadlineMs);
    let greeted = false;
    // Key material is there once the server has said its part; nobody looks at it.
    request.once('socket', (socket) => {
      uses.set(socket, (uses.get(socket) ?? 0) + 1);
      if (!request.reusedSocket) socket.once('keylog', () => (greeted = true));
    });
    const settle = (result: Exchange): void => {
      clearTimeout(deadline);
      resolve(greeted ? { ...result, greeted } : result);
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
