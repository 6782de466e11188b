import { basename, dirname, join } from 'node:path';
import type { Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { GateChange, SecretLabels } from './gate-driver.ts';
import { type GatePlace, type HeldSecrets, ownName, textOf } from './gate-secrets.ts';
import type { Draft } from './values.ts';

/** A file that must be there before the env file names it. */
export interface NewFile {
  readonly path: string;
  readonly secret: Secret;
  /** A file whose owner must be able to read the new one too. */
  readonly like: string;
}

/** The variables that hold no secret. */
export const PLAIN = ['keyId', 'keyIdPrev', 'strict', 'revoked', 'dual'] as const;

/**
 * Makes a change in a draft, and gives the files that must be there before it is saved. A secret whose variable has it
 * already stays as it is spelt. New lines are like the primary secret's.
 *
 * Throws `DRIVER_FAILED` when the quoting that stands there cannot hold a value, and `PRECONDITION_FAILED` for a secret
 * that would be taken for the name of a file.
 */
export function planChange(
  draft: Draft,
  at: GatePlace,
  held: HeldSecrets,
  change: GateChange,
  labels: SecretLabels,
): readonly NewFile[] {
  const { names } = at.format;
  const newFiles: NewFile[] = [];
  const set = (which: keyof GateChange, value: string, known?: string) =>
    draft.set(names[which], value, { like: names.secret, ...(known !== undefined && { known }) });
  const unset = (which: keyof GateChange) => draft.unset(names[which]);
  // The previous one first: its line is made like that of the primary one as it stood.
  for (const which of ['prev', 'secret'] as const) {
    const next = change[which];
    if (next === null && held[which].value !== '') unset(which);
    if (next === '' && held[which].value !== '') set(which, '');
    if (next === null || next === undefined || next === '' || held[which].secret?.signsLike(next)) continue;
    const { value, file } = spell(next, at, held, labels);
    if (file !== undefined) newFiles.push(file);
    set(which, value, textOf(next));
  }
  for (const which of PLAIN) {
    const value = change[which];
    if (value === null) unset(which);
    else if (value !== undefined) set(which, value);
  }
  return newFiles;
}

/**
 * A secret's value in a variable: itself, or (where the primary one is in a file) the path of the file that has it
 * already, or else of a new one. Files that are in use stay as they are: running processes read them at each use.
 */
function spell(
  next: Secret,
  at: GatePlace,
  { secret, prev }: HeldSecrets,
  labels: SecretLabels,
): { readonly value: string; readonly file?: NewFile } {
  const { names, secretFiles } = at.format;
  if (secret.file === undefined || secret.value === undefined) {
    const value = textOf(next);
    if (secretFiles === undefined || !value.startsWith(secretFiles.prefix)) return { value };
    throw new RotctlError('PRECONDITION_FAILED', `${names.secret}: a secret begins as the path of a secret file does`, {
      at: { file: at.place },
    });
  }
  const same = [secret, prev].find((one) => one.file !== undefined && one.secret?.signsLike(next));
  if (same?.value !== undefined) return { value: same.value };
  const name = ownName(at, labels.of(next));
  const value = secret.value.slice(0, -basename(secret.file).length) + name;
  return { value, file: { path: join(dirname(secret.file), name), secret: next, like: secret.file } };
}
