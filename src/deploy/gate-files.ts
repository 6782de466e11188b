import { join } from 'node:path';
import { Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { EnvFilePlace } from '../fleet/fleet.ts';
import { changing } from './changing.ts';
import type { NewFile } from './gate-change.ts';
import type { GateTarget } from './gate-driver.ts';
import { baseNames, gateFormat, isOwnName, namedFiles, readContent, textOf } from './gate-secrets.ts';
import type { GateFiles } from './ports.ts';

/**
 * Makes the file of a new secret. One that is there already and holds it, from a change that was broken off, will do.
 *
 * Throws `DRIVER_FAILED` when it cannot be made, or something else stands in its place.
 */
export async function makeSecretFile({ path, secret, like }: NewFile, files: GateFiles): Promise<void> {
  if (await changing(path, 'made', () => files.create(path, textOf(secret), like))) return;
  if (await holds(path, secret, files)) return;
  throw new RotctlError('DRIVER_FAILED', 'the file should hold a new secret, and holds something else already', {
    at: { file: path },
    hint: 'if nothing reads the file, remove it',
  });
}

/** Removes the files that were made for this env file, without those that are given. */
export async function removeStale(deploy: EnvFilePlace, kept: ReadonlySet<string>, files: GateFiles): Promise<void> {
  const { folder } = gateFormat(deploy).secretFiles;
  // The change itself is made by now: what cannot be seen or removed is for `leftovers` and `purge` to say.
  const names = await files.namesIn(folder).catch(() => []);
  for (const path of names.filter((name) => isOwnName(deploy, name)).map((name) => join(folder, name))) {
    if (!kept.has(path)) await files.remove(path).catch(() => undefined);
  }
}

/** See `GateDriver.leftovers`. */
export async function leftovers(
  deploy: EnvFilePlace,
  others: readonly GateTarget[],
  files: GateFiles,
): Promise<readonly string[]> {
  const isOld = (name: string) => isOwnName(deploy, name) || baseNames(deploy).includes(name);
  return unnamed(deploy, others, isOld, files);
}

/** See `GateDriver.purge`. */
export async function purge(
  deploy: EnvFilePlace,
  retired: Secret,
  others: readonly GateTarget[],
  files: GateFiles,
): Promise<readonly string[]> {
  const bases = baseNames(deploy);
  // Temporary files of a write that was killed begin with a dot.
  const mayHold = (name: string) => bases.some((base) => name.startsWith(base) || name.startsWith(`.${base}`));
  const removed: string[] = [];
  const problems: unknown[] = [];
  for (const path of await unnamed(deploy, others, mayHold, files)) {
    try {
      if (!(await holds(path, retired, files))) continue;
      await changing(path, 'removed', () => files.remove(path));
      removed.push(path);
    } catch (error) {
      problems.push(error);
    }
  }
  if (problems.length > 0) throw problems[0];
  return removed;
}

async function holds(path: string, secret: Secret, files: GateFiles): Promise<boolean> {
  const content = await readContent(path, files);
  return content !== '' && Secret.fromText(content).signsLike(secret);
}

/** Paths in the folder of secret files, in order, that no variable names. */
async function unnamed(
  deploy: EnvFilePlace,
  others: readonly GateTarget[],
  isMeant: (name: string) => boolean,
  files: GateFiles,
): Promise<string[]> {
  const { folder } = gateFormat(deploy).secretFiles;
  const paths = (await files.namesIn(folder)).filter(isMeant).map((name) => join(folder, name));
  if (paths.length === 0) return [];
  const named = new Set<string>();
  for (const one of [deploy, ...others.map((other) => other.deploy)]) {
    for (const path of namedFiles(await files.read(one.path), one)) named.add(path);
  }
  return paths.filter((path) => !named.has(path)).sort();
}
