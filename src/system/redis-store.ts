import { Redis } from 'ioredis';
import { escapeForeign } from '../errors/escape.ts';
import type { StoreSource } from '../fleet/store.ts';
import type { StoreAddress } from '../fleet/store-address.ts';
import type { StoreAnswer, StorePasswords, StoreView } from '../probe/store-view.ts';

/** What a look into a store needs that is not in the fleet file itself. PEM texts. */
export interface StoreAccess {
  readonly passwords: StorePasswords;
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

type Fault = Extract<StoreAnswer, { kind: 'fault' }>;
type Trouble = Exclude<StoreAnswer, { kind: 'value' }>;

/** Redirects of a cluster that are followed for one key. */
const MOST_MOVES = 3;
/** A cluster says where a key is by these words; `MOVED 15290 127.0.0.1:7452`. */
const MOVED = /^MOVED \d+ (\S+):(\d+)$/;

/**
 * Looks into a Redis. Connections are opened when they are needed, one a node: an answer that was lost is a fault, never
 * asked for again. Nothing is sent on its own behalf but the login and the database, so
 * that a login with few rights is enough.
 */
export function createStoreView(source: StoreSource, access: StoreAccess): StoreView {
  const connections = new Map<string, Promise<Redis | Trouble>>();
  const open = (name: string, to: StoreAddress, sentinel: boolean): Promise<Redis | Trouble> => {
    const known = connections.get(`${sentinel} ${name}`);
    if (known !== undefined) return known;
    const opened = connectTo(to, source, access, sentinel, () => connections.delete(`${sentinel} ${name}`));
    connections.set(`${sentinel} ${name}`, opened);
    return opened;
  };
  const places = new Map(source.nodes.map((node) => [nameOf(node), node] as const));

  const ask = async (name: string, command: readonly string[]): Promise<StoreAnswer> => {
    const place = places.get(name) ?? addressIn(name, source.nodes[0]?.tls ?? false);
    if (place === undefined) return { kind: 'fault', reason: `no node ${name} is known` };
    const redis = await open(name, place, false);
    return 'kind' in redis ? redis : call(redis, command);
  };
  const nodes = async (): Promise<readonly string[] | { reason: string }> => {
    if (source.form !== 'sentinel') return [...places.keys()];
    // Asked anew each time: what was the primary may have failed over since.
    const found = await findPrimary(source, (node) => open(nameOf(node), node, true));
    if ('kind' in found) return { reason: found.reason };
    places.set(nameOf(found), found);
    return [nameOf(found)];
  };

  return {
    nodes,
    ask: (name, ...command) => ask(name, command),
    async askKey(_key, ...command) {
      const known = await nodes();
      if ('reason' in known) return { kind: 'fault', reason: known.reason };
      let answer: StoreAnswer = { kind: 'fault', reason: 'no node is known' };
      for (const name of known) {
        answer = await ask(name, command);
        if (answer.kind !== 'fault') break;
      }
      for (let moves = 0; moves < MOST_MOVES; moves += 1) {
        const next = answer.kind === 'error' ? MOVED.exec(answer.reason) : null;
        if (next === null) break;
        const [, host = '', port = ''] = next;
        const to = { host, port: Number(port), tls: source.nodes[0]?.tls ?? false };
        places.set(nameOf(to), to);
        answer = await ask(nameOf(to), command);
      }
      return answer;
    },
    async close() {
      for (const redis of await Promise.all(connections.values())) {
        if (!('kind' in redis)) redis.disconnect();
      }
    },
  };
}

/** Asks the Sentinels in turn for the primary; the first that knows it is believed. */
async function findPrimary(
  { nodes, primary = '' }: StoreSource,
  open: (node: StoreAddress) => Promise<Redis | Trouble>,
): Promise<StoreAddress | Fault> {
  const reasons: string[] = [];
  for (const node of nodes) {
    const redis = await open(node);
    const answer = 'kind' in redis ? redis : await call(redis, ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', primary]);
    if (answer.kind === 'value' && Array.isArray(answer.value)) {
      const [host, port] = answer.value.map(String);
      return { host: host ?? '', port: Number(port), tls: node.tls };
    }
    const why = answer.kind === 'value' ? `it knows no primary ${primary}` : answer.reason;
    reasons.push(`${nameOf(node)}: ${why}`);
  }
  return { kind: 'fault', reason: `no Sentinel named the primary: ${reasons.join('; ')}` };
}

function connectTo(
  to: StoreAddress,
  source: StoreSource,
  access: StoreAccess,
  sentinel: boolean,
  gone: () => void,
): Promise<Redis | Trouble> {
  const { deadlineMs, tls } = source;
  const { ca, cert, key, passwords } = access;
  const redis = new Redis({
    host: to.host,
    port: to.port,
    lazyConnect: true,
    // What it would ask on its own behalf, a login with few rights may not.
    enableReadyCheck: false,
    disableClientInfo: true,
    protocol: 2,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    connectTimeout: deadlineMs,
    commandTimeout: deadlineMs,
    password: sentinel ? passwords.sentinel : passwords.store,
    username: sentinel ? undefined : source.user,
    tls: to.tls ? { ca, cert, key, servername: tls?.serverName ?? to.host, minVersion: 'TLSv1.2' } : undefined,
  });
  let first: Error | undefined;
  redis.on('error', (error) => {
    first ??= error;
  });
  // A connection that has ended is made anew when it is next needed; within one look, what failed is not tried again.
  redis.once('end', gone);
  return redis.connect().then(
    () => selected(redis, sentinel ? 0 : source.db),
    (error: unknown) => {
      redis.disconnect();
      return faultOf(first ?? error);
    },
  );
}

/** The library goes on in database 0 when it may not select another; that would be a look into the wrong one. */
async function selected(redis: Redis, db: number): Promise<Redis | Trouble> {
  const answer: StoreAnswer = db === 0 ? { kind: 'value', value: 'OK' } : await call(redis, ['SELECT', `${db}`]);
  if (answer.kind === 'value') return redis;
  redis.disconnect();
  return answer;
}

async function call(redis: Redis, [name = '', ...args]: readonly string[]): Promise<StoreAnswer> {
  try {
    return { kind: 'value', value: await redis.call(name, ...args) };
  } catch (error) {
    return error instanceof Error && error.name === 'ReplyError' ? errorOf(error.message) : faultOf(error);
  }
}

function errorOf(message: string): StoreAnswer {
  return { kind: 'error', code: message.split(' ')[0] ?? '', reason: escapeForeign(message, 200) };
}

function faultOf(error: unknown): Fault {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? `${String(error.code)}: ` : '';
  return { kind: 'fault', reason: escapeForeign(`${code}${message}`, 200) };
}

/** The address in a name, `host:port` or `[host]:port`. */
function addressIn(name: string, tls: boolean): StoreAddress | undefined {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(name) ?? [];
  const host = bracketed ?? plain;
  return host === undefined ? undefined : { host, port: Number(port), tls };
}

function nameOf({ host, port }: StoreAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
