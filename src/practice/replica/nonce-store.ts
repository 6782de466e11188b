import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { required, requiredNumber, type Variables } from '../env-file.ts';

const GAP_MS = 30;
const CONNECT_MS = 500;
/** At its start a replica waits this long for a store that says nothing, and `CONNECT_MS` for one that refuses. */
const READY_MS = 3000;
const RECONNECT_MS = 50;

/** Where the shared store is, as a replica's env file has it. */
export interface StoreSettings {
  /**
   * One `redis:` address; or those of Sentinels, `redis+sentinel:` with the name of their primary as the path; or those
   * of nodes of a cluster, `redis+cluster:`.
   */
  readonly urls: readonly URL[];
  /** What each key begins with. */
  readonly prefix: string;
  readonly timeoutMs: number;
}

/** Reads them: the names of the variables begin with the replica's kind. */
export function readStoreSettings(env: Variables, kind: 'KEYRING' | 'GATE'): StoreSettings {
  return {
    urls: required(env, `${kind}_STORE_URL`)
      .split(',')
      .map((text) => new URL(text)),
    prefix: required(env, `${kind}_STORE_PREFIX`),
    timeoutMs: requiredNumber(env, `${kind}_STORE_TIMEOUT_MS`),
  };
}

/** Where consumed nonces are kept. */
export interface NonceStore {
  /** True when the nonce was fresh and is now taken; rejects when the store cannot tell. */
  consume(key: string, ttlMs: number): Promise<boolean>;
}

/** The shared store, with the two ways of using it. */
export interface SharedStore extends NonceStore {
  /** Fault `non-atomic-store`: looks, waits, writes. */
  consumeInTwoSteps(key: string, ttlMs: number): Promise<boolean>;
  close(): void;
}

/**
 * Connects to the shared store; resolves when it answers, or when it is plain that it does not. No command is ever sent
 * twice and none is queued: a lost reply is an error, so that it refuses and does not accept.
 */
export async function connectStore(name: string, { urls, timeoutMs }: StoreSettings): Promise<SharedStore> {
  const redis = makeClient(name, urls);
  let closed = false;
  // A fail-over that is told of in the midst of a new connection ends the client for good.
  redis.on('end', () => {
    if (!closed) setTimeout(() => redis.connect().catch(() => {}), RECONNECT_MS).unref();
  });
  await settled(redis);
  const within = <T>(reply: Promise<T>): Promise<T> => inTime(reply, timeoutMs);
  return {
    consume: async (key, ttlMs) => (await within(redis.set(key, '1', 'PX', ttlMs, 'NX'))) === 'OK',
    consumeInTwoSteps: async (key, ttlMs) => {
      if ((await within(redis.get(key))) !== null) return false;
      await sleep(GAP_MS);
      await within(redis.set(key, '1', 'PX', ttlMs));
      return true;
    },
    close: () => {
      closed = true;
      redis.disconnect();
    },
  };
}

const ONCE = {
  connectTimeout: READY_MS,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
} as const satisfies RedisOptions;

function makeClient(connectionName: string, urls: readonly URL[]): Redis | Cluster {
  const nodes = urls.map(({ hostname: host, port }) => ({ host, port: Number(port) }));
  const [first] = urls;
  const path = first?.pathname.slice(1) ?? '';
  const options = { ...ONCE, connectionName, enableOfflineQueue: false, retryStrategy: () => RECONNECT_MS };
  switch (first?.protocol) {
    case 'redis+sentinel:':
      return new Redis({
        ...options,
        sentinels: nodes,
        name: path,
        sentinelRetryStrategy: () => RECONNECT_MS,
        // A primary that is frozen closes no connection: the Sentinels say when there is another.
        failoverDetector: true,
      });
    case 'redis+cluster:':
      return new Cluster(nodes, {
        enableOfflineQueue: false,
        clusterRetryStrategy: () => RECONNECT_MS,
        // What a node said that it did not do may be asked of another; what may have been done, never.
        retryDelayOnFailover: 0,
        retryDelayOnClusterDown: 0,
        redisOptions: { ...ONCE, connectionName },
      });
    default:
      return new Redis({ ...options, ...nodes[0], db: Number(path === '' ? '0' : path) });
  }
}

/** Resolves at the first good connection, at the first failed one after `CONNECT_MS`, and after `READY_MS` anyhow. */
function settled(redis: Redis | Cluster): Promise<void> {
  const began = performance.now();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, READY_MS);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    redis.once('ready', done);
    // Also keeps ioredis from writing each failure to the log.
    redis.on('error', () => {
      if (performance.now() - began > CONNECT_MS) done();
    });
  });
}

/**
 * The reply, or a rejection when it takes longer than `ms`. When the time is up, what has come in already is still read:
 * a process that was kept from running must not blame the store for it.
 */
function inTime<T>(reply: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => setImmediate(() => setImmediate(() => reject(new Error('store timeout')))), ms);
    reply.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Faults `memory-store` and `per-process-nonces`: nonces in this process only. */
export function memoryStore(now: () => number): NonceStore {
  const taken = new Map<string, number>();
  return {
    consume: async (key, ttlMs) => {
      for (const [old, expires] of taken) if (expires <= now()) taken.delete(old);
      if (taken.has(key)) return false;
      taken.set(key, now() + ttlMs);
      return true;
    },
  };
}
