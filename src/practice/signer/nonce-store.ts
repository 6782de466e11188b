import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { SignerConfig } from './config.ts';

const GAP_MS = 30;
const CONNECT_MS = 500;
const RECONNECT_MS = 50;

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
 * Connects to the shared store; resolves when it answers or after half a second, whichever is first. No command is
 * ever sent twice and none is queued: a lost reply is an error, so that it refuses and does not accept.
 */
export async function connectStore(config: SignerConfig): Promise<SharedStore> {
  const redis = new Redis({
    host: config.store.url.hostname,
    port: Number(config.store.url.port),
    db: Number(config.store.url.pathname.slice(1) || '0'),
    connectionName: config.name,
    commandTimeout: config.store.timeoutMs,
    connectTimeout: CONNECT_MS,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    retryStrategy: () => RECONNECT_MS,
  });
  redis.on('error', () => {});
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, CONNECT_MS);
    redis.once('ready', () => {
      clearTimeout(timer);
      resolve();
    });
  });
  const consume = async (key: string, ttlMs: number): Promise<boolean> =>
    (await redis.set(key, '1', 'PX', ttlMs, 'NX')) === 'OK';
  return {
    consume,
    consumeInTwoSteps: async (key, ttlMs) => {
      if ((await redis.get(key)) !== null) return false;
      await sleep(GAP_MS);
      await redis.set(key, '1', 'PX', ttlMs);
      return true;
    },
    close: () => redis.disconnect(),
  };
}

/** Fault `memory-store`: nonces in this process only. */
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
