import type { Exchange } from '../protocol/outcome.ts';
import type { CanaryCoordinates, CanaryRefused } from './canary-counts.ts';
import { alertOf, isBrokenOff, isRefusingAlert, isUntrustedServer } from './handshake-fault.ts';

/** What is known of the connection that an exchange went over. */
export interface CanaryTrace {
  /** It was the connection's first, and the peer had spoken TLS on it. */
  readonly greeted?: boolean;
}

/**
 * After so many handshakes that were broken off, each begun after the one before had been, with no answer and no other fault
 * among them, …
 */
const LEAST = 3;
/** … over at least this time in milliseconds, they were refused: a process that ends breaks off all at once, and greets no more. */
const LEAST_MS = 500;

/** When a request was due, and its answer came; monotonic milliseconds. */
interface Times {
  readonly due: number;
  readonly now: number;
}

/** Handshakes on one route with one certificate that were broken off in a row. */
interface Streak {
  /** All of them, and those that were begun after the one before had been broken off. */
  count: number;
  inTurn: number;
  /** Monotonic, of the last that was counted in turn. */
  last: number;
  /** Monotonic, of the first. */
  readonly since: number;
  /** Undoes the counting of those that were taken for faults. */
  readonly recounts: ((refusal: CanaryRefused) => void)[];
}

/**
 * Tells handshakes that are refused from connections that fail: by the alert, where there is one. A server that refuses by
 * a bare reset looks like one that is being restarted, except that it goes on doing so and says nothing else; such requests
 * are counted as faults at first, and as refused once that is clear.
 */
export class CanaryHandshakes {
  readonly #streaks = new Map<string, Streak>();

  /**
   * The refusal that an exchange is; `undefined` for everything else.
   *
   * @param times when the request was due, and now, in monotonic milliseconds
   * @param recount counts the exchange again, as the refusal that it then turns out to have been
   */
  judge(
    at: Pick<CanaryCoordinates, 'route' | 'certificate'>,
    exchange: Exchange & CanaryTrace,
    times: Times,
    recount: (refusal: CanaryRefused) => void,
  ): CanaryRefused | undefined {
    const key = JSON.stringify([at.route, at.certificate]);
    if (exchange.kind === 'fault') {
      if (isUntrustedServer(exchange)) return { code: 'SERVER_UNTRUSTED', reason: exchange.code };
      const alert = alertOf(exchange);
      if (isRefusingAlert(alert)) return { code: 'AUTH_MTLS_REQUIRED', reason: `refused in the handshake: ${alert}` };
      if (isBrokenOff(exchange) && exchange.greeted === true) return this.#broken(key, exchange.code, times, recount);
    }
    this.#streaks.delete(key);
    return undefined;
  }

  #broken(
    key: string,
    code: string,
    { due, now }: Times,
    recount: (refusal: CanaryRefused) => void,
  ): CanaryRefused | undefined {
    const streak = this.#streaks.get(key) ?? { count: 0, inTurn: 0, last: 0, since: now, recounts: [] };
    this.#streaks.set(key, streak);
    streak.count += 1;
    if (streak.inTurn === 0 || due > streak.last) {
      streak.inTurn += 1;
      streak.last = now;
    }
    if (streak.inTurn < LEAST || now - streak.since < LEAST_MS) {
      streak.recounts.push(recount);
      return undefined;
    }
    const reason = `broken off in the handshake (${code}), ${streak.count} times in a row`;
    const refusal = { code: 'AUTH_MTLS_REQUIRED', reason } as const;
    for (const again of streak.recounts.splice(0)) again(refusal);
    return refusal;
  }
}
