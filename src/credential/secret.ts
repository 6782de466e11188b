import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { inspect } from 'node:util';

const BLOCK_BYTES = 64;
const FINGERPRINT_LABEL = 'rotctl key fingerprint v1';
/** Opens a secret; module-private, so that `reveal` is the only way in. */
const contents = new WeakMap<Secret, Buffer>();

/** The field's labels for the generations of one client's secret. */
export type Generation = 'previous' | 'current' | 'next';

/**
 * A secret that has no text form: however it is printed, converted or serialised, its fingerprint appears.
 * Only the signer of a probe and the deploy driver may call `reveal`.
 */
export class Secret {
  readonly fingerprint: string;

  private constructor(bytes: Buffer) {
    this.fingerprint = fingerprintOf(bytes);
    contents.set(this, bytes);
    Object.freeze(this);
  }

  /** Wraps the UTF-8 bytes of `text`; the protocols here use a secret as its UTF-8 bytes. */
  static fromText(text: string): Secret {
    return new Secret(Buffer.from(text, 'utf8'));
  }

  static fromBytes(bytes: Uint8Array): Secret {
    return new Secret(Buffer.from(bytes));
  }

  /** Whether two secrets sign alike: equal after HMAC-SHA256's own treatment of keys (RFC 2104, section 2). */
  signsLike(other: Secret): boolean {
    return timingSafeEqual(normalise(reveal(this)), normalise(reveal(other)));
  }

  toString(): string {
    return `[secret ${this.fingerprint}]`;
  }

  toJSON(): string {
    return this.toString();
  }

  [inspect.custom](): string {
    return this.toString();
  }

  [Symbol.toPrimitive](): string {
    return this.toString();
  }
}

/** The bytes of a secret. The caller must not keep, print or pass them on except to sign or to deploy. */
export function reveal(secret: Secret): Buffer {
  const bytes = contents.get(secret);
  if (bytes === undefined) throw new TypeError('not a secret');
  return bytes;
}

/**
 * 64 bits that name a secret: HMAC-SHA256 under the secret itself of a fixed label, 16 lower-case hex digits.
 * One-way for secrets of 128 bits and more; weaker ones are refused before anything is printed about them.
 */
export function fingerprintOf(secret: Uint8Array): string {
  return createHmac('sha256', secret).update(FINGERPRINT_LABEL).digest('hex').slice(0, 16);
}

function normalise(key: Buffer): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  (key.length > BLOCK_BYTES ? createHash('sha256').update(key).digest() : key).copy(block);
  return block;
}
