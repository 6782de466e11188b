import type { Exchange, Outcome, OutcomeCode } from '../protocol/outcome.ts';
import { Durations, type Spread } from './canary-latency.ts';

/** Whose request, signed with which secret (its fingerprint), sent where. */
export interface CanaryCoordinates {
  readonly client: string;
  readonly fingerprint: string;
  readonly route: string;
  /** The name of the certificate that was presented, where it was chosen by `setCertificates`. */
  readonly certificate?: string;
}

/** What became of the requests of one client, signed with one secret, on one route. */
export interface CanaryCell extends CanaryCoordinates {
  readonly sent: number;
  readonly accepted: number;
  /**
   * Valid requests that were refused in time, by code (`AUTH_…`, `REPLAY_NONCE_USED`), also in the TLS handshake
   * (`AUTH_MTLS_REQUIRED`), or not sent because the server is not trusted (`SERVER_UNTRUSTED`). Each of them is a lock-out.
   */
  readonly refusedAuth: Readonly<Record<string, number>>;
  /** Requests that came to nothing for another reason, by that reason: see `faultReason` and `isLate`. */
  readonly faults: Readonly<Record<string, number>>;
}

/** Why a valid request did not get through: a refusal of the signer's, or ours of the server's certificate. */
export type CanaryRefusalCode = OutcomeCode | 'SERVER_UNTRUSTED';

/** One refused valid request. */
export interface CanaryRefusal extends CanaryCoordinates {
  /** UTC, ISO 8601. */
  readonly at: string;
  readonly code: CanaryRefusalCode;
  readonly reason: string;
}

/** Everything counted in one window. A request counts in the window in which it was sent. */
export interface CanaryCounts {
  readonly label: string;
  /** UTC, ISO 8601. */
  readonly startedAt: string;
  readonly durationMs: number;
  readonly sent: number;
  readonly accepted: number;
  readonly refused: number;
  readonly faulted: number;
  /** Sent and not yet settled: 0 in a window that `mark` or `stop` returned. */
  readonly inFlight: number;
  /** Requests that were due and never sent, because the tool itself had been stopped or starved for too long. */
  readonly missed: number;
  readonly cells: readonly CanaryCell[];
  /** The first refusals of the window, at most `MAX_REFUSALS`. */
  readonly refusals: readonly CanaryRefusal[];
  /** From the time a request was due to the last byte of its answer. */
  readonly latency: Spread;
  /** How late requests were sent: the tool's own share of `latency`. */
  readonly timerLag: Spread;
}

/** What is said of a refusal. */
export type CanaryRefused = Pick<CanaryRefusal, 'code' | 'reason'>;

/** The times of one settled request, in milliseconds. */
export interface CanaryTimes {
  /** From when it was due to its answer, monotonic. */
  readonly latencyMs: number;
  /** From its timestamp to its answer, by the wall clock, which goes on while the machine sleeps. */
  readonly agedMs: number;
  /** The age at which the signers stop accepting it. */
  readonly maxAgeMs: number;
}

/** How many refusals of a window are kept in full. */
const MAX_REFUSALS = 20;

interface Cell extends CanaryCoordinates {
  sent: number;
  accepted: number;
  readonly refusedAuth: Map<string, number>;
  readonly faults: Map<string, number>;
}

/** Counts one window. `now` is Unix milliseconds, `monotonic` is the clock of durations. */
export class CanaryTally {
  readonly #label: string;
  readonly #startedAt: number;
  readonly #startedMonotonic: number;
  readonly #cells = new Map<string, Cell>();
  readonly #refusals: CanaryRefusal[] = [];
  readonly #latency = new Durations();
  readonly #lag = new Durations();
  #missed = 0;
  #closedMonotonic: number | undefined;

  constructor(label: string, now: number, monotonic: number) {
    this.#label = label;
    this.#startedAt = now;
    this.#startedMonotonic = monotonic;
  }

  sent(at: CanaryCoordinates, lagMs: number): void {
    this.#cell(at).sent += 1;
    this.#lag.add(lagMs);
  }

  missed(requests: number): void {
    this.#missed += requests;
  }

  settled(at: CanaryCoordinates, exchange: Exchange, outcome: Outcome, times: CanaryTimes, now: number): void {
    const cell = this.#cell(at);
    if (outcome.code === 'ACCEPTED') cell.accepted += 1;
    else if (isLate(outcome, times)) increment(cell.faults, 'late');
    else if (isAuthRefusal(outcome.code)) this.#refused(cell, outcome, now);
    else increment(cell.faults, faultReason(exchange, outcome));
    this.#latency.add(times.latencyMs);
  }

