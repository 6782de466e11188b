import { RotctlError } from '../errors/rotctl-error.ts';
import { readVariable } from './env-file.ts';
import { findJson } from './json-span.ts';
import { Secret } from './secret.ts';

/** Where a secret lives. A secret is never a value in `rotctl.yaml`. */
export type SecretReference =
  | { readonly from: 'file'; readonly path: string }
  | { readonly from: 'dotenv'; readonly path: string; readonly variable: string; readonly pointer?: string };

/** Reads a file that holds secrets; refuses one that others can read. */
export interface SecretFiles {
  read(path: string): Promise<string>;
}

/**
 * Reads the secret that a reference names. Of a file, exactly one trailing newline (`\n` or `\r\n`) is not part of the
 * secret; nothing else is trimmed. Of an array at a JSON pointer, the first entry is meant and must be the only one.
 *
 * Throws `SECRET_REFUSED` when it is empty or absent and `INPUT_SYNTAX`, `INPUT_INVALID` for a file of another shape.
 */
export async function readSecret(reference: SecretReference, files: SecretFiles): Promise<Secret> {
  const text = await files.read(reference.path);
  const value = reference.from === 'file' ? text.replace(/\r?\n$/, '') : secretText(reference, text);
  if (value === '') throw new RotctlError('SECRET_REFUSED', 'the secret is empty', { at: { file: reference.path } });
  return Secret.fromText(value);
}

function secretText(reference: SecretReference & { readonly from: 'dotenv' }, text: string): string {
  const { path: file, variable, pointer } = reference;
  const value = readVariable(text, variable, file);
  if (value === undefined)
    throw new RotctlError('SECRET_REFUSED', `${variable} is not set in the file`, { at: { file } });
  if (pointer === undefined) return value;
  const what = `${variable} at ${pointer}`;
  const span = findJson(value, pointer, variable);
  if (span === undefined) throw new RotctlError('SECRET_REFUSED', `${what}: nothing stands there`, { at: { file } });
  const found: unknown = JSON.parse(value.slice(span.start, span.end));
  const one = Array.isArray(found) && found.length === 1 ? found[0] : found;
  if (typeof one !== 'string') {
    throw new RotctlError('INPUT_INVALID', `${what}: must be text or an array of one text`, { at: { file } });
  }
  return one;
}
