import { fingerprintFits } from './usage-fingerprint.ts';

/**
 * The names that usage evidence has for one secret. A fingerprint (of `usageFingerprint`) is made from the secret; a key
 * id is what sender and gate call it, so that a secret may have several, and an unknown one tells nothing of the secret.
 * A certificate has several names too, by which of them services tell it: digests of it, and its serial number.
 */
export interface UsageNames {
  readonly by: 'fingerprint' | 'key-id' | 'certificate';
  readonly texts: readonly string[];
}

/** Whether what a page shows is one of the names. */
export function isNamed(shown: string, { by, texts }: UsageNames): boolean {
  if (by === 'certificate') return isCertificate(shown, texts);
  return texts.some((text) => (by === 'key-id' ? shown === text : fingerprintFits(shown, text)));
}

/** The fewest digits of a digest that name a certificate. */
const FEWEST_DIGITS = 16;
const SHA256_DIGITS = 64;

/** Whether what is shown names a certificate: digits in either case, with colons or without, whole or of SHA-256 the first. */
function isCertificate(shown: string, texts: readonly string[]): boolean {
  const digits = shown.replaceAll(':', '').toLowerCase();
  const bare = digits.replace(/^0+(?=.)/, '');
  const isBegun = (text: string) =>
    text.length === SHA256_DIGITS && digits.length >= FEWEST_DIGITS && text.startsWith(digits);
  return texts.some((text) => text === digits || text === bare || isBegun(text));
}

/** In words that follow what `deedOf` says: `with 0123456789abcdef`, `under the id k-1 or v1`, `under certificate 01…`. */
export function namesText({ by, texts }: UsageNames): string {
  if (by === 'certificate') return `under certificate ${(texts[0] ?? '').slice(0, SHOWN_DIGITS)}`;
  if (by === 'key-id') return `under the id ${texts.join(' or ')}`;
  return `with ${texts.map((text) => text.slice(0, SHOWN_DIGITS)).join(' or ')}`;
}

/** What a client does with what is named, and what was done with a request that is named by it. */
export function deedOf({ by }: Pick<UsageNames, 'by'>): { readonly does: string; readonly done: string } {
  return by === 'certificate' ? { does: 'makes handshakes', done: 'made' } : { does: 'signs', done: 'signed' };
}

/** A long digest is shown by its beginning. */
const SHOWN_DIGITS = 16;
