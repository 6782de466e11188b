import { type Position, RotctlError } from '../errors/rotctl-error.ts';
import { readStanding, type Standing, writeStanding } from './env-quoting.ts';

/** One assignment in the text of an env file. */
export interface Assignment extends Standing {
  /** Line number, from 1, and the offset of the line's first character. */
  readonly line: number;
  readonly lineStart: number;
  /** The offset of the value, quotes included. */
  readonly start: number;
  readonly value: string;
  readonly exported: boolean;
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
  return findVariable(text, variable, file)?.value;
}

/**
 * The text with the variable set to `value` and everything else as it was, byte for byte. The value is quoted as the one
 * that it replaces: a reader that takes quotes literally must not find them in a secret, and one that needs them must.
 * `known` holds characters that are known to have stood in this place before, beside those that stand there now.
 *
 * Throws `INPUT_INVALID` when the variable is not set yet (a misspelt name must not become a new line that nobody
 * reads) or the value has control characters, and `DRIVER_FAILED` when the style that was found cannot hold the value.
 */
export function replaceVariable(text: string, variable: string, value: string, file: string, known = ''): string {
  const assignment = findVariable(text, variable, file);
  if (assignment === undefined) {
    throw new RotctlError('INPUT_INVALID', `${variable} is not set in the file`, { at: { file } });
  }
  const at = { file, line: assignment.line };
  refuseUnwritable(variable, value, at);
  const written = writeStanding(value, assignment, known);
  const refuse = (problem: string) => {
    const hint = 'quote the value in the file, if what reads it takes quotes; else use another separator or secret';
    return new RotctlError('DRIVER_FAILED', `${variable} cannot be replaced: ${problem}`, { at, hint });
  };
  if ('problem' in written) throw refuse(written.problem);
  const after = text.slice(0, assignment.start) + written.raw + text.slice(assignment.start + assignment.raw.length);
  if (readVariable(after, variable, file) === value) return after;
  throw refuse('what stands after it in its line would be read as part of it');
}

/**
 * Refuses a value that does not fit in one line.
 *
 * @throws RotctlError INPUT_INVALID, without the value
 */
export function refuseUnwritable(variable: string, value: string, at: Position): void {
  if (!UNWRITABLE.test(value)) return;
  throw new RotctlError('INPUT_INVALID', `${variable}: a value with control characters cannot be written`, { at });
}

/** Where a variable is set in the text; `undefined` when it is not. Throws as `readVariable` does. */
export function findVariable(text: string, variable: string, file: string): Assignment | undefined {
  let found: Assignment | undefined;
  let offset = 0;
  for (const [index, line] of text.split('\n').entries()) {
    const match = ASSIGNMENT.exec(line);
    if (match?.[2] === variable) {
      const at = { file, line: index + 1 };
      if (found !== undefined) {
        throw new RotctlError('INPUT_INVALID', `${variable} is set twice, first in line ${found.line}`, { at });
      }
      const standing = readStanding(line.slice(match[0].length));
      if (standing === undefined) {
        throw new RotctlError('INPUT_SYNTAX', `${variable}: a quote is not closed, or text follows it`, { at });
      }
      const lead = standing.raw === '' ? match[0].trimEnd() : match[0];
      const exported = match[1]?.trim() === 'export';
      found = { ...standing, exported, line: index + 1, lineStart: offset, start: offset + lead.length };
    }
    offset += line.length + 1;
  }
  return found;
}
