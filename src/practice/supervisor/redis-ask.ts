import { Redis } from 'ioredis';

/** Longest time for one answer of a store's node. */
const DEADLINE_MS = 5000;

/**
 * Asks one node of the store one command, over a connection of its own. Rejects with its error, or that it does not
 * answer. To be loaded only where it is needed: most fleets' supervisors never need a client of Redis.
 */
export async function askNode(port: number, ...[name = '', ...args]: readonly string[]): Promise<unknown> {
  const redis = new Redis({
    host: '127.0.0.1',
    port,
    lazyConnect: true,
    enableReadyCheck: false,
    disableClientInfo: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: DEADLINE_MS,
    commandTimeout: DEADLINE_MS,
  });
  // The rejections say it.
  redis.on('error', () => {});
  try {
    await redis.connect();
    return await redis.call(name, ...args);
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'no reason given';
    throw new Error(`the store at port ${port} did not do ${name}: ${reason}`);
  } finally {
    redis.disconnect();
  }
}
