import { looksRandom } from '../document/secret-text.ts';

/** What a mistyped value looks like; anything else is not shown, for it may be a secret in the wrong place. */
const HARMLESS = /^[\w.,+% -]{1,12}$/;
const LONG_MIXTURE = /^(?=.*\d)(?=.*[A-Za-z]).{8,}$/;

/** A value that was refused, for the message that says so: quoted where it is harmless, else its length alone. */
export function showGiven(text: string): string {
  if (text === '') return 'an empty text';
  const harmless = HARMLESS.test(text) && !LONG_MIXTURE.test(text) && !looksRandom(text);
  return harmless ? JSON.stringify(text) : `a text of ${text.length} characters, not shown`;
}
