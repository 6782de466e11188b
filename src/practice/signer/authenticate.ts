import { timingSafeEqual } from 'node:crypto';
import { KEYRING_HEADERS, keyringSignature } from '../../protocol/keyring-v1.ts';

/** A signing request as it came in. */
export interface SigningRequest {
  readonly method: string;
  readonly path: string;
  /** In lower case, as Node's parser gives them (octets as Latin-1). */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  /** Whether TLS verified a client certificate. */
  readonly certified: boolean;
}

/** What the signer judges by. `now` is Unix milliseconds. */
export interface Rules {
  readonly now: number;
  readonly maxAgeMs: number;
  readonly mtlsRequired: boolean;
  /** Fault `unsigned-accepted`. */
  readonly acceptUnsigned: boolean;
  secretsOf(clientId: string): readonly string[];
}

/** A refusal: HTTP status and stable code. */
export interface Refusal {
  readonly ok: false;
  readonly status: number;
  readonly code: string;
}

/** The caller was recognised; `secret` is the one that signed, absent only under the fault `unsigned-accepted`. */
export interface Recognised {
  readonly ok: true;
  readonly clientId: string;
  readonly nonce: string;
  readonly secret: string | undefined;
}

const NONCE_BYTES = { min: 16, max: 256 };

/** Checks 1 to 7 of `keyring-v1`, in the protocol's order; the nonce is not consumed here. */
export function authenticate(request: SigningRequest, rules: Rules): Recognised | Refusal {
  const clientId = headerOf(request, KEYRING_HEADERS.clientId);
  if (clientId === '') return refusal(401, 'AUTH_INVALID_CLIENT');
  if (rules.mtlsRequired && !request.certified) return refusal(403, 'AUTH_MTLS_REQUIRED');
  const secrets = rules.secretsOf(clientId);
  if (secrets.length === 0) return refusal(401, 'AUTH_INVALID_CLIENT');
  const timestamp = headerOf(request, KEYRING_HEADERS.timestamp);
  if (!isFresh(timestamp, rules)) return refusal(401, 'AUTH_TIMESTAMP_SKEW');
  const nonce = headerOf(request, KEYRING_HEADERS.nonce);
  if (!isNonce(nonce)) return refusal(401, 'AUTH_INVALID_NONCE');
  const signature = headerOf(request, KEYRING_HEADERS.signature);
  if (signature === '' && rules.acceptUnsigned) return { ok: true, clientId, nonce, secret: undefined };
  if (!/^[0-9a-f]+$/i.test(signature)) return refusal(401, 'AUTH_INVALID_SIGNATURE_FORMAT');
  const { method, path, body } = request;
  const secret = signerOf(signature, secrets, { timestamp, nonce, method, path, body });
  return secret === undefined ? refusal(401, 'AUTH_INVALID_HMAC') : { ok: true, clientId, nonce, secret };
}

/** A refusal with this status and code. */
export function refusal(status: number, code: string): Refusal {
  return { ok: false, status, code };
}

/** The header's value as UTF-8; empty when absent or not UTF-8. */
function headerOf(request: SigningRequest, name: string): string {
  const value = request.headers[name];
  if (typeof value !== 'string') return '';
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(value, 'latin1')).trim();
  } catch {
    return '';
  }
}

function isFresh(timestamp: string, { now, maxAgeMs }: Rules): boolean {
  const sent = Number(timestamp);
  return /^[0-9]+$/.test(timestamp) && Number.isSafeInteger(sent) && Math.abs(now - sent) <= maxAgeMs;
}

function isNonce(nonce: string): boolean {
  const bytes = Buffer.byteLength(nonce);
  return bytes >= NONCE_BYTES.min && bytes <= NONCE_BYTES.max && !nonce.includes('.');
}

/** Tries every allowed secret, also after a match, so that the time taken does not tell which one it was. */
function signerOf(
  signature: string,
  secrets: readonly string[],
  signed: Parameters<typeof keyringSignature>[1],
): string | undefined {
  const got = Buffer.from(signature.toLowerCase());
  let found: string | undefined;
  for (const secret of secrets) {
    const wanted = Buffer.from(keyringSignature(Buffer.from(secret), signed));
    const padded = Buffer.alloc(wanted.length);
    got.copy(padded);
    const same = timingSafeEqual(padded, wanted) && got.length === wanted.length;
    if (same) found = secret;
  }
  return found;
}
