import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Target } from '../../src/probe/round.ts';
import { MiniStore } from './mini-signer.ts';

/** A secret of a gate, and the key id that it has. */
export interface GateKey {
  readonly id: string;
  readonly secret: string;
}

/** The fields that are signed. */
export interface GateFields {
  readonly actor: string;
  readonly session: string;
  readonly tool: string;
  readonly nonce: string;
  readonly seconds: number;
}

/** What can be wrong with a gate; `soundGate` has nothing wrong. */
export interface GateKnobs {
  /** The primary secret, and the previous one if there is one. */
  keys: readonly GateKey[];
  strict: boolean;
  revoked: readonly string[];
  /** Whether an unsigned or wrongly signed request is refused. */
  required: boolean;
  /** Whether a signature must be there, right or wrong. */
  unsignedAccepted: boolean;
  /** Lets pass whatever lacks one of these fields, or, of several, all. */
  waivedWithout: readonly ('nonce' | 'ts')[];
  /** Which signatures are looked at: each, the first one, or (for two and more) none. */
  looksAt: 'each' | 'first' | 'none-of-several';
  /** A gate that knows labels and never looks at digests. */
  digestIgnored: boolean;
  /** How many hex digits are compared; more may stand behind them. */
  compares: number | 'all';
  /** Keys that count under exactly these labels, strict or not. */
  leftover: readonly GateKey[];
  /** What else than the request itself may have been signed. */
  alsoSigned: (fields: GateFields) => readonly GateFields[];
  checksTime: 'both' | 'past' | 'future' | 'none';
  maxAgeMs: number;
  clockOffsetMs: number;
  store: MiniStore;
  nonceTtlMs: number;
  /** The text of a refusal, where it is another than the contract's. */
  words: (text: string, status: number) => { readonly status: number; readonly body: unknown };
  /** Requests that are answered with 503 and no JSON before any is judged. */
  unavailable: number;
  /** Requests that the schema refuses, before anything else. */
  refusesFields: (body: Readonly<Record<string, unknown>>) => boolean;
  /** What the key of a nonce is made of. */
  keyOf: (fields: GateFields, body: Readonly<Record<string, unknown>>) => readonly unknown[];
  /** A session that is not trusted. */
  untrusted: boolean;
}

/** A small conforming gate for tests, in this process, over real HTTP; it shares nothing with what is tested. */
export interface MiniGate extends Target {
  readonly knobs: GateKnobs;
  /** Bodies that came in, in order. */
  readonly bodies: readonly Readonly<Record<string, unknown>>[];
  close(): Promise<void>;
}

/** The secrets of the tests' gates. */
export const GATE_SECRETS = {
  current: 'gate-current-secret-0123456789abcdef0123456789abc',
  next: 'gate-next-secret-0123456789abcdef0123456789abcdef',
} as const;

/** Key ids as a rotation gives them. */
export const GATE_IDS = { current: 'k-c0ffee01', next: 'k-3fa9c1d2' } as const;

/** A sound gate in the middle of a rotation: it verifies with next, and with current as the previous secret. */
export function soundGate(store: MiniStore = new MiniStore()): GateKnobs {
  return {
    keys: [
      { id: GATE_IDS.next, secret: GATE_SECRETS.next },
      { id: GATE_IDS.current, secret: GATE_SECRETS.current },
    ],
    strict: false,
    revoked: [],
    required: true,
    unsignedAccepted: false,
    waivedWithout: [],
    looksAt: 'each',
    digestIgnored: false,
    compares: 'all',
    leftover: [],
    alsoSigned: () => [],
    checksTime: 'both',
    maxAgeMs: 2000,
    clockOffsetMs: 0,
    store,
    nonceTtlMs: 6000,
    words: (detail, status) => ({ status, body: { detail } }),
    unavailable: 0,
    refusesFields: () => false,
    keyOf: ({ session, nonce }) => [session, nonce],
    untrusted: false,
  };
}

