import type { Secret } from '../credential/secret.ts';
import type { Outcome } from '../protocol/outcome.ts';
import type { ProbeResult } from './prober.ts';
import { naming, troubleOf, waitOf } from './retry.ts';
import type { Target, Tools } from './round.ts';

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;
/** A lock-out is certain after this many tries in a row that refused every secret, over at least this time. */
const LOCK_OUT_TRIES = 5;
const LOCK_OUT_MS = 1000;

/** Until when to wait, and how many acceptances in a row count as ready. */
export interface Readiness {
  readonly deadlineMs: number;
  readonly consecutive: number;
  readonly signal?: AbortSignal;
}

/** How the waiting ended. */
export interface Ready {
  readonly ready: boolean;
  /** Whether the waiting was cut short because the replica surely refuses every secret that it was offered. */
  readonly lockedOut: boolean;
  /** The last answer; absent when the deadline was over before the first. */
  readonly last?: Outcome;
  readonly tries: number;
  readonly ms: number;
}

/**
 * "Must become accepted": probes on fresh connections until one of the secrets was accepted `consecutive` times in a
 * row, or the deadline is over. With several secrets the replica is ready when it accepts any of them, which is what a
 * replica does whose secrets are just being changed. A health page says less: it can be up before the store is.
 * A replica that answers `AUTH_INVALID_HMAC` to every secret, again and again, is not waited for: that is a lock-out.
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
  let refusals: { readonly since: number; readonly count: number } | undefined;
  for (;;) {
    readiness.signal?.throwIfAborted();
    const begun = clock.monotonic();
    const { result, refusesAll } = await tryEach(tools, replica, who);
    tries += 1;
    inRow = result?.outcome.code === 'ACCEPTED' ? inRow + 1 : 0;
    refusals = refusesAll ? { since: refusals?.since ?? begun, count: (refusals?.count ?? 0) + 1 } : undefined;
    const now = clock.monotonic();
    const ms = now - started;
    const last = result === undefined ? undefined : naming(result.outcome);
    const report = { lockedOut: false, tries, ms, ...(last === undefined ? {} : { last }) };
    if (inRow >= readiness.consecutive) return { ready: true, ...report };
    if (last !== undefined && refusals !== undefined && isLockOut(refusals, now)) {
      const reason = `refuses every secret it may hold, ${refusals.count} times in a row: ${last.reason}`;
      return { ready: false, ...report, lockedOut: true, last: { ...last, reason } };
    }
    const wait = result === undefined ? pause : waitOf(result, pause);
    if (ms >= readiness.deadlineMs || wait === undefined) return { ready: false, ...report };
    if (inRow > 0) continue;
    await clock.sleep(Math.min(wait, readiness.deadlineMs - ms), readiness.signal);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

function isLockOut({ since, count }: { readonly since: number; readonly count: number }, now: number): boolean {
  return count >= LOCK_OUT_TRIES && now - since >= LOCK_OUT_MS;
}

/** The first acceptance among the secrets, or the last answer; a replica that cannot be reached is asked only once. */
async function tryEach(
  { prober }: Tools,
  replica: Target,
  who: { readonly client: string; readonly secrets: readonly Secret[] },
): Promise<{ readonly result: ProbeResult | undefined; readonly refusesAll: boolean }> {
  let result: ProbeResult | undefined;
  let refused = 0;
  for (const secret of who.secrets) {
    result = await prober.probe({ endpoint: replica, client: who.client, secret, fresh: true });
    if (result.outcome.code === 'AUTH_INVALID_HMAC') refused += 1;
    if (result.outcome.code === 'ACCEPTED' || troubleOf(result) !== undefined) break;
  }
  return { result, refusesAll: refused > 0 && refused === who.secrets.length };
}
