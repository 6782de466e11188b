/**
 * Which strings may stand without quotes, and how the others are quoted: the strict subset of YAML in which every
 * parser, of YAML 1.1 and 1.2 alike, reads the same value. Everything else of the ledger's form builds on it.
 *
 * A plain scalar begins with a letter, `_` or `/`, goes on with characters of `INNER`, and may hold single spaces and
 * colons only before such a character. So it is never a number, a date, a marker, a comment or a mapping.
 */

/** Bit of `CHARACTER_CLASS`: the character may begin a plain scalar. */
export const PLAIN_FIRST = 1;
/** Bit of `CHARACTER_CLASS`: the character may stand within a plain scalar. */
export const PLAIN_INNER = 2;

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const FIRST = `${LETTERS}_/`;
const INNER = `${FIRST}0123456789.@+-=(),;%<>!?*'`;

/** For each byte, whether it may begin (`PLAIN_FIRST`) or continue (`PLAIN_INNER`) a plain scalar. */
export const CHARACTER_CLASS: Uint8Array = classesOf(FIRST, INNER);

/** Words that some YAML parser reads as `null` or as a boolean, in lower case; any casing of them is quoted. */
const RESERVED = new Set(['null', 'true', 'false', 'yes', 'no', 'on', 'off', 'y', 'n']);
const LONGEST_RESERVED = 5;
/** An exponent without its number: a float to some readers of YAML 1.1. A fingerprint in hex may look like that. */
const BARE_EXPONENT = /^[eE][-+]?[0-9_]*$/;

/** What may not stand raw in a quoted scalar: controls, separators that YAML 1.1 reads as line ends, invisible and bidirectional marks, non-characters. */
const UNPRINTABLE = /[\u007f-\u00a0\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffc\ufffe\uffff]/;
const UNPRINTABLES = new RegExp(UNPRINTABLE.source, 'g');
const LONE_SURROGATES = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Where a plain scalar that begins at `from` ends; `from` itself when none begins there. */
function endOfPlain(text: string, from: number): number {
  if (((CHARACTER_CLASS[text.charCodeAt(from)] ?? 0) & PLAIN_FIRST) === 0) return from;
  let at = from + 1;
  for (;;) {
    const code = text.charCodeAt(at);
    if (((CHARACTER_CLASS[code] ?? 0) & PLAIN_INNER) !== 0) at += 1;
    else if ((code === 0x20 || code === 0x3a) && isInner(text, at + 1)) at += 2;
    else return at;
  }
}

function isInner(text: string, at: number): boolean {
  return ((CHARACTER_CLASS[text.charCodeAt(at)] ?? 0) & PLAIN_INNER) !== 0;
}

/** Whether a word, though plain by its characters, has a meaning of its own in some YAML parser. */
export function isReserved(word: string): boolean {
  return (word.length <= LONGEST_RESERVED && RESERVED.has(word.toLowerCase())) || BARE_EXPONENT.test(word);
}

/** Whether `text` holds a character that the writer always escapes. */
export function hasUnprintable(text: string): boolean {
  return UNPRINTABLE.test(text);
}

/** A string as it stands in the ledger: plain where that is safe, else in double quotes with JSON's escapes. A lone surrogate, which UTF-8 cannot hold, becomes U+FFFD. */
export function writeString(text: string): string {
  if (text !== '' && endOfPlain(text, 0) === text.length && !isReserved(text)) return text;
  return JSON.stringify(text.replace(LONE_SURROGATES, '\ufffd')).replace(UNPRINTABLES, escapeUnit);
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** A finite number as it stands in the ledger. YAML 1.1 wants a fraction before an exponent; minus zero becomes zero. */
export function writeNumber(value: number): string {
  const text = String(value === 0 ? 0 : value);
  return text.includes('e') && !text.includes('.') ? text.replace('e', '.0e') : text;
}

function classesOf(first: string, inner: string): Uint8Array {
  const classes = new Uint8Array(256);
  for (const char of inner) classes[char.charCodeAt(0)] = PLAIN_INNER;
  for (const char of first) classes[char.charCodeAt(0)] = PLAIN_FIRST | PLAIN_INNER;
  return classes;
}
