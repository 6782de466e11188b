import { setTimeout as sleep } from 'node:timers/promises';

/** Asks until the answer is neither `undefined` nor `false`; throws, with what was waited for, after `deadlineMs`. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  { deadlineMs = 20_000, pauseMs = 10 } = {},
): Promise<T> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const got = await ask();
    if (got !== undefined && got !== false) return got;
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await sleep(pauseMs);
  }
}
