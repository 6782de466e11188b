import { join } from 'node:path';
import { RotctlError } from '../errors/rotctl-error.ts';
import { decodeMaterial, encodeMaterial, type Material, type SealedGeneration, withoutGeneration } from './material.ts';
import type { VaultFiles } from './ports.ts';
import { type AgeKeys, makeIdentity, openText, readIdentity, sealText } from './sealing.ts';
import type { Secret } from './secret.ts';

const IDENTITY = 'identity.txt';
const RETIRED = 'retired.txt';
const SEALED = '.age';
/** The present secrets of clients that have no other place where they can be read. */
const STORE = 'clients.sealed';
const ROTATION_ID = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/**
 * Sealed store of what a rotation needs to go on or back: `current` and `next` of each client, from the start of the
 * rotation until each is destroyed. One writer at a time: the caller holds the fleet's lock.
 */
export interface Vault {
  /** Seals the material of a rotation, in place of what was sealed for it before. Durable when it resolves. */
  seal(rotationId: string, material: Material): Promise<void>;
  /** `undefined` when nothing is sealed for the rotation. Throws `INPUT_INVALID` for a damaged file. */
  open(rotationId: string): Promise<Material | undefined>;
  /**
   * Destroys one generation of every client: its fingerprints are recorded as retired, then the file is written without
   * it, or removed when nothing is left. Safe to repeat.
   */
  destroy(rotationId: string, generation: SealedGeneration): Promise<void>;
  /** Removes what was sealed under one name, without a word of it among what is retired. Safe to repeat. */
  forget(rotationId: string): Promise<void>;
  /**
   * Forgets all that was sealed for these rotations, so that what a crash or a finished one has left behind is not kept any
   * longer. Nothing is recorded as retired by it. The folder may be another fleet's as well: what is not named stays.
   */
  forgetRotations(rotationIds: readonly string[]): Promise<void>;
  /** Keeps the present secret of a client sealed, in place of the one that was kept for it. */
  keep(client: string, secret: Secret): Promise<void>;
  /** The present secret that is kept for a client. When `current` of a rotation is destroyed, its `next` takes its place. */
  kept(client: string): Promise<Secret | undefined>;
  /** Fingerprints of every secret that was destroyed here; none of them may come back. */
  retiredFingerprints(): Promise<ReadonlySet<string>>;
}

/**
 * A vault in a folder (made with mode 0700 at the first `seal`): `identity.txt` is an age identity, made once;
 * `<rotation>.age` is one armored age file for each rotation; `clients.sealed` is another, of the secrets that are kept;
 * `retired.txt` lists retired fingerprints, which are not secret.
 * Sealing protects copies of the sealed files alone; whoever has the whole folder can open them.
 */
export function createVault(folder: string, ports: { readonly files: VaultFiles }): Vault {
  const { files } = ports;
  const sealedPath = (rotationId: string) => join(folder, sealedName(rotationId));
  const seal = async (name: string, material: Material) => {
    await files.makePrivateFolder(folder);
    const { recipient } = await identityOf(folder, files);
    await files.replace(join(folder, name), await sealText(encodeMaterial(material), recipient));
  };
  const open = async (name: string): Promise<Material | undefined> => {
    const path = join(folder, name);
    if (!(await files.list(folder)).includes(name)) return undefined;
    const { identity } = await identityOf(folder, files);
    return decodeMaterial(await openText(await files.read(path), identity, path), path);
  };
  const promoteKept = async (material: Material) => {
    const kept = await open(STORE);
    if (kept === undefined) return;
    const promoted = promote(kept, material);
    if (promoted !== undefined) await seal(STORE, promoted);
  };

  const vault: Vault = {
    seal: async (rotationId, material) => seal(sealedName(rotationId), material),

    open: async (rotationId) => open(sealedName(rotationId)),

    async destroy(rotationId, generation) {
      const material = await vault.open(rotationId);
      if (material === undefined) return;
      const destroyed = Object.values(material).flatMap((secrets) => secrets[generation] ?? []);
      await recordRetired(folder, files, destroyed);
      if (generation === 'current') await promoteKept(material);
      const rest = withoutGeneration(material, generation);
      if (Object.keys(rest).length === 0) await files.remove(sealedPath(rotationId));
      else if (destroyed.length > 0) await vault.seal(rotationId, rest);
    },

    async forget(rotationId) {
      const name = sealedName(rotationId);
      if ((await files.list(folder)).includes(name)) await files.remove(join(folder, name));
    },

    async forgetRotations(rotationIds) {
      const isOfOne = (name: string) => rotationIds.some((id) => name.startsWith(`${id}.`));
      const names = (await files.list(folder)).filter((name) => name.endsWith(SEALED) && isOfOne(name));
      for (const name of names) await files.remove(join(folder, name));
    },

    async keep(client, secret) {
      await seal(STORE, { ...(await open(STORE)), [client]: { current: secret } });
    },

    async kept(client) {
      return (await open(STORE))?.[client]?.current;
    },

    async retiredFingerprints() {
      const names = await files.list(folder);
      if (!names.includes(RETIRED)) return new Set();
      return new Set(
        (await files.read(join(folder, RETIRED))).split('\n').filter((line) => /^[0-9a-f]{16}$/.test(line)),
      );
    },
  };
  return vault;
}

/** The kept secrets with each that a rotation destroys replaced by its `next`; `undefined` when there is none. */
function promote(kept: Material, material: Material): Material | undefined {
  const promoted = Object.entries(kept).map(([client, secrets]) => {
    const { current, next } = material[client] ?? {};
    const isOld = current !== undefined && secrets.current?.signsLike(current) === true;
    return [client, isOld && next !== undefined ? { current: next } : secrets] as const;
  });
  const changed = promoted.some(([client, secrets]) => secrets !== kept[client]);
  return changed ? Object.fromEntries(promoted) : undefined;
}

function sealedName(rotationId: string): string {
  if (!ROTATION_ID.test(rotationId)) throw new RotctlError('INTERNAL', 'a rotation id is not fit for a file name');
  return `${rotationId}${SEALED}`;
}

/** Reads the identity, or makes it; never makes one beside files that were sealed to another. */
async function identityOf(folder: string, files: VaultFiles): Promise<AgeKeys> {
  const path = join(folder, IDENTITY);
  const names = await files.list(folder);
  if (!names.includes(IDENTITY)) {
    if (names.some((name) => name.endsWith(SEALED) || name === STORE)) {
      throw new RotctlError('INPUT_UNREADABLE', 'the vault has sealed files but its identity is missing', {
        at: { file: path },
        hint: 'restore the identity from a copy of the vault folder',
      });
    }
    await files.replace(path, `${await makeIdentity()}\n`);
  }
  return readIdentity(await files.read(path), path);
}

async function recordRetired(folder: string, files: VaultFiles, secrets: readonly Secret[]): Promise<void> {
  const path = join(folder, RETIRED);
  const before = (await files.list(folder)).includes(RETIRED) ? await files.read(path) : '';
  const known = new Set(before.split('\n'));
  const fresh = secrets.map((secret) => secret.fingerprint).filter((fingerprint) => !known.has(fingerprint));
  if (fresh.length > 0) await files.replace(path, `${before}${fresh.join('\n')}\n`);
}