  /** Counts a request that was never answered because it was refused in the handshake. */
  refusedEarly(at: CanaryCoordinates, refusal: CanaryRefused, times: CanaryTimes, now: number): void {
    this.#refused(this.#cell(at), refusal, now);
    this.#latency.add(times.latencyMs);
  }

  /** Counts as refused what `settled` has counted as a fault. */
  recount(at: CanaryCoordinates, exchange: Exchange, outcome: Outcome, refusal: CanaryRefused, now: number): void {
    const cell = this.#cell(at);
    const reason = faultReason(exchange, outcome);
    const left = (cell.faults.get(reason) ?? 1) - 1;
    if (left > 0) cell.faults.set(reason, left);
    else cell.faults.delete(reason);
    this.#refused(cell, refusal, now);
  }

  /** Ends the window's duration; what is still in flight goes on being counted into it. */
  close(monotonic: number): void {
    this.#closedMonotonic ??= monotonic;
  }

  counts(monotonic: number): CanaryCounts {
    const cells = [...this.#cells.values()];
    const sent = sum(cells.map((cell) => cell.sent));
    const accepted = sum(cells.map((cell) => cell.accepted));
    const refused = sum(cells.flatMap((cell) => [...cell.refusedAuth.values()]));
    const faulted = sum(cells.flatMap((cell) => [...cell.faults.values()]));
    return {
      label: this.#label,
      startedAt: new Date(this.#startedAt).toISOString(),
      durationMs: Math.round((this.#closedMonotonic ?? monotonic) - this.#startedMonotonic),
      sent,
      accepted,
      refused,
      faulted,
      inFlight: sent - accepted - refused - faulted,
      missed: this.#missed,
      cells: cells.map((cell) => ({
        ...cell,
        refusedAuth: Object.fromEntries(cell.refusedAuth),
        faults: Object.fromEntries(cell.faults),
      })),
      refusals: [...this.#refusals],
      latency: this.#latency.spread(),
      timerLag: this.#lag.spread(),
    };
  }

  #refused(cell: Cell, outcome: CanaryRefused, now: number): void {
    increment(cell.refusedAuth, outcome.code);
    if (this.#refusals.length >= MAX_REFUSALS) return;
    const { client, fingerprint, route, certificate } = cell;
    const at = new Date(now).toISOString();
    const shown = certificate === undefined ? {} : { certificate };
    this.#refusals.push({ at, route, client, fingerprint, ...shown, code: outcome.code, reason: outcome.reason });
  }

  #cell({ client, fingerprint, route, certificate }: CanaryCoordinates): Cell {
    const key = JSON.stringify([client, fingerprint, route, certificate]);
    const known = this.#cells.get(key);
    if (known !== undefined) return known;
    const shown = certificate === undefined ? {} : { certificate };
    const none = { sent: 0, accepted: 0, refusedAuth: new Map(), faults: new Map() };
    const cell: Cell = { client, fingerprint, route, ...shown, ...none };
    this.#cells.set(key, cell);
    return cell;
  }
}

/** Whether the code says that a request was refused for who sent it or for its nonce. */
function isAuthRefusal(code: OutcomeCode): boolean {
  return code !== 'ACCEPTED' && code !== 'STORE_FAILED' && code !== 'UNKNOWN';
}

/**
 * Whether a request was refused for an age that it may have come to on its way, or in this machine before it went out:
 * it was under way for more than half of what a signer allows. Such a refusal says nothing of the secret.
 */
function isLate(outcome: Outcome, { latencyMs, agedMs, maxAgeMs }: CanaryTimes): boolean {
  return outcome.code === 'AUTH_TIMESTAMP_SKEW' && Math.max(latencyMs, agedMs) > maxAgeMs / 2;
}

/**
 * The name under which a fault is counted: the transport's code as it is (`ECONNREFUSED`, `ECONNRESET`, `TIMEOUT`,
 * `ERR_SSL_…`), `HTTP_429`, `HTTP_5XX`, `STORE_FAILED`, or `FOREIGN_PAGE` for an answer that is no signer's. Beside these
 * there is `late`: see `isLate`.
 */
function faultReason(exchange: Exchange, outcome: Outcome): string {
  if (outcome.code === 'STORE_FAILED') return 'STORE_FAILED';
  if (exchange.kind === 'fault') return exchange.code;
  if (exchange.status === 429) return 'HTTP_429';
  return exchange.status >= 500 ? 'HTTP_5XX' : 'FOREIGN_PAGE';
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
