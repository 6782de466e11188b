import { fingerprintFits } from './usage-fingerprint.ts';

/**
 * The names that usage evidence has for one secret. A fingerprint (of `usageFingerprint`) is made from the secret; a key
 * id is what sender and gate call it, so that a secret may have several, and an unknown one tells nothing of the secret.
 */
export interface UsageNames {
  readonly by: 'fingerprint' | 'key-id';
  readonly texts: readonly string[];
}

/** Whether what a page shows is one of the names. */
export function isNamed(shown: string, { by, texts }: UsageNames): boolean {
  return texts.some((text) => (by === 'key-id' ? shown === text : fingerprintFits(shown, text)));
}

/** In words that follow "signed" or "signs": `with 0123456789abcdef`, `under the id k-1 or v1`. */
export function namesText({ by, texts }: UsageNames): string {
  if (by === 'key-id') return `under the id ${texts.join(' or ')}`;
  return `with ${texts.map((text) => text.slice(0, SHOWN_DIGITS)).join(' or ')}`;
}

/** A long digest is shown by its beginning. */
const SHOWN_DIGITS = 16;
