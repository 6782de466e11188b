import { basename, dirname, join } from 'node:path';
import { setVariable, unsetVariable } from '../credential/env-lines.ts';
import type { Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { EnvFilePlace } from '../fleet/fleet.ts';
import type { GateChange, SecretLabels } from './gate-driver.ts';
import { gateFormat, type HeldSecrets, ownName, textOf } from './gate-secrets.ts';

/** A file that must be there before the env file names it. */
export interface NewFile {
  readonly path: string;
  readonly secret: Secret;
  /** A file whose owner must be able to read the new one too. */
  readonly like: string;
}

/** What a change comes to: the env file's new text, and the files that it names anew. */
export interface PlannedChange {
  readonly text: string;
  readonly newFiles: readonly NewFile[];
}

/** The variables that hold no secret. */
export const PLAIN = ['keyId', 'keyIdPrev', 'strict', 'revoked', 'dual'] as const;

/**
 * Works out a change without making it. A secret whose variable has it already stays as it is spelt. New lines are like
 * the primary secret's.
 *
 * Throws `DRIVER_FAILED` when the quoting that stands there cannot hold a value, and `PRECONDITION_FAILED` for a secret
 * that would be taken for the name of a file.
 */
export function planChange(
  text: string,
  deploy: EnvFilePlace,
  held: HeldSecrets,
  change: GateChange,
  labels: SecretLabels,
): PlannedChange {
  const { names } = gateFormat(deploy);
  const newFiles: NewFile[] = [];
  let after = text;
  const set = (which: keyof GateChange, value: string, known?: string) => {
    after = setVariable(after, names[which], value, deploy.path, {
      like: names.secret,
      ...(known !== undefined && { known }),
    });
  };
  const unset = (which: keyof GateChange) => {
    after = unsetVariable(after, names[which], deploy.path);
  };
  // The previous one first: its line is made like that of the primary one as it stood.
  for (const which of ['prev', 'secret'] as const) {
    const next = change[which];
    if (next === null && held[which].value !== '') unset(which);
    if (next === '' && held[which].value !== '') set(which, '');
    if (next === null || next === undefined || next === '' || held[which].secret?.signsLike(next)) continue;
    const { value, file } = spell(next, deploy, held, labels);
    if (file !== undefined) newFiles.push(file);
    set(which, value, textOf(next));
  }
  for (const which of PLAIN) {
    const value = change[which];
    if (value === null) unset(which);
    else if (value !== undefined) set(which, value);
  }
  return { text: after, newFiles };
}

/**
 * A secret's value in a variable: itself, or (where the primary one is in a file) the path of the file that has it
 * already, or else of a new one. Files that are in use stay as they are: running processes read them at each use.
 */
function spell(
  next: Secret,
  deploy: EnvFilePlace,
  { secret, prev }: HeldSecrets,
  labels: SecretLabels,
): { readonly value: string; readonly file?: NewFile } {
  const { names, secretFiles } = gateFormat(deploy);
  if (secret.file === undefined || secret.value === undefined) {
    const value = textOf(next);
    if (!value.startsWith(secretFiles.prefix)) return { value };
    throw new RotctlError('PRECONDITION_FAILED', `${names.secret}: a secret begins as the path of a secret file does`, {
      at: { file: deploy.path },
    });
  }
  const same = [secret, prev].find((one) => one.file !== undefined && one.secret?.signsLike(next));
  if (same?.value !== undefined) return { value: same.value };
  const name = ownName(deploy, labels.of(next));
  const value = secret.value.slice(0, -basename(secret.file).length) + name;
  return { value, file: { path: join(dirname(secret.file), name), secret: next, like: secret.file } };
}
