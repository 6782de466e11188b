import { reveal, Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { CertificateFiles } from '../fleet/certificates.ts';
import { readBundle, readPrivateKey } from '../pki/pem.ts';
import type { PlacedCertificates, Shown } from './certificates.ts';
import { blocksIn, isKey, joined, type PemBlock } from './pem-blocks.ts';
import type { CertificateStore, Replacement } from './ports.ts';

const CERTIFICATE = 'CERTIFICATE';

/** What the PEM files of a party hold. Text around the blocks is passed over. */
export async function readFiles(place: CertificateFiles, store: CertificateStore): Promise<PlacedCertificates> {
  const trust = await present(place.trust, 'certificates', store);
  const [chain, key] = [await chainIn(place, store), await keyIn(place, store)];
  return { trust: bundleIn(trust, place.trust), chain, key };
}

/**
 * Replaces the bundle by exactly these certificates. Comments and other text that stood in the file are not kept: what is
 * known of a certificate is in it, and a comment that stays beside another one would be wrong.
 */
export async function writeTrust(
  { trust: path }: CertificateFiles,
  bundle: string,
  store: CertificateStore,
): Promise<{ readonly changed: boolean }> {
  const content = bundleIn(bundle, path);
  const before = await store.find(path, 'certificates');
  if (before !== undefined && sameBlocks(before, content, path)) return { changed: false };
  await store.replaceAll([{ path, content, isPrivate: false }]);
  return { changed: true };
}

/**
 * Replaces chain and key. In one file both change at once. Two files cannot: both are written and synced beside their places
 * first and then renamed, the key before the chain, so that between the two there are two calls of the system and nothing
 * that waits.
 *
 * What is started or reloads in between, or after a crash there, finds the old chain with the new key. Every TLS library
 * refuses that as it loads: a reload fails and the process goes on with what it had (nginx, HAProxy), a start fails. None
 * shows a wrong certificate. The chain comes last, because it is what a reader takes for what is shown: while it is the
 * old one, the change has not been made, and the same call made again replaces whichever of the two is still the old one.
 */
export async function writeShown(
  place: CertificateFiles,
  shown: Shown,
  store: CertificateStore,
): Promise<{ readonly changed: boolean }> {
  const { cert, key } = place;
  const wanted = wantedOf(place, shown);
  if (cert === key) {
    const before = (await store.find(cert, 'key')) ?? '';
    const content = `${wanted.chain}${wanted.key}${joined(othersIn(before, cert))}`;
    if (sameBlocks(before, content, cert)) return { changed: false };
    await store.replaceAll([{ path: cert, content, isPrivate: true }]);
    return { changed: true };
  }
  const changes: Replacement[] = [];
  const keyNow = (await store.find(key, 'key')) ?? '';
  if (!sameBlocks(keyNow, wanted.key, key)) changes.push({ path: key, content: wanted.key, isPrivate: true });
  const chainNow = (await store.find(cert, 'certificates')) ?? '';
  const chain = `${wanted.chain}${joined(othersIn(chainNow, cert))}`;
  if (!sameBlocks(chainNow, chain, cert)) changes.push({ path: cert, content: chain, isPrivate: false });
  if (changes.length > 0) await store.replaceAll(changes);
  return { changed: changes.length > 0 };
}

/** What stands in the way of changing the files of a party, in words. */
export async function rehearseFiles(place: CertificateFiles, store: CertificateStore): Promise<readonly string[]> {
  const obstacles: string[] = [];
  for (const path of new Set([place.trust, place.cert, place.key])) {
    const hindrance = await store.replaceable(path);
    if (hindrance !== undefined) obstacles.push(`${path}: cannot be replaced: ${hindrance}`);
  }
  for (const look of [
    async () => void bundleIn(await present(place.trust, 'certificates', store), place.trust),
    async () => void (await chainIn(place, store)),
    async () => void (await keyIn(place, store)),
  ]) {
    try {
      await look();
    } catch (error) {
      if (!(error instanceof RotctlError) || error.code === 'INTERNAL') throw error;
      obstacles.push(`${error.position ?? place.cert}: ${error.message}`);
    }
  }
  return [...new Set(obstacles)];
}

async function present(path: string, holds: 'certificates' | 'key', store: CertificateStore): Promise<string> {
  const text = await store.find(path, holds);
  if (text !== undefined) return text;
  throw new RotctlError('INPUT_UNREADABLE', 'file: there is no such file', { at: { file: path } });
}

/** A bundle of authorities, strictly read: every block is a certificate, and each of them parses. */
function bundleIn(text: string, file: string): string {
  const bundle = joined(blocksIn(text, file));
  readBundle(bundle, file);
  return bundle;
}

async function chainIn({ cert, key }: CertificateFiles, store: CertificateStore): Promise<string> {
  const blocks = blocksIn(await present(cert, cert === key ? 'key' : 'certificates', store), cert);
  if (cert !== key && blocks.some(isKey)) {
    throw new RotctlError('INPUT_INVALID', 'holds a private key beside the chain', {
      at: { file: cert },
      hint: 'where one file holds both, name it as cert and as key',
    });
  }
  const chain = joined(blocks.filter(({ label }) => label === CERTIFICATE));
  readBundle(chain, cert);
  return chain;
}

async function keyIn({ key }: CertificateFiles, store: CertificateStore): Promise<Secret> {
  const [found, ...more] = blocksIn(await present(key, 'key', store), key).filter(isKey);
  if (found === undefined || more.length > 0) {
    throw new RotctlError(
      'INPUT_INVALID',
      `must hold one private key, got ${found === undefined ? 'none' : 'several'}`,
      {
        at: { file: key },
      },
    );
  }
  readPrivateKey(found.text, key);
  return Secret.fromText(found.text);
}

/** What is to stand there, with the key that belongs to the chain. */
function wantedOf(
  { cert, key: path }: CertificateFiles,
  { chain, key }: Shown,
): { readonly chain: string; readonly key: string } {
  if (key === undefined) throw new RotctlError('INTERNAL', 'files hold a key, and none was given to write');
  const text = bundleIn(chain, cert);
  const [own] = readBundle(text, cert);
  const keyText = joined(blocksIn(reveal(key).toString('utf8'), path).filter(isKey));
  if (own?.checkPrivateKey(readPrivateKey(keyText, path)) !== true) {
    throw new RotctlError('PRECONDITION_FAILED', 'the key is not that of the first certificate of the chain', {
      at: { file: cert },
    });
  }
  return { chain: text, key: keyText };
}

/** Blocks that are neither certificates nor of the key, such as DH PARAMETERS: they stay. Of a torn file nothing does. */
function othersIn(text: string, file: string): readonly PemBlock[] {
  return (blocksUnlessTorn(text, file) ?? []).filter(
    (block) => block.label !== CERTIFICATE && block.label !== 'EC PARAMETERS' && !isKey(block),
  );
}

function sameBlocks(now: string, wanted: string, file: string): boolean {
  const blocks = blocksUnlessTorn(now, file);
  return blocks !== undefined && joined(blocks) === wanted;
}

/** What is to be replaced may be torn; then it is replaced all the more. */
function blocksUnlessTorn(text: string, file: string): readonly PemBlock[] | undefined {
  try {
    return blocksIn(text, file);
  } catch (error) {
    if (error instanceof RotctlError && error.code === 'INPUT_INVALID') return undefined;
    throw error;
  }
}
