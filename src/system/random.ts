import type { Random } from '../probe/ports.ts';

const POOL_BYTES = 4096;

/**
 * Random bytes of the operating system's generator, fetched a pool at a time: nonces are many and small. Bytes that
 * were given out are wiped from the pool.
 */
export function pooledRandom(): Random {
  // loaded at the first draw: most of what a command that draws nothing would pay for its start
  const fill = (bytes: Buffer): Buffer => process.getBuiltinModule('node:crypto').randomFillSync(bytes);
  const pool = Buffer.alloc(POOL_BYTES);
  let used = POOL_BYTES;
  return {
    hex(bytes) {
      if (bytes > POOL_BYTES) return fill(Buffer.alloc(bytes)).toString('hex');
      if (used + bytes > POOL_BYTES) {
        fill(pool);
        used = 0;
      }
      const drawn = pool.subarray(used, used + bytes);
      used += bytes;
      const text = drawn.toString('hex');
      drawn.fill(0);
      return text;
    },
  };
}
