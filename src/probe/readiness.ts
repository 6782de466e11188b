import type { Secret } from '../credential/secret.ts';
import type { Outcome } from '../protocol/outcome.ts';
import type { ProbeResult } from './prober.ts';
import { troubleOf } from './retry.ts';
import type { Target, Tools } from './round.ts';

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;

/** Until when to wait, and how many acceptances in a row count as ready. */
export interface Readiness {
  readonly deadlineMs: number;
  readonly consecutive: number;
  readonly signal?: AbortSignal;
}

/** How the waiting ended. */
export interface Ready {
  readonly ready: boolean;
  /** The last answer; absent when the deadline was over before the first. */
  readonly last?: Outcome;
  readonly tries: number;
  readonly ms: number;
}

/**
 * "Must become accepted": probes on fresh connections until one of the secrets was accepted `consecutive` times in a
 * row, or the deadline is over. With several secrets the replica is ready when it accepts any of them, which is what a
 * replica does whose secrets are just being changed. A health page says less: it can be up before the store is.
 * Rejects only when `signal` aborts.
 */
export async function awaitAccepted(
  tools: Tools,
  replica: Target,
  who: { readonly client: string; readonly secrets: readonly Secret[] },
  readiness: Readiness,
): Promise<Ready> {
  const { clock } = tools;
  const started = clock.monotonic();
  let inRow = 0;
  let tries = 0;
  let pause = FIRST_PAUSE_MS;
  let last: Outcome | undefined;
  for (;;) {
    readiness.signal?.throwIfAborted();
    const result = await tryEach(tools, replica, who);
    if (result !== undefined) last = result.outcome;
    tries += 1;
    inRow = last?.code === 'ACCEPTED' ? inRow + 1 : 0;
    const ms = clock.monotonic() - started;
    const report = { tries, ms, ...(last === undefined ? {} : { last }) };
    if (inRow >= readiness.consecutive) return { ready: true, ...report };
    if (ms >= readiness.deadlineMs) return { ready: false, ...report };
    if (inRow > 0) continue;
    await clock.sleep(Math.min(last?.retryAfterMs ?? pause, readiness.deadlineMs - ms), readiness.signal);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

/** The first acceptance among the secrets, or the last answer; a replica that cannot be reached is asked only once. */
async function tryEach(
  { prober }: Tools,
  replica: Target,
  who: { readonly client: string; readonly secrets: readonly Secret[] },
): Promise<ProbeResult | undefined> {
  let result: ProbeResult | undefined;
  for (const secret of who.secrets) {
    result = await prober.probe({ endpoint: replica, client: who.client, secret, fresh: true });
    if (result.outcome.code === 'ACCEPTED' || troubleOf(result) !== undefined) break;
  }
  return result;
}
