import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { inspect } from 'node:util';
import { RotctlError } from '../errors/rotctl-error.ts';

const BLOCK_BYTES = 64;
const FINGERPRINT_LABEL = 'rotctl key fingerprint v1';
const FINGERPRINT_DIGITS = 16;
/** Opens a secret; module-private, so that `reveal` is the only way in. */
const contents = new WeakMap<Secret, Buffer>();
const holders = new WeakMap<Secret, KeyHolder>();

/** The field's labels for the generations of one client's secret. */
export type Generation = 'previous' | 'current' | 'next';

/** What holds a key and never shows it (Vault transit, a KMS, an HSM): it makes MACs with it. */
export interface KeyHolder {
  /** HMAC-SHA256 of the message under the key, 32 bytes. Rejects with `SECRET_UNAVAILABLE` when it cannot be had. */
  mac(message: Uint8Array): Promise<Uint8Array>;
}

/**
 * A secret that has no text form: however it is printed, converted or serialised, its fingerprint appears.
 * Only the signer of a probe and the deploy driver may call `reveal`. Of a secret that is held elsewhere there are no
 * bytes here at all: it is known by its fingerprint, and what it signs is made by its holder.
 */
export class Secret {
  readonly fingerprint: string;

  private constructor(fingerprint: string, bytes: Buffer | undefined) {
    this.fingerprint = fingerprint;
    if (bytes !== undefined) contents.set(this, bytes);
    Object.freeze(this);
  }

  /** Wraps the UTF-8 bytes of `text`; the protocols here use a secret as its UTF-8 bytes. */
  static fromText(text: string): Secret {
    return Secret.fromBytes(Buffer.from(text, 'utf8'));
  }

  static fromBytes(bytes: Uint8Array): Secret {
    return new Secret(fingerprintOf(bytes), Buffer.from(bytes));
  }

  /** A secret that is held elsewhere, known here by its fingerprint alone. */
  static heldBy(holder: KeyHolder, fingerprint: string): Secret {
    const secret = new Secret(fingerprint, undefined);
    holders.set(secret, holder);
    return secret;
  }

  /** Whether its bytes are not in this process; then `reveal` throws. */
  get isHeldElsewhere(): boolean {
    return !contents.has(this);
  }

  /**
   * Whether two secrets sign alike: equal after HMAC-SHA256's own treatment of keys (RFC 2104, section 2). Where one of
   * them is held elsewhere, their MACs of one fixed message are compared, as far as fingerprints have them.
   */
  signsLike(other: Secret): boolean {
    if (this.isHeldElsewhere || other.isHeldElsewhere) return this.fingerprint === other.fingerprint;
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

/**
 * The bytes of a secret. The caller must not keep, print or pass them on except to sign or to deploy.
 *
 * @throws RotctlError `SECRET_REFUSED` for a secret that is held elsewhere
 */
export function reveal(secret: Secret): Buffer {
  const bytes = contents.get(secret);
  if (bytes !== undefined) return bytes;
  throw new RotctlError('SECRET_REFUSED', `${secret.toString()} is held by its signer and has no bytes here`, {
    hint: 'a place that is written with values cannot take it; use a deploy driver that works by generation',
  });
}

/** HMAC-SHA256 of a message under a secret, wherever it is held. Rejects with `SECRET_UNAVAILABLE` when its holder fails. */
export async function macOf(secret: Secret, message: string | Uint8Array): Promise<Buffer> {
  const holder = holders.get(secret);
  if (holder !== undefined) return Buffer.from(await holder.mac(Buffer.from(message)));
  return createHmac('sha256', reveal(secret)).update(message).digest();
}

/** Asks a holder for the fingerprint of the key that it holds. Rejects with `SECRET_UNAVAILABLE` when it fails. */
export async function fingerprintFrom(holder: KeyHolder): Promise<string> {
  const mac = await holder.mac(Buffer.from(FINGERPRINT_LABEL, 'utf8'));
  return Buffer.from(mac).toString('hex').slice(0, FINGERPRINT_DIGITS);
}

/**
 * 64 bits that name a secret: HMAC-SHA256 under the secret itself of a fixed label, 16 lower-case hex digits.
 * One-way for secrets of 128 bits and more; weaker ones are refused before anything is printed about them.
 */
export function fingerprintOf(secret: Uint8Array): string {
  return createHmac('sha256', secret).update(FINGERPRINT_LABEL).digest('hex').slice(0, FINGERPRINT_DIGITS);
}

function normalise(key: Buffer): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  (key.length > BLOCK_BYTES ? createHash('sha256').update(key).digest() : key).copy(block);
  return block;
}
