/** How a value stands in an env file. Some readers take quotes literally, so a value never changes its style. */
export type Quoting = 'bare' | 'single' | 'double';

/** A value that stands in an env file now. */
export interface Standing {
  readonly quoting: Quoting;
  /** As it is written, quotes included. */
  readonly raw: string;
}

const NOT_PLAIN = /[^A-Za-z0-9_@%+=:,./-]/gu;

/** The characters of a text that readers of env files do not take alike: spaces, `#`, quotes, `$` and other signs. */
export function contestedIn(text: string): ReadonlySet<string> {
  return new Set(text.match(NOT_PLAIN));
}

/** The value at the beginning of `rest` and how it is written, or `undefined` for an open quote or text after the quotes. */
export function readStanding(rest: string): (Standing & { readonly value: string }) | undefined {
  const quote = rest.charAt(0);
  if (quote !== '"' && quote !== "'") {
    const bare = (/^.*?(?=\s+#|\s*$)/.exec(rest)?.[0] ?? '').replace(/^#.*/, '');
    return { quoting: 'bare', raw: bare, value: bare };
  }
  const match = (quote === '"' ? /^"((?:[^"\\]|\\.)*)"/ : /^'([^']*)'/).exec(rest);
  const inner = match?.[1];
  if (match === null || inner === undefined || !/^\s*(?:#|$)/.test(rest.slice(match[0].length))) return undefined;
  if (quote === "'") return { quoting: 'single', raw: match[0], value: inner };
  return { quoting: 'double', raw: match[0], value: inner.replace(/\\([\\"])/g, '$1') };
}

/**
 * Writes a value in the style of the one that it replaces, so that old, new and old again give the first bytes back.
 * Says why in a few words when that style cannot hold the value; never shows it.
 *
 * A bare value may bring no contested character that is not in the old one already, other than `known` ones: those that
 * are known to have been taken right in this place before.
 */
export function writeStanding(
  value: string,
  old: Standing,
  known: string,
): { readonly raw: string } | { readonly problem: string } {
  if (value === readStanding(old.raw)?.value) return { raw: old.raw };
  switch (old.quoting) {
    case 'single':
      return value.includes("'")
        ? { problem: 'it stands in single quotes, which cannot hold one' }
        : { raw: `'${value}'` };
    case 'double':
      return { raw: `"${value.replace(hasLoneBackslash(old.raw) ? AMBIGUOUS : /[\\"]/g, '\\$&')}"` };
    case 'bare':
      return writeBare(value, old.raw, known);
  }
}

/** A backslash that must be escaped even where lone ones stand for themselves. */
const AMBIGUOUS = /"|\\(?=[\\"]|$)/g;

/** Whether a backslash stands for itself although it could have been escaped, as in `"C:\keys"`. */
function hasLoneBackslash(raw: string): boolean {
  return /\\[^\\"]/.test(raw.replace(/\\[\\"]/g, ''));
}

function writeBare(value: string, old: string, known: string): { readonly raw: string } | { readonly problem: string } {
  const read = readStanding(value);
  if (read?.quoting !== 'bare' || read.value !== value) {
    return { problem: 'it stands without quotes, and the new value would be read otherwise there' };
  }
  const allowed = contestedIn(old + known);
  if ([...contestedIn(value)].every((character) => allowed.has(character))) return { raw: value };
  return {
    problem: 'it stands without quotes, and the new value has a space, # or other sign that the old one has not',
  };
}
