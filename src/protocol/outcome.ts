/** The stable codes of a signer's refusal (`keyring-v1`, and what other dialects are mapped to). */
export const REFUSALS = [
  'AUTH_INVALID_CLIENT',
  'AUTH_MTLS_REQUIRED',
  'AUTH_TIMESTAMP_SKEW',
  'AUTH_INVALID_NONCE',
  'AUTH_INVALID_SIGNATURE_FORMAT',
  'AUTH_INVALID_HMAC',
  'REPLAY_NONCE_USED',
] as const;

export type RefusalCode = (typeof REFUSALS)[number];

/** Whether a text is the code of a refusal. */
export function isRefusal(code: string): code is RefusalCode {
  return (REFUSALS as readonly string[]).includes(code);
}

/**
 * What an answer was judged to be.
 *
 * - `ACCEPTED`: the signature was found right and the nonce was taken, whatever became of the request after that;
 * - a refusal code: refused, for exactly that reason;
 * - `STORE_FAILED`: the signer said that it could not ask its replay store, and refused (fail closed);
 * - `UNKNOWN`: proves nothing; `reason` says what was seen (timeout, reset, redirect, HTML, rate limit, …).
 */
export type OutcomeCode = 'ACCEPTED' | RefusalCode | 'STORE_FAILED' | 'UNKNOWN';

/** A judged answer. */
export interface Outcome {
  readonly code: OutcomeCode;
  /** What was seen, in a few printable words: `401 AUTH_INVALID_HMAC`, `ECONNREFUSED`, `no answer within 2000 ms`. */
  readonly reason: string;
  /** For `UNKNOWN`: how long the replica asked us to wait (429 with Retry-After), in milliseconds. */
  readonly retryAfterMs?: number;
}

/** An answer that proves nothing. @param wait how long it asks to wait, in milliseconds */
export function unknown(reason: string, wait?: number): Outcome {
  return { code: 'UNKNOWN', reason, ...(wait === undefined ? {} : { retryAfterMs: wait }) };
}

/**
 * An answer as it came from the wire, before it is judged, or the fault that came instead of one.
 *
 * - `answer`: complete, within its size cap and deadline; `headers` in lower case;
 * - `fault`: `code` is the operating system's or TLS's own (`ECONNREFUSED`, `ECONNRESET`, `ERR_SSL_…`,
 *   `TIMEOUT`, `TOO_LARGE`, `MALFORMED`), `sent` whether the request may have reached the signer.
 */
export type Exchange =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
      readonly ms: number;
      /** SHA-256 fingerprint of the server's certificate, hex; absent without TLS. */
      readonly peer?: string;
    }
  | {
      readonly kind: 'fault';
      readonly code: string;
      readonly detail: string;
      readonly sent: boolean;
      readonly ms: number;
    };

/** A fleet's own rule for recognising an outcome; the first that matches wins, before the protocol's own table. */
export interface OutcomeRule {
  readonly when: {
    readonly status?: number;
    /** Header name in lower case, and a pattern that its value must match. */
    readonly header?: { readonly name: string; readonly matches: RegExp };
    /** JSON pointer into the body, and a pattern that the value there (a string) must match. */
    readonly pointer?: { readonly path: string; readonly matches: RegExp };
    /** Pattern over the raw body. */
    readonly body?: RegExp;
    /** A transport fault's code. */
    readonly fault?: string;
  };
  readonly outcome: OutcomeCode;
}
