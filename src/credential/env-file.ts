import { RotctlError } from '../errors/rotctl-error.ts';

/** One assignment in the text of an env file; offsets are of its value, quotes included. */
interface Assignment {
  readonly line: number;
  readonly start: number;
  readonly end: number;
  readonly value: string;
}

const ASSIGNMENT = /^([ \t]*(?:export[ \t]+)?)([A-Za-z_][A-Za-z0-9_.-]*)([ \t]*=[ \t]*)/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const UNWRITABLE = /[\u0000-\u001f\u007f]/;

/**
 * The value of a variable in the text of an env file (lines of `NAME=value`), or `undefined` when it is not set there.
 * Double-quoted values have `\` and `"` escaped by a backslash; single-quoted ones are literal; bare ones end at the
 * line's end or at ` #`.
 *
 * Throws `INPUT_SYNTAX` for an open quote and `INPUT_INVALID` when the variable is set twice; never shows a value.
 */
export function readVariable(text: string, variable: string, file: string): string | undefined {
  return find(text, variable, file)?.value;
}

/**
 * The text with the variable set to `value` (in double quotes) and everything else as it was, byte for byte. A variable
 * that is not set yet is refused with `INPUT_INVALID`: a misspelt name must not become a new line that nobody reads.
 */
export function replaceVariable(text: string, variable: string, value: string, file: string): string {
  const assignment = find(text, variable, file);
  if (assignment === undefined) {
    throw new RotctlError('INPUT_INVALID', `${variable} is not set in the file`, { at: { file } });
  }
  if (UNWRITABLE.test(value)) {
    throw new RotctlError('INPUT_INVALID', `${variable}: a value with control characters cannot be written`, {
      at: { file, line: assignment.line },
    });
  }
  const quoted = `"${value.replace(/[\\"]/g, '\\$&')}"`;
  return text.slice(0, assignment.start) + quoted + text.slice(assignment.end);
}

function find(text: string, variable: string, file: string): Assignment | undefined {
  let found: Assignment | undefined;
  let offset = 0;
  for (const [index, line] of text.split('\n').entries()) {
    const match = ASSIGNMENT.exec(line);
    if (match?.[2] === variable) {
      const at = { file, line: index + 1 };
      if (found !== undefined) {
        throw new RotctlError('INPUT_INVALID', `${variable} is set twice, first in line ${found.line}`, { at });
      }
      const { length, value } = readValue(line.slice(match[0].length), variable, at);
      const start = offset + match[0].length;
      found = { line: index + 1, start, end: start + length, value };
    }
    offset += line.length + 1;
  }
  return found;
}

/** Reads the value at the start of `rest`; `length` is how much of `rest` it takes, quotes included. */
function readValue(
  rest: string,
  variable: string,
  at: { readonly file: string; readonly line: number },
): { readonly length: number; readonly value: string } {
  const quote = rest.charAt(0);
  if (quote !== '"' && quote !== "'") {
    const bare = (/^.*?(?=\s+#|\s*$)/.exec(rest)?.[0] ?? '').replace(/^#.*/, '');
    return { length: bare.length, value: bare };
  }
  const quoted = (quote === '"' ? /^"((?:[^"\\]|\\.)*)"/ : /^'([^']*)'/).exec(rest);
  const value = quoted?.[1];
  if (quoted === null || value === undefined || !/^\s*(?:#|$)/.test(rest.slice(quoted[0].length))) {
    throw new RotctlError('INPUT_SYNTAX', `${variable}: a quote is not closed, or text follows it`, { at });
  }
  return { length: quoted[0].length, value: quote === '"' ? value.replace(/\\([\\"])/g, '$1') : value };
}