export async function miniGate(name: string, knobs: GateKnobs): Promise<MiniGate> {
  const bodies: Readonly<Record<string, unknown>>[] = [];
  const server = createServer((request, response) => {
    answer(knobs, bodies, request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    name,
    serverName: '127.0.0.1',
    url: new URL(`http://127.0.0.1:${port}`),
    knobs,
    bodies,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(
  knobs: GateKnobs,
  bodies: Readonly<Record<string, unknown>>[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  response.setHeader('x-signer-instance', `port-${request.socket.localPort}`);
  if (knobs.unavailable > 0) {
    knobs.unavailable -= 1;
    response.writeHead(503, { 'content-type': 'text/html' }).end('<html></html>');
    return;
  }
  const body: Record<string, unknown> = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  bodies.push(body);
  const refused = await refusalOf(knobs, body);
  const said = refused === undefined ? { status: 200, body: { approved: false } } : knobs.words(refused[1], refused[0]);
  response.writeHead(said.status, { 'content-type': 'application/json' }).end(JSON.stringify(said.body));
}

type Refusal = readonly [status: number, text: string];

/** The order of the contract: session, time, signature, nonce. */
async function refusalOf(knobs: GateKnobs, body: Readonly<Record<string, unknown>>): Promise<Refusal | undefined> {
  const text = (name: string): string => String(body[name] ?? '');
  if (knobs.refusesFields(body)) return [422, 'field not allowed'];
  if (knobs.untrusted) return [401, 'Session not trusted'];
  const { waivedWithout } = knobs;
  if (waivedWithout.length > 0 && waivedWithout.every((name) => !(name in body))) return undefined;
  if (!('nonce' in body) || !('ts' in body)) return [400, 'nonce and ts must be provided together'];
  const ts = Number(body.ts);
  if (outsideWindow(knobs, ts)) return [401, 'request timestamp outside allowed window'];
  const fields: GateFields = {
    actor: text('actor_did'),
    session: text('session_id'),
    tool: text('tool'),
    nonce: text('nonce'),
    seconds: Math.floor(ts),
  };
  const given = [
    ...('signature' in body ? [text('signature')] : []),
    ...(Array.isArray(body.signatures) ? body.signatures : []),
  ];
  if (knobs.required && !isSigned(knobs, fields, given.map(String))) return [401, 'invalid request signature'];
  const key = JSON.stringify(knobs.keyOf(fields, body));
  return (await knobs.store.take(key, knobs.nonceTtlMs)) ? [409, 'replay detected'] : undefined;
}

function outsideWindow({ checksTime, maxAgeMs, clockOffsetMs }: GateKnobs, ts: number): boolean {
  const ahead = 1000 * ts - (Date.now() + clockOffsetMs);
  if (checksTime === 'none') return false;
  if (checksTime === 'past') return -ahead > maxAgeMs;
  return checksTime === 'future' ? ahead > maxAgeMs : Math.abs(ahead) > maxAgeMs;
}

function isSigned(knobs: GateKnobs, fields: GateFields, given: readonly string[]): boolean {
  if (given.length === 0) return knobs.unsignedAccepted;
  if (knobs.looksAt === 'none-of-several' && new Set(given).size > 1) return true;
  const looked = knobs.looksAt === 'first' ? given.slice(0, 1) : given;
  const texts = [fields, ...knobs.alsoSigned(fields)].map(
    ({ actor, session, tool, nonce, seconds }) => `${actor}|${session}|${tool}|${nonce}|${seconds}`,
  );
  return looked.some((signature) => {
    const [label = '', digest = ''] = signature.split(':');
    if (knobs.revoked.includes(label)) return false;
    if (knobs.digestIgnored) return knobs.keys.some(({ id }) => id === label);
    const keys = [
      ...knobs.keys.filter(({ id }) => !knobs.strict || id === label),
      ...knobs.leftover.filter(({ id }) => id === label),
    ];
    return keys.some(({ secret }) => texts.some((text) => isDigest(knobs, digest, secret, text)));
  });
}

function isDigest({ compares }: GateKnobs, digest: string, secret: string, text: string): boolean {
  const right = createHmac('sha256', secret).update(text).digest('hex');
  return compares === 'all' ? digest === right : digest.slice(0, compares) === right.slice(0, compares);
}
