import { RotctlError } from '../errors/rotctl-error.ts';
import { type Assignment, findVariable, readVariable, refuseUnwritable, replaceVariable } from './env-file.ts';
import { contestedIn, writeStanding } from './env-quoting.ts';

/** How a variable is written that is not in the file yet. */
export interface NewLine {
  /** A variable whose line it is like: in its quotes, and exported when it is. Where that is not set either: bare when every reader takes it alike, else in double quotes. */
  readonly like?: string;
  /** Characters that are known to be taken right in such a place, as `replaceVariable` takes them. */
  readonly known?: string;
}

/**
 * The text with the variable set to `value`: replaced where it stands, as `replaceVariable` does, else added as the last
 * line, in the file's own kind of line end. Everything else stays, byte for byte; `unsetVariable` takes such a line away again.
 *
 * Throws as `replaceVariable` does, except that the variable need not be set; also `DRIVER_FAILED` when the last line
 * goes on in the next one, because what is added would be read as part of it.
 */
export function setVariable(text: string, variable: string, value: string, file: string, line: NewLine = {}): string {
  const present = findVariable(text, variable, file);
  if (present?.value === value) return text;
  if (present !== undefined) return replaceVariable(text, variable, value, file, line.known);
  refuseUnwritable(variable, value, { file });
  const like = line.like === undefined ? undefined : findVariable(text, line.like, file);
  const written = like === undefined ? { raw: writeFresh(value) } : writeStanding(value, like, line.known ?? '');
  if ('problem' in written) {
    throw notAdded(variable, `as ${line.like}, ${written.problem}`, file);
  }
  const after = withLine(text, `${exportOf(like)}${variable}=${written.raw}`);
  if (/\\\r?\n?$/.test(text)) throw notAdded(variable, "the file's last line ends in a backslash", file);
  if (readVariable(after, variable, file) === value) return after;
  throw notAdded(variable, 'it would be read otherwise there', file);
}

/**
 * The text without the variable's line, everything else as it was; the same text when it is not set.
 *
 * Throws `INPUT_SYNTAX` and `INPUT_INVALID` as `readVariable` does.
 */
export function unsetVariable(text: string, variable: string, file: string): string {
  const present = findVariable(text, variable, file);
  if (present === undefined) return text;
  const before = text.slice(0, present.lineStart);
  const end = text.indexOf('\n', present.lineStart);
  // A last line without a line end was the end of the one before it: that one is without again.
  return end === -1 ? before.replace(/\r?\n$/, '') : before + text.slice(end + 1);
}

function writeFresh(value: string): string {
  return contestedIn(value).size === 0 ? value : `"${value.replace(/[\\"]/g, '\\$&')}"`;
}

function exportOf(like: Assignment | undefined): string {
  return like?.exported === true ? 'export ' : '';
}

function withLine(text: string, line: string): string {
  const end = lineEndOf(text);
  return text === '' || text.endsWith('\n') ? text + line + end : text + end + line;
}

/** That of the last line that has one. */
function lineEndOf(text: string): string {
  return /\r(?:\n[^\n]*)?$/.test(text) ? '\r\n' : '\n';
}

function notAdded(variable: string, problem: string, file: string): RotctlError {
  const hint = `add a line for ${variable} to the file, in the quotes that what reads it takes`;
  return new RotctlError('DRIVER_FAILED', `${variable} cannot be added: ${problem}`, { at: { file }, hint });
}
