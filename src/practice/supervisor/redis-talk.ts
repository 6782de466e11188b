import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 25_000;
const POLL_MS = 50;

/** Asks one node of a store one command. Loads a client of Redis, which most fleets' supervisors never need. */
export async function ask(port: number, ...words: readonly string[]): Promise<unknown> {
  return (await import('./redis-ask.ts')).askNode(port, ...words);
}

/** Waits until something holds; a test that rejects does not hold yet. Throws when it does not within 25 seconds. */
export async function until(what: string, test: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  let last = '';
  while (performance.now() < end) {
    const holds = await test().catch((error: unknown) => {
      last = error instanceof Error ? `: ${error.message}` : '';
      return false;
    });
    if (holds) return;
    await sleep(POLL_MS);
  }
  throw new Error(`not within ${PATIENCE_MS} ms: ${what}${last}`);
}
