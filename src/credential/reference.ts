import { isUtf8 } from 'node:buffer';
import { RotctlError } from '../errors/rotctl-error.ts';
import { readVariable } from './env-file.ts';
import { findJson } from './json-span.ts';
import { Secret } from './secret.ts';
import type { SecretSources } from './sources.ts';

/** Where a secret lives. A secret is never a value in `rotctl.yaml`. */
export type SecretReference =
  /** The whole of a file. */
  | { readonly from: 'file'; readonly path: string }
  /** A variable in an env file, or what stands at a pointer in its value. */
  | { readonly from: 'dotenv'; readonly path: string; readonly variable: string; readonly pointer?: string }
  /** What stands at a pointer in a JSON file. */
  | { readonly from: 'json'; readonly path: string; readonly pointer: string }
  /** A variable of our own environment, where every process of this user can read it. */
  | { readonly from: 'env'; readonly variable: string }
  /** A file descriptor that was inherited. */
  | { readonly from: 'fd'; readonly fd: number }
  /** The standard output of a command. */
  | SecretCommand
  /** The sealed store in the vault folder. */
  | { readonly from: 'sealed' };

/** A command that gives a secret on its standard output. */
export interface SecretCommand {
  readonly from: 'command';
  readonly command: readonly string[];
  readonly deadlineMs: number;
  /** Names of further variables of our environment that it gets. */
  readonly pass: readonly string[];
}

/** Sources of which only files are asked, for references that name nothing else. */
export function filesOnly({ read }: Pick<SecretSources, 'read'>): SecretSources {
  const refused = async (): Promise<never> => {
    throw new RotctlError('INTERNAL', 'only files may be named here');
  };
  return { read, variable: () => undefined, descriptor: refused, commands: { ask: refused }, sealed: refused };
}

/** How a reference is told in messages: `fd 3`, `the output of vault`. */
function placeOf(reference: SecretReference): string {
  switch (reference.from) {
    case 'file':
    case 'dotenv':
    case 'json':
      return reference.path;
    case 'env':
      return `the variable ${reference.variable} of the environment`;
    case 'fd':
      return `file descriptor ${reference.fd}`;
    case 'command':
      return `the output of ${reference.command[0]}`;
    case 'sealed':
      return 'the sealed store';
  }
}

/**
 * Reads the secret of a client that a reference names. Of a file, a descriptor and a command's output, exactly one
 * trailing newline (`\n` or `\r\n`) is not part of the secret; nothing else is trimmed. Of an array at a JSON pointer, the
 * first entry is meant and must be the only one.
 *
 * Throws `SECRET_REFUSED` when it is empty or absent, `INPUT_SYNTAX` and `INPUT_INVALID` for a file of another shape, and
 * `SECRET_UNAVAILABLE` for a command that fails.
 */
export async function readSecret(reference: SecretReference, sources: SecretSources, client = ''): Promise<Secret> {
  if (reference.from === 'sealed') return sealedSecret(client, sources);
  const value = await textOf(reference, sources);
  if (value !== '') return Secret.fromText(value);
  if ('path' in reference) {
    throw new RotctlError('SECRET_REFUSED', 'the secret is empty', { at: { file: reference.path } });
  }
  throw new RotctlError('SECRET_REFUSED', `${placeOf(reference)} is empty`);
}

async function sealedSecret(client: string, sources: SecretSources): Promise<Secret> {
  const secret = await sources.sealed(client);
  if (secret !== undefined) return secret;
  throw new RotctlError('SECRET_REFUSED', `nothing is sealed for ${client}`, {
    hint: `seal its present secret with \`rotctl seal ${client} --secret-file FILE\`, or say under \`secret\` where it lives`,
  });
}

async function textOf(
  reference: Exclude<SecretReference, { from: 'sealed' }>,
  sources: SecretSources,
): Promise<string> {
  switch (reference.from) {
    case 'file':
      return withoutNewline(await sources.read(reference.path));
    case 'dotenv':
      return dotenvText(reference, await sources.read(reference.path));
    case 'json': {
      const { path: file, pointer } = reference;
      return atPointer(await sources.read(file), pointer, 'the file', file);
    }
    case 'env': {
      const value = sources.variable(reference.variable);
      if (value !== undefined) return value;
      throw new RotctlError('SECRET_REFUSED', `${placeOf(reference)} is not set`);
    }
    case 'fd':
      return withoutNewline(decoded(await sources.descriptor(reference.fd), reference));
    case 'command': {
      const { command, deadlineMs, pass } = reference;
      return withoutNewline(decoded(await sources.commands.ask(command, { deadlineMs, pass }), reference));
    }
  }
}

function withoutNewline(text: string): string {
  return text.replace(/\r?\n$/, '');
}

function decoded(bytes: Buffer, reference: SecretReference): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  throw new RotctlError('SECRET_REFUSED', `${placeOf(reference)} is not UTF-8`);
}

function dotenvText(reference: Extract<SecretReference, { from: 'dotenv' }>, text: string): string {
  const { path: file, variable, pointer } = reference;
  const value = readVariable(text, variable, file);
  if (value === undefined)
    throw new RotctlError('SECRET_REFUSED', `${variable} is not set in the file`, { at: { file } });
  return pointer === undefined ? value : atPointer(value, pointer, variable, file);
}

/** The text at a pointer in JSON; `what` holds it, for messages. */
function atPointer(json: string, pointer: string, what: string, file: string): string {
  const place = `${what} at ${pointer}`;
  const span = located(file, () => findJson(json, pointer, what));
  if (span === undefined) throw new RotctlError('SECRET_REFUSED', `${place}: nothing stands there`, { at: { file } });
  const found: unknown = JSON.parse(json.slice(span.start, span.end));
  const one = Array.isArray(found) && found.length === 1 ? found[0] : found;
  if (typeof one !== 'string') {
    throw new RotctlError('INPUT_INVALID', `${place}: must be text or an array of one text`, { at: { file } });
  }
  return one;
}

/** Adds the file to an error that was thrown without knowing it. */
function located<Result>(file: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof RotctlError) || error.at !== undefined) throw error;
    throw new RotctlError(error.code, error.message, { at: { file }, hint: error.hint });
  }
}
