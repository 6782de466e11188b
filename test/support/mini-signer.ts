import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { TLSSocket, TlsOptions } from 'node:tls';
import type { Target } from '../../src/probe/round.ts';
import type { TestPki } from './test-pki.ts';

/** What can be wrong with a signer. Everything may be changed while it runs; what is left out is sound. */
export interface Knobs {
  clients: Record<string, string[]>;
  maxAgeMs: number;
  ttlMs: number;
  clockOffsetMs: number;
  /** Another store than the one that the signers share. */
  store: MiniStore;
  /** `app`: refuses with 403; `handshake`: refuses in TLS (needs a new server); `off`: does not ask. */
  mtls: 'app' | 'handshake' | 'off';
  /** Of `app`: whom it lets in; by default those whose certificate is in order. */
  admits: ((socket: TLSSocket) => boolean) | undefined;
  checksSignature: boolean;
  checksClient: boolean;
  checksTime: 'both' | 'past' | 'none';
  lenientHex: boolean;
  acceptsUnsigned: boolean;
  /** Lets pass whatever lacks this header. */
  waivedWithout: 'client-id' | 'timestamp' | 'nonce' | 'signature' | undefined;
  /** Says of what lacks one of the four headers that it is no request, in a code of its own. */
  asksForAll: boolean;
  /** Takes the digest of the body as it would write it, not of the bytes that came. */
  reserialises: boolean;
  /** Looks into the store, waits a moment, and then writes. */
  looksThenWrites: boolean;
  remembers: boolean;
  /** Calls the first `n` nonces used although they are not. */
  falseReplays: number;
  /** Answers this many requests with 429 and `Retry-After: 0`. */
  rateLimited: number;
  /** What it says in words, as the only text of a 401, in place of some codes. */
  words: Record<string, string>;
  /** Codes that it says in place of others. */
  mistakes: Record<string, string>;
  /** What is sent in place of a judged answer. */
  page: ((response: ServerResponse) => void) | undefined;
  /** Drops this many requests without an answer, by a reset. */
  resets: number;
  instance: string | undefined;
  /** Processes that answer in turn. */
  instances: string[];
  /** Paths and methods under which a signature is also found right. */
  alsoSigned: { paths: readonly string[]; methods: readonly string[] };
  /** What is sent to other paths than the probe's and for other methods than POST, before anything is looked at. */
  elsewhere: ((response: ServerResponse) => void) | undefined;
  /** How many bytes of the signature are compared; `given`: as many as were sent. */
  compares: 'all' | 'given' | number;
  /** Takes every client's secrets for every known client. */
  crossesClients: boolean;
  /** The form of an id that clients are looked up by; the store's key has it as it came. */
  looksUp: (client: string) => string;
  /** Takes the nonce before it looks at the signature. */
  burnsFirst: boolean;
  /** What of the nonce enters the store's key. */
  nonceKey: (nonce: string) => string;
  /** What else does. */
  alsoKeyed: (headers: IncomingHttpHeaders) => readonly unknown[];
  /** Waits this long before it looks at a request. */
  slowMs: number;
  /** Answers this many signed requests with 503 `SIGNER_UNAVAILABLE`; `taking`: after the nonce was taken. */
  unavailable: number;
  taking: boolean;
  /** What a rate limit says in `Retry-After`. */
  retryAfter: string;
  /** Of two workers one holds these clients still; they answer in turn. */
  stale: Record<string, string[]> | undefined;
}

/** A replay store: one map for all that share it. `lose` forgets everything; `prefix` keeps namespaces apart. */
export class MiniStore {
  readonly #expiries = new Map<string, number>();

  /** Whether the key is used; a new one is remembered until `ttlMs` from now. */
  take(key: string, ttlMs: number): boolean {
    const used = this.has(key);
    if (!used) this.#expiries.set(key, Date.now() + ttlMs);
    return used;
  }

