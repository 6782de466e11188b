import { join } from 'node:path';
import { Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import { changing } from './changing.ts';
import type { NewFile } from './gate-change.ts';
import { baseNames, type GatePlace, isOwnName, namedFiles, readContent, textOf } from './gate-secrets.ts';
import type { GateSite } from './places.ts';
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
export async function removeStale(at: GatePlace, kept: ReadonlySet<string>, files: GateFiles): Promise<void> {
  const folder = at.format.secretFiles?.folder;
  if (folder === undefined) return;
  // The change itself is made by now: what cannot be seen or removed is for `leftovers` and `purge` to say.
  const names = await files.namesIn(folder).catch(() => []);
  for (const path of names.filter((name) => isOwnName(at, name)).map((name) => join(folder, name))) {
    if (!kept.has(path)) await files.remove(path).catch(() => undefined);
  }
}

/** See `GateDriver.leftovers`. */
export async function leftovers(
  site: GateSite,
  others: readonly GateSite[],
  files: GateFiles,
): Promise<readonly string[]> {
  const at = placeOf(site);
  const isOld = (name: string) => isOwnName(at, name) || baseNames(at).includes(name);
  return unnamed(site, others, isOld, files);
}

/** See `GateDriver.purge`. */
export async function purge(
  site: GateSite,
  retired: Secret,
  others: readonly GateSite[],
  files: GateFiles,
): Promise<readonly string[]> {
  const bases = baseNames(placeOf(site));
  // Temporary files of a write that was killed begin with a dot.
  const mayHold = (name: string) => bases.some((base) => name.startsWith(base) || name.startsWith(`.${base}`));
  const removed: string[] = [];
  const problems: unknown[] = [];
  for (const path of await unnamed(site, others, mayHold, files)) {
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
  site: GateSite,
  others: readonly GateSite[],
  isMeant: (name: string) => boolean,
  files: GateFiles,
): Promise<string[]> {
  const folder = site.format.secretFiles?.folder;
  if (folder === undefined) return [];
  const paths = (await files.namesIn(folder)).filter(isMeant).map((name) => join(folder, name));
  if (paths.length === 0) return [];
  const named = new Set<string>();
  for (const one of [site, ...others]) {
    for (const path of namedFiles(await one.store.open(), placeOf(one))) named.add(path);
  }
  return paths.filter((path) => !named.has(path)).sort();
}

function placeOf({ format, store }: GateSite): GatePlace {
  return { format, place: store.place };
}
