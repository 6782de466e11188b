const SECRET_NAME = /secret|passw|passphrase|token|hmac|material|private|credential|apikey|api_key|^key$/i;
const CANDIDATE = /[A-Za-z0-9+=_]{16,}/g;
const MARKER = /-----BEGIN |AGE-SECRET-KEY-|:\/\/[^/\s]*:[^/\s]*@/;
/** Random hex has about 3.6 bits a character at 32 characters and base64 about 4.6; words and names lie below. */
const RANDOM_BITS_PER_CHARACTER = 3;
const SECRET_LENGTH = 24;

/** Whether a key's name says that what stands below it may be a secret, so that its value is not to be printed. */
export function namesSecret(key: string): boolean {
  return SECRET_NAME.test(key);
}

/**
 * Whether a text holds something that looks random (16 characters and more of mixed letters and digits) or is marked as
 * key material, so that it is not to be printed. Errs on the side of hiding.
 */
export function looksRandom(text: string): boolean {
  return MARKER.test(text) || runs(text).some(isRandom);
}

/**
 * Whether a text holds something that looks like a secret value: key material by its marker, or a random run of at least
 * 24 characters. Stricter than `looksRandom`, because this one is used to refuse a file.
 */
export function looksLikeSecret(text: string): boolean {
  return MARKER.test(text) || runs(text).some((run) => run.length >= SECRET_LENGTH && isRandom(run));
}

function runs(text: string): string[] {
  return text.match(CANDIDATE) ?? [];
}

function isRandom(run: string): boolean {
  if (!/\d/.test(run)) return false;
  return /^\d+$/.test(run) || entropyPerCharacter(run) >= RANDOM_BITS_PER_CHARACTER;
}

/** Shannon entropy of the characters' frequencies, in bits a character. */
function entropyPerCharacter(text: string): number {
  const counts = new Map<string, number>();
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}