  has(key: string): boolean {
    return (this.#expiries.get(key) ?? 0) > Date.now();
  }

  put(key: string, ttlMs: number): void {
    this.#expiries.set(key, Date.now() + ttlMs);
  }

  lose(): void {
    this.#expiries.clear();
  }
}

/** A small conforming signer for tests, in this process, over real TLS; it shares nothing with the prober's judging. */
export interface MiniSigner extends Target {
  readonly knobs: Knobs;
  /** Requests that were answered or dropped so far. */
  requests(): number;
  /** TLS connections that are open, and how many there have been. */
  connections(): { readonly open: readonly TLSSocket[]; readonly ever: number };
  /** Shows and trusts something else from the next handshake on. */
  setTls(tls: TlsOptions): void;
  close(): Promise<void>;
}

export const SECRETS = {
  current: 'test-current-secret-0123456789abcdef0123456789ab',
  next: 'test-next-secret-0123456789abcdef0123456789abcdef',
  other: 'test-other-secret-0123456789abcdef0123456789abcde',
} as const;

export function soundKnobs(store: MiniStore): Knobs {
  return {
    clients: { 'client-a': [SECRETS.current] },
    maxAgeMs: 2000,
    ttlMs: 5000,
    clockOffsetMs: 0,
    store,
    mtls: 'app',
    admits: undefined,
    checksSignature: true,
    checksClient: true,
    checksTime: 'both',
    lenientHex: false,
    acceptsUnsigned: false,
    waivedWithout: undefined,
    asksForAll: false,
    reserialises: false,
    looksThenWrites: false,
    remembers: true,
    falseReplays: 0,
    rateLimited: 0,
    words: {},
    mistakes: {},
    page: undefined,
    resets: 0,
    instance: undefined,
    instances: [],
    alsoSigned: { paths: [], methods: [] },
    elsewhere: undefined,
    compares: 'all',
    crossesClients: false,
    looksUp: (client) => client,
    burnsFirst: false,
    nonceKey: (nonce) => nonce,
    alsoKeyed: () => [],
    slowMs: 0,
    unavailable: 0,
    taking: false,
    retryAfter: '0',
    stale: undefined,
  };
}

/** @param tls in place of what `pki` and `knobs.mtls` say */
export async function miniSigner(name: string, pki: TestPki, knobs: Knobs, tls: TlsOptions = {}): Promise<MiniSigner> {
  const serverName = `${name}.test.internal`;
  const { cert, key } = await pki.server(serverName);
  let requests = 0;
  const server: Server = createServer(
    { cert, key, ca: pki.ca, requestCert: true, rejectUnauthorized: knobs.mtls === 'handshake', ...tls },
    (request, response) => {
      requests += 1;
      answer(knobs, request, response).catch((error: unknown) => response.destroy(error as Error));
    },
  );
  const sockets = new Set<Duplex>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', () => {});
  const open = new Set<TLSSocket>();
  let ever = 0;
  server.on('secureConnection', (socket) => {
    ever += 1;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    name,
    serverName,
    url: new URL(`https://127.0.0.1:${port}`),
    knobs,
    requests: () => requests,
    connections: () => ({ open: [...open], ever }),
    setTls: (next) => server.setSecureContext({ cert, key, ca: pki.ca, ...tls, ...next }),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(knobs: Knobs, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  if (knobs.resets > 0) {
    knobs.resets -= 1;
    request.socket.destroy();
    return;
  }
  const instance = knobs.instances.shift() ?? knobs.instance;
  if (instance !== undefined) {
    response.setHeader('x-signer-instance', instance);
    if (knobs.instance === undefined) knobs.instances.push(instance);
  }
  if (knobs.rateLimited > 0) {
    knobs.rateLimited -= 1;
    response.writeHead(429, { 'retry-after': knobs.retryAfter, 'content-type': 'application/json' });
    response.end('{"errorCode":"RATE_LIMITED"}');
    return;
  }
  if (knobs.page !== undefined) {
    knobs.page(response);
    return;
  }
  if (knobs.elsewhere !== undefined && (request.url !== PROBE_PATH || request.method !== 'POST')) {
    knobs.elsewhere(response);
    return;
  }
  if (knobs.slowMs > 0) await delay(knobs.slowMs);
  const [status, errorCode] = await verify(knobs, request, Buffer.concat(chunks));
  const words = knobs.words[errorCode];
  if (words !== undefined) {
    response.writeHead(401, { 'content-type': 'application/json' }).end(JSON.stringify({ error: words }));
    return;
  }
  response.writeHead(status, { 'content-type': 'application/json' });
  const said = knobs.mistakes[errorCode] ?? errorCode;
  response.end(JSON.stringify({ error: 'refused', errorCode: said, requestId: 'r', retryable: false }));
}

const PROBE_PATH = '/v1/sign/session-transaction';

type Refusal = readonly [status: number, errorCode: string];
/** What an accepted request comes to: the policy refuses the probe's body. */
const ACCEPTED: Refusal = [422, 'POLICY_SELECTOR_DENIED'];

async function verify(knobs: Knobs, request: IncomingMessage, body: Buffer): Promise<Refusal> {
  const { waivedWithout: part } = knobs;
  // A request that lacks everything is another matter.
  const all = Object.keys(request.headers).filter((name) => name.startsWith('x-keyring-'));
  if (part !== undefined && all.length > 0 && !all.includes(`x-keyring-${part}`)) return ACCEPTED;
  if (knobs.asksForAll && all.length === 3) return [400, 'HEADER_MISSING'];
  const header = (name: string): string => String(request.headers[`x-keyring-${name}`] ?? '').trim();
  const [client, timestamp, nonce, signature] = ['client-id', 'timestamp', 'nonce', 'signature'].map(header) as [
    string,
    string,
    string,
    string,
  ];
  if (client === '') return knobs.acceptsUnsigned ? ACCEPTED : [401, 'AUTH_INVALID_CLIENT'];
  const socket = request.socket as TLSSocket;
  if (knobs.mtls === 'app' && !(knobs.admits?.(socket) ?? socket.authorized)) return [403, 'AUTH_MTLS_REQUIRED'];
  const clients = clientsNow(knobs);
  const everyone = Object.values(clients).flat();
  const own = clients[knobs.looksUp(client)] ?? (knobs.checksClient ? [] : everyone);
  const secrets = knobs.crossesClients && own.length > 0 ? everyone : own;
  if (secrets.length === 0) return [401, 'AUTH_INVALID_CLIENT'];
  if (outsideWindow(knobs, timestamp)) return [401, 'AUTH_TIMESTAMP_SKEW'];
  const bytes = Buffer.byteLength(nonce);
  if (bytes < 16 || bytes > 256 || nonce.includes('.')) return [400, 'AUTH_INVALID_NONCE'];
  if (!knobs.lenientHex && !/^(?:[0-9a-f]{2})+$/i.test(signature)) return [400, 'AUTH_INVALID_SIGNATURE_FORMAT'];
  const covered = knobs.reserialises ? JSON.stringify(JSON.parse(body.toString('utf8'))) : body;
  const digest = createHash('sha256').update(covered).digest('hex');
  const { paths, methods } = knobs.alsoSigned;
  const texts = [request.method, ...methods].flatMap((method) =>
    [request.url, ...paths].map((path) => `${timestamp}.${nonce}.${method}.${path}.${digest}`),
  );
  const key = JSON.stringify([client, knobs.nonceKey(nonce), ...knobs.alsoKeyed(request.headers)]);
  if (knobs.burnsFirst && (await used(knobs, key))) return [409, 'REPLAY_NONCE_USED'];
  const matches = texts.some((text) => matchesAny(knobs, secrets, text, signature));
  if (knobs.checksSignature && !matches) return [401, 'AUTH_INVALID_HMAC'];
  if (knobs.unavailable > 0) {
    knobs.unavailable -= 1;
    if (knobs.taking) await used(knobs, key);
    return [503, 'SIGNER_UNAVAILABLE'];
  }
  if (knobs.falseReplays > 0) {
    knobs.falseReplays -= 1;
    return [409, 'REPLAY_NONCE_USED'];
  }
  return !knobs.burnsFirst && (await used(knobs, key)) ? [409, 'REPLAY_NONCE_USED'] : ACCEPTED;
}

function clientsNow(knobs: Knobs): Knobs['clients'] {
  if (knobs.stale === undefined) return knobs.clients;
  const { stale, clients } = knobs;
  Object.assign(knobs, { stale: clients, clients: stale });
  return clients;
}

function outsideWindow(knobs: Knobs, timestamp: string): boolean {
  if (!/^\d{1,15}$/.test(timestamp)) return true;
  const ahead = Number(timestamp) - (Date.now() + knobs.clockOffsetMs);
  if (knobs.checksTime === 'none') return false;
  return knobs.checksTime === 'past' ? -ahead > knobs.maxAgeMs : Math.abs(ahead) > knobs.maxAgeMs;
}

function matchesAny({ compares }: Knobs, secrets: readonly string[], text: string, signature: string): boolean {
  const given = Buffer.from(signature, 'hex');
  const length = compares === 'all' ? 32 : compares === 'given' ? given.length : compares;
  return secrets.some((secret) => {
    const mac = createHmac('sha256', secret).update(text).digest();
    const [left, right] = [given.subarray(0, length), mac.subarray(0, length)];
    return (
      (compares !== 'all' || given.length === mac.length) &&
      left.length === right.length &&
      timingSafeEqual(left, right)
    );
  });
}

async function used(knobs: Knobs, key: string): Promise<boolean> {
  if (!knobs.remembers) return false;
  if (!knobs.looksThenWrites) return knobs.store.take(key, knobs.ttlMs);
  const seen = knobs.store.has(key);
  await delay(5);
  knobs.store.put(key, knobs.ttlMs);
  return seen;
}
