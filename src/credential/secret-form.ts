import { createHmac } from 'node:crypto';
import { RotctlError } from '../errors/rotctl-error.ts';
import { macOf, reveal, Secret } from './secret.ts';

/** How the bytes of a key are written as text. */
export type KeyEncoding = 'utf8' | 'hex' | 'base64' | 'base64url';

/**
 * How a secret's text, as it stands in configurations, holds the key that signs: `before` + (`{keyId}` + `between`) +
 * key + `after`, the key in some encoding. `whsec_` + base64 is the form of Standard Webhooks.
 */
export interface SecretForm {
  /** As the operator wrote it, for messages: `whsec_{key}`. */
  readonly text: string;
  readonly before: string;
  /** What stands between key id and key; `undefined` where the secret's text has no key id in it. */
  readonly between: string | undefined;
  readonly after: string;
  readonly encoding: KeyEncoding;
  /** Length of the digest and of the block of the hash function, in bytes: they bound a sensible key. */
  readonly digestBytes: number;
  readonly blockBytes: number;
}

/** A secret's text taken apart. */
interface Taken {
  readonly keyId: string | undefined;
  readonly key: string;
}

const STRICT: Readonly<Record<KeyEncoding, RegExp>> = {
  utf8: /^[\s\S]*$/,
  hex: /^(?:[0-9a-f]{2})*$/i,
  base64: /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/,
  base64url: /^[A-Za-z0-9_-]*={0,2}$/,
};

/**
 * The bytes that enter the HMAC. A text that does not have the form is taken as it is, undecoded where it cannot be
 * decoded: so are the secrets of negative controls. The caller must not keep, print or pass the bytes on except to sign.
 */
export function keyBytes(secret: Secret, form: SecretForm | undefined): Buffer {
  if (form === undefined) return reveal(secret);
  const text = reveal(secret).toString('utf8');
  const key = takeApart(text, form)?.key ?? text;
  return STRICT[form.encoding].test(key) ? Buffer.from(key, form.encoding) : Buffer.from(key, 'utf8');
}

/**
 * The HMAC of a message under the key in a secret. Rejects with `SECRET_UNAVAILABLE` when the key is held elsewhere and
 * cannot be had; its holder knows HMAC-SHA256 alone.
 */
export async function macInForm(
  secret: Secret,
  form: SecretForm,
  hash: 'sha256' | 'sha384' | 'sha512',
  message: Uint8Array,
): Promise<Buffer> {
  if (!secret.isHeldElsewhere) return createHmac(hash, keyBytes(secret, form)).update(message).digest();
  if (hash === 'sha256') return macOf(secret, message);
  throw new RotctlError(
    'SECRET_UNAVAILABLE',
    `a signer that holds the key makes HMAC-SHA256, and the scheme wants ${hash}`,
  );
}

/** The key id that stands in a secret's text; `undefined` where its form has none, or it does not have the form. */
export function keyIdIn(secret: Secret, form: SecretForm): string | undefined {
  if (secret.isHeldElsewhere) return undefined;
  return takeApart(reveal(secret).toString('utf8'), form)?.keyId;
}

/** @throws RotctlError `SECRET_REFUSED` when a secret's text does not have the form; its text is not in the message */
export function requireForm(secret: Secret, form: SecretForm | undefined, whose: string): void {
  if (form === undefined || secret.isHeldElsewhere) return;
  const taken = takeApart(reveal(secret).toString('utf8'), form);
  if (taken === undefined) throw new RotctlError('SECRET_REFUSED', `${whose}: it is not of the form ${form.text}`);
  if (STRICT[form.encoding].test(taken.key)) return;
  throw new RotctlError('SECRET_REFUSED', `${whose}: its key is not ${form.encoding}`);
}

/** A fresh secret in the form: as many random bytes as the digest has (at least 32), under a fresh key id of 8 hex digits. */
export function generateInForm(random: { hex(bytes: number): string }, form: SecretForm): Secret {
  // Characters of hex digits are kept below a block; bytes are as many as the digest has.
  const digits = random.hex(form.encoding === 'utf8' ? Math.min(form.digestBytes, 32) : form.digestBytes);
  const key = form.encoding === 'utf8' ? digits : Buffer.from(digits, 'hex').toString(form.encoding);
  const id = form.between === undefined ? '' : `${random.hex(4)}${form.between}`;
  return Secret.fromText(`${form.before}${id}${key}${form.after}`);
}

/** The key alone as text, where something stands around it: what else must not be shown. */
export function bareKey(secret: Secret, form: SecretForm | undefined): Secret | undefined {
  if (secret.isHeldElsewhere) return undefined;
  const key =
    form === undefined || secret.isHeldElsewhere ? undefined : takeApart(reveal(secret).toString('utf8'), form)?.key;
  return key === undefined || key === '' ? undefined : Secret.fromText(key);
}

function takeApart(text: string, { before, between, after }: SecretForm): Taken | undefined {
  if (!text.startsWith(before) || !text.endsWith(after) || text.length < before.length + after.length) return undefined;
  const inner = text.slice(before.length, text.length - after.length);
  if (between === undefined) return { keyId: undefined, key: inner };
  const at = inner.indexOf(between);
  return at <= 0 ? undefined : { keyId: inner.slice(0, at), key: inner.slice(at + between.length) };
}
