import type { Secret } from '../credential/secret.ts';
import type { Outcome } from '../protocol/outcome.ts';
import { isHandshakeRefusal } from './certificate-refusal.ts';
import { isRefusingAlert, isUntrustedServer } from './handshake-fault.ts';
import type { Presented } from './ports.ts';
import type { ProbeResult } from './prober.ts';
import { naming, troubleOf, waitOf } from './retry.ts';
import type { Target, Tools } from './round.ts';

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;
/** A lock-out is certain after this many tries in a row that refused every secret, over at least this time. */
const LOCK_OUT_TRIES = 5;
const LOCK_OUT_MS = 1000;
/** … or this time, where it says nothing: what closes each connection may wait for a process behind it. */
const SILENT_LOCK_OUT_MS = 5000;

/** A secret, and the client id that it is sent under. */
export interface Asked {
  readonly client: string;
  readonly secret: Secret;
  /** What is presented with it; by default our own certificate. */
  readonly certificate?: Presented;
}

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
 * A replica that answers `AUTH_INVALID_HMAC`, or `AUTH_MTLS_REQUIRED`, to every one, again and again, is not waited for:
 * that is a lock-out. So is, where certificates are given, a replica that shows one that we do not trust, that refuses each
 * handshake with an alert, or that goes on closing each connection after the handshake; one certificate with which that
 * happens is no reason not to offer the next.
 * Rejects only when `signal` aborts.
 */
export async function awaitAccepted(
  tools: Tools,
  replica: Target,
  who: readonly Asked[],
  readiness: Readiness,
): Promise<Ready> {
  const { clock } = tools;
  const started = clock.monotonic();
  let inRow = 0;
  let asked = who;
  let tries = 0;
  let pause = FIRST_PAUSE_MS;
  let refusals: Refusals | undefined;
  for (;;) {
    readiness.signal?.throwIfAborted();
    const begun = clock.monotonic();
    const { result, refusesAll, silently, accepted } = await tryEach(tools, replica, asked);
    // What it accepts is offered first from now on: the others would only be refused again.
    if (accepted !== undefined) asked = [accepted, ...asked.filter((one) => one !== accepted)];
    tries += 1;
    inRow = result?.outcome.code === 'ACCEPTED' ? inRow + 1 : 0;
    refusals = refusesAll ? oneMore(refusals, begun, silently) : undefined;
    const now = clock.monotonic();
    const ms = now - started;
    const last = result === undefined ? undefined : naming(result.outcome);
    const report = { lockedOut: false, tries, ms, ...(last === undefined ? {} : { last }) };
    if (inRow >= readiness.consecutive) return { ready: true, ...report };
    if (last !== undefined && refusals !== undefined && isLockOut(refusals, now)) {
      const reason = `${lockOutIn(result)}, ${refusals.count} times in a row: ${last.reason}`;
      return { ready: false, ...report, lockedOut: true, last: { ...last, reason } };
    }
    const wait = result === undefined ? pause : waitOf(result, pause);
    if (ms >= readiness.deadlineMs || wait === undefined) return { ready: false, ...report };
    if (inRow > 0) continue;
    await clock.sleep(Math.min(wait, readiness.deadlineMs - ms), readiness.signal);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

/** Tries in a row that refused every secret. */
interface Refusals {
  readonly since: number;
  readonly count: number;
  /** Whether one of them may have been no refusal: a connection that was closed without a word. */
  readonly silently: boolean;
}

function oneMore(before: Refusals | undefined, begun: number, silently: boolean): Refusals {
  const { since = begun, count = 0, silently: wasSilent = false } = before ?? {};
  return { since, count: count + 1, silently: silently || wasSilent };
}

function isLockOut({ since, count, silently }: Refusals, now: number): boolean {
  return count >= LOCK_OUT_TRIES && now - since >= (silently ? SILENT_LOCK_OUT_MS : LOCK_OUT_MS);
}

/** What a replica does that locks everybody out. */
function lockOutIn(result: ProbeResult | undefined): string {
  if (showsUntrusted(result)) return 'shows a certificate that we do not trust';
  if (refusesByAlert(result)) return `refuses every handshake (alert "${result?.fault?.alert}")`;
  if (closesSilently(result)) return 'closes every connection after the handshake';
  return `refuses every ${result?.outcome.code === 'AUTH_MTLS_REQUIRED' ? 'certificate it may trust' : 'secret it may hold'}`;
}

/** Whether we have broken off the handshake ourselves for what the replica shows, as every client does that checks it. */
function showsUntrusted(result: ProbeResult | undefined): boolean {
  return result?.fault !== undefined && isUntrustedServer(result.fault);
}

/** Whether the replica has refused the handshake in words of TLS, which one that is being restarted never does. */
function refusesByAlert(result: ProbeResult | undefined): boolean {
  return isRefusingAlert(result?.fault?.alert);
}

/** Whether the connection was up, in an encrypted handshake of its own, and was then closed without an answer. */
function closesSilently(result: ProbeResult | undefined): boolean {
  return result?.fault?.code === 'ECONNRESET' && result.fault.sent;
}

/** The first acceptance among the secrets, or the last answer; a replica that cannot be reached is asked only once. */
async function tryEach({ prober }: Tools, replica: Target, who: readonly Asked[]): Promise<Tried> {
  let result: ProbeResult | undefined;
  let refused = 0;
  let silently = false;
  for (const one of who) {
    const { client, secret, certificate } = one;
    const shown = certificate === undefined ? {} : { certificate };
    result = await prober.probe({ endpoint: replica, client, secret, fresh: true, ...shown });
    const { code } = result.outcome;
    if (code === 'ACCEPTED') return { result, refusesAll: false, silently: false, accepted: one };
    const isClosed = closesSilently(result);
    const forCertificates =
      code === 'AUTH_MTLS_REQUIRED' || showsUntrusted(result) || refusesByAlert(result) || isClosed;
    if (code === 'AUTH_INVALID_HMAC' || (forCertificates && certificate !== undefined)) refused += 1;
    silently ||= isClosed;
    if (certificate !== undefined && (isHandshakeRefusal(result) || showsUntrusted(result))) continue;
    if (troubleOf(result) !== undefined) break;
  }
  return { result, refusesAll: refused > 0 && refused === who.length, silently };
}

/** What one try of all secrets has come to. */
interface Tried {
  readonly result: ProbeResult | undefined;
  readonly refusesAll: boolean;
  readonly silently: boolean;
  readonly accepted?: Asked;
}
