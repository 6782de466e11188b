import { createHmac, hash } from 'node:crypto';

/** The headers of `keyring-v1`, in lower case. */
export const KEYRING_HEADERS = {
  clientId: 'x-keyring-client-id',
  timestamp: 'x-keyring-timestamp',
  nonce: 'x-keyring-nonce',
  signature: 'x-keyring-signature',
} as const;

/** What `keyring-v1` signs. `timestamp` is Unix time in milliseconds as decimal text, `path` begins with a slash. */
export interface KeyringRequest {
  readonly timestamp: string;
  readonly nonce: string;
  readonly method: string;
  readonly path: string;
  readonly body: Uint8Array;
}

/**
 * The signed string: `<timestamp>.<nonce>.<METHOD>.<path>.<hex sha256 of the exact body bytes>`.
 * The client id is not part of it, which is why two clients must never share a secret.
 */
export function keyringCanonicalString(request: KeyringRequest): string {
  const digest = hash('sha256', request.body, 'hex');
  return `${request.timestamp}.${request.nonce}.${request.method}.${request.path}.${digest}`;
}

/** The signature: lower-case hex of HMAC-SHA256 over the signed string; the secret enters as raw bytes. */
export function keyringSignature(secret: Uint8Array, request: KeyringRequest): string {
  return createHmac('sha256', secret).update(keyringCanonicalString(request)).digest('hex');
}
