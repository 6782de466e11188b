import type { ProbeSettings } from '../fleet/fleet.ts';
import { has } from '../protocol/described/template.ts';

/** A nonce, written in another way than it was signed. */
export interface Spelling {
  /** In words that follow "accepted": `in upper case`. */
  readonly how: string;
  readonly nonce: string;
  /** A sound signer calls it a replay, or its server removes the difference: it costs no bad signature as a rule. */
  readonly spared: boolean;
}

/** Whether the nonce travels in a header, whose text is bytes, and not in a JSON body. */
export function isInHeader({ gate, scheme }: Pick<ProbeSettings, 'gate' | 'scheme'>): boolean {
  if (gate !== undefined) return false;
  return scheme === undefined || scheme.headers.some(({ template }) => has(template, 'nonce'));
}

/**
 * Spellings that some parser, trimmer or normaliser takes for the nonce itself: case, white space, escapes, quotes, the
 * first of a list, full-width letters. A header carries bytes, so that what is not ASCII is written there as its UTF-8.
 */
export function spellingsOf(nonce: string, inHeader: boolean): readonly Spelling[] {
  const bytes = (text: string): string => (inHeader ? Buffer.from(text, 'utf8').toString('latin1') : text);
  const [first = ''] = nonce;
  const rest = nonce.slice(1);
  const spelling = (how: string, text: string, spared = false): Spelling => ({ how, nonce: text, spared });
  const all = [
    spelling('with a space behind it', `${nonce} `, true),
    spelling('with a tab before it', `\t${nonce}`, true),
    spelling('in upper case', nonce.toUpperCase()),
    spelling('in lower case', nonce.toLowerCase()),
    // Trimmed by JavaScript's trim (both) and by Python's strip (both); in a header these are single bytes of Latin-1.
    spelling('with a no-break space behind it', `${nonce}\u00a0`),
    spelling('with a next-line character behind it', `${nonce}\u0085`),
    spelling('with its first character percent-encoded', `%${hexOf(first)}${rest}`),
    spelling('with its first character as a \\u escape', `\\u00${hexOf(first)}${rest}`),
    spelling('in quotes', `"${nonce}"`),
    spelling('in braces (a hash tag)', `{${nonce}}`),
    spelling('twice (as a list)', `${nonce}, ${nonce}`),
    spelling('with its first character full-width', bytes(`${fullWidth(first)}${rest}`)),
    ...(inHeader ? [] : [spelling('with a separator behind it', `${nonce};`)]),
  ];
  return all.filter((one) => one.nonce !== nonce);
}

function hexOf(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(2, '0');
}

/** The full-width form of an ASCII character, which NFKC makes the character itself. */
function fullWidth(character: string): string {
  return String.fromCodePoint((character.codePointAt(0) ?? 0x21) + 0xfee0);
}
