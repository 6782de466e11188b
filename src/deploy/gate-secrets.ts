import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { reveal, Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { GateFormat } from '../fleet/fleet.ts';
import type { GateFiles } from './ports.ts';
import type { Draft } from './values.ts';

/** A secret as it stands in one of a gate's variables. */
export interface Held {
  /** The variable's value; `undefined` when it is not set. */
  readonly value: string | undefined;
  /** Absolute path of the file that the value names; `undefined` when the value is the secret itself. */
  readonly file: string | undefined;
  /** `undefined` when it is empty, or its file is empty or not there. */
  readonly secret: Secret | undefined;
}

/** Both secrets of a gate. */
export interface HeldSecrets {
  readonly secret: Held;
  readonly prev: Held;
}

/** How a gate's settings stand, and the name of where: a path, or what stands for one. */
export interface GatePlace {
  readonly format: GateFormat;
  readonly place: string;
}

/**
 * Both secrets, from the values of a configuration and from the files that they name.
 *
 * Throws `INPUT_INVALID` when the primary one's variable is not set, or a value names no file right in the folder of
 * secret files, and passes on what `readVariable` and the file port throw.
 */
export async function readHeld(draft: Draft, at: GatePlace, files: GateFiles): Promise<HeldSecrets> {
  const of = async (which: keyof HeldSecrets): Promise<Held> => {
    const { value, file } = spelt(draft, at, which);
    const content = file === undefined ? (value ?? '') : await readContent(file, files);
    return { value, file, secret: content === '' ? undefined : Secret.fromText(content) };
  };
  const held = { secret: await of('secret'), prev: await of('prev') };
  if (held.secret.value !== undefined) return held;
  const { names } = at.format;
  throw new RotctlError('INPUT_INVALID', `${names.secret} is not set in the file`, { at: { file: at.place } });
}

/** Paths of the files that the variables name. Throws as `readHeld` does. */
export function namedFiles(draft: Draft, at: GatePlace): Set<string> {
  const files = (['secret', 'prev'] as const).map((which) => spelt(draft, at, which).file);
  return new Set(files.filter((file) => file !== undefined));
}

/** The secret that a file holds, without exactly one line end after it; empty when there is no such file. */
export async function readContent(file: string, files: GateFiles): Promise<string> {
  return ((await files.find(file)) ?? '').replace(/\r?\n$/, '');
}

/**
 * How the names of files begin that hold, or held, a gate's secrets: the variables' names in lower case. A file of just
 * that name may be read by a gate in place of the variable, whatever that says.
 */
export function baseNames({ format: { names } }: GatePlace): readonly [secret: string, prev: string] {
  return [names.secret.toLowerCase(), names.prev.toLowerCase()];
}

/**
 * Name of a file that is made for a secret: it bears the secret's label, and a mark of the env file, because processes
 * with env files of their own may share a folder, and each has its files cleared away for itself.
 */
export function ownName(at: GatePlace, label: string): string {
  if (/^[A-Za-z0-9-]{1,64}$/.test(label)) return `${baseNames(at)[0]}.${label}.${markOf(at)}`;
  throw new RotctlError('INTERNAL', 'the label of a secret does not fit a file name');
}

/** Whether `ownName` made this name for the same env file. */
export function isOwnName(at: GatePlace, name: string): boolean {
  const [base, mark] = [`${baseNames(at)[0]}.`, `.${markOf(at)}`];
  if (!name.startsWith(base) || !name.endsWith(mark)) return false;
  return /^[A-Za-z0-9-]{1,64}$/.test(name.slice(base.length, -mark.length));
}

/** The text of a secret, for the place that it is deployed to. */
export function textOf(secret: Secret): string {
  return reveal(secret).toString('utf8');
}

function markOf({ place }: GatePlace): string {
  return createHash('sha256').update(place).digest('hex').slice(0, 8);
}

function spelt(draft: Draft, { format, place }: GatePlace, which: keyof HeldSecrets): Omit<Held, 'secret'> {
  const { names, secretFiles } = format;
  const value = draft.get(names[which]);
  if (secretFiles === undefined || value?.startsWith(secretFiles.prefix) !== true) return { value, file: undefined };
  const name = value.slice(secretFiles.prefix.length).replace(/^\//, '');
  if (/^[^/\\]+$/.test(name) && name !== '.' && name !== '..') return { value, file: join(secretFiles.folder, name) };
  throw new RotctlError('INPUT_INVALID', `${names[which]}: names no file right in ${secretFiles.prefix}`, {
    at: { file: place },
    hint: 'secretFiles.prefix in the fleet file must be all of the path but the name of the file',
  });
}
