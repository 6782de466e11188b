import type { Endpoint } from '../fleet/fleet.ts';
import type { Exchange } from '../protocol/outcome.ts';

/** Time, as the prober and the runner need it. */
export interface Clock {
  /** Wall clock, Unix milliseconds. */
  now(): number;
  /** Monotonic milliseconds, for deadlines and durations; the origin means nothing. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when that aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** One HTTP request, ready to send. `headers` in lower case. */
export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
}

/** How a request is to travel. */
export interface SendOptions {
  /** A new connection with a full TLS handshake, no session resumed, closed afterwards. */
  readonly fresh: boolean;
  /** Whether to present our client certificate. */
  readonly certificate: boolean;
  /** From the first byte of the connection attempt to the last byte of the answer, in milliseconds. */
  readonly deadlineMs: number;
  /** Longest body that is read. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
}

/**
 * Sends requests. Never throws for what the network or the peer does: that is a `fault` exchange.
 * Redirects are not followed, no proxy is used, bodies are not decompressed.
 */
export interface Transport {
  send(to: Endpoint, request: WireRequest, options: SendOptions): Promise<Exchange>;
  /** Closes every connection; the transport cannot be used after. */
  close(): Promise<void>;
}

/** Randomness: `bytes` random bytes as lower-case hex. */
export interface Random {
  hex(bytes: number): string;
}
