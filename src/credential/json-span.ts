import { RotctlError } from '../errors/rotctl-error.ts';

/** Where a value stands in a JSON text: offsets of its first character and of the one after its last. */
export interface JsonSpan {
  readonly start: number;
  readonly end: number;
}

/**
 * Finds the value at a JSON pointer (RFC 6901) in a JSON text, so that it can be replaced without touching anything
 * else: not the spaces, not the way in which numbers and escapes are written. `undefined` when nothing stands there.
 *
 * Throws `INPUT_SYNTAX` when the text is not JSON and `INPUT_INVALID` when a key on the way stands twice. No message
 * holds any of the text, which is a secret; `what` names the place, such as a variable of a file.
 */
export function findJson(text: string, pointer: string, what: string): JsonSpan | undefined {
  refuseBroken(text, what);
  let span: JsonSpan = { start: skipSpace(text, 0), end: text.trimEnd().length };
  for (const token of pointer.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    const matches = membersIn(text, span).filter((child) => child.key === key);
    if (matches.length > 1)
      throw new RotctlError('INPUT_INVALID', `${what}: a key on the way of ${pointer} stands twice`);
    const [match] = matches;
    if (match === undefined) return undefined;
    span = match.span;
  }
  return span;
}

/** The parser's own message quotes the text, so it is dropped, cause and all. */
function refuseBroken(text: string, what: string): void {
  try {
    JSON.parse(text);
  } catch {
    throw new RotctlError('INPUT_SYNTAX', `${what}: the value is not JSON`);
  }
}

/** A member of an object or array, its value at `span`, and of an object its key, quotes included. */
export interface JsonMember {
  readonly key: string;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly span: JsonSpan;
}

/** Members of an object or array; an array's are named by their index. The text is known to be JSON. */
export function membersIn(text: string, parent: JsonSpan): JsonMember[] {
  const open = text[parent.start];
  if (open !== '{' && open !== '[') return [];
  const found: JsonMember[] = [];
  let at = skipSpace(text, parent.start + 1);
  while (at < parent.end - 1) {
    let key = String(found.length);
    const keyStart = at;
    let keyEnd = at;
    if (open === '{') {
      const end = skipString(text, at);
      key = String(JSON.parse(text.slice(at, end)));
      keyEnd = end;
      at = skipSpace(text, skipSpace(text, end) + 1);
    }
    const span = { start: at, end: skipValue(text, at) };
    found.push({ key, keyStart, keyEnd, span });
    at = skipSpace(text, span.end);
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
  return found;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && ' \t\r\n'.includes(text.charAt(at))) at++;
  return at;
}

function skipString(text: string, from: number): number {
  let at = from + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function skipValue(text: string, from: number): number {
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const char = text.charAt(at);
    if (char === '"') {
      at = skipString(text, at);
      if (depth === 0) return at;
      continue;
    }
    if (depth === 0 && ',]} \t\r\n'.includes(char)) return at;
    if (char === '{' || char === '[') depth++;
    if ((char === '}' || char === ']') && --depth === 0) return at + 1;
    at++;
  }
  return at;
}
