import type { Template } from './template.ts';

/** How a fleet's timestamps are written. */
export type TimestampUnit = 'seconds' | 'milliseconds' | 'iso8601';

/** How a fresh nonce, or message id, is made: `prefix`, then random hex digits, or a UUID of version 4. */
export interface NonceForm {
  readonly prefix: string;
  readonly form: 'hex' | 'uuid';
  /** How many hex digits. */
  readonly digits: number;
}

/** Where a key id comes from: it stands in the secret's own text, or is the first digits of the SHA-256 of the key, in hex. */
export type KeyIdSource = { readonly from: 'secret' } | { readonly from: 'sha256'; readonly digits: number };

/** One header that a request bears, its name in lower case, or one field of its JSON body. */
export interface SentPart {
  readonly name: string;
  readonly template: Template;
  /** Of a field: whether it is sent as a JSON number. */
  readonly number: boolean;
}

/**
 * An HMAC scheme as a fleet file describes it, without the form of its secrets. Plain data, which may be sent to another
 * thread.
 */
export interface SignatureScheme {
  /** The string that is signed. */
  readonly signs: Template;
  readonly hash: 'sha256' | 'sha384' | 'sha512';
  /** How the digest is written where `{signature}` stands. */
  readonly encoding: 'hex' | 'base64' | 'base64url';
  readonly headers: readonly SentPart[];
  readonly fields: readonly SentPart[];
  /** `undefined` where the scheme has no timestamp. */
  readonly timestamp: TimestampUnit | undefined;
  /** `undefined` where the scheme has no nonce or message id. */
  readonly nonce: NonceForm | undefined;
  /** Whether the service remembers nonces and refuses a second request with one. */
  readonly singleUse: boolean;
  /** `undefined` where requests carry no key id that belongs to a secret. */
  readonly keyId: KeyIdSource | undefined;
  /** What stands between signatures when a request bears several; `undefined` where it bears one. */
  readonly between: string | undefined;
}

/** Digest and block of the hash functions, in bytes. */
export const HASH_BYTES: Readonly<
  Record<SignatureScheme['hash'], { readonly digest: number; readonly block: number }>
> = {
  sha256: { digest: 32, block: 64 },
  sha384: { digest: 48, block: 128 },
  sha512: { digest: 64, block: 128 },
};
