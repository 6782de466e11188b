import type { Clock, Random, SendOptions, Transport, WireRequest } from '../../src/probe/ports.ts';
import type { Target } from '../../src/probe/round.ts';
import type { Exchange } from '../../src/protocol/outcome.ts';

/** A clock that moves only when someone sleeps on it, or when a test says so. */
export interface FakeClock extends Clock {
  advance(ms: number): void;
  readonly slept: readonly number[];
}

export function fakeClock(start = 1_770_984_000_000): FakeClock {
  let time = 0;
  const slept: number[] = [];
  return {
    now: () => start + time,
    monotonic: () => time,
    advance: (ms) => {
      time += ms;
    },
    slept,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      slept.push(ms);
      time += ms;
    },
  };
}

export function fakeRandom(): Random {
  let count = 0;
  return { hex: (bytes) => (++count).toString(16).padStart(2 * bytes, '0') };
}

/** What went over a scripted transport. */
export interface Sent {
  readonly to: string;
  readonly request: WireRequest;
  readonly options: SendOptions;
}

/** Answers from a script: one exchange for each request in turn, the last for all after it. */
export function scripted(...script: readonly Exchange[]): Transport & { readonly sent: Sent[] } {
  const sent: Sent[] = [];
  return {
    sent,
    send: async (to, request, options) => {
      sent.push({ to: to.url.host, request, options });
      const exchange = script[Math.min(sent.length, script.length) - 1];
      if (exchange === undefined) throw new Error('an empty script');
      return exchange;
    },
    close: async () => {},
  };
}

export function coded(status: number, errorCode: string, headers: Record<string, string> = {}): Exchange {
  const body = JSON.stringify({ error: 'x', errorCode });
  return { kind: 'answer', status, headers: { 'content-type': 'application/json', ...headers }, body, ms: 2 };
}

export const ACCEPTED = coded(422, 'POLICY_SELECTOR_DENIED');
export const INVALID_HMAC = coded(401, 'AUTH_INVALID_HMAC');
export const REPLAYED = coded(409, 'REPLAY_NONCE_USED');
export const REFUSED: Exchange = { kind: 'fault', code: 'ECONNREFUSED', detail: '', sent: false, ms: 1 };
export const RESET: Exchange = { kind: 'fault', code: 'ECONNRESET', detail: '', sent: true, ms: 1 };

export const TARGET: Target = { name: 'signer-a', url: new URL('https://127.0.0.1:1'), serverName: 'signer-a' };
