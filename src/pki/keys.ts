import { createPublicKey, generateKeyPair, type KeyObject, webcrypto } from 'node:crypto';
import { promisify } from 'node:util';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { KeyKind } from '../fleet/certificates.ts';
import { readPrivateKey } from './pem.ts';

const HASH_OF_CURVE: Readonly<Record<string, string>> = {
  prime256v1: 'SHA-256',
  secp384r1: 'SHA-384',
  secp521r1: 'SHA-512',
};
const NAME_OF_CURVE: Readonly<Record<string, string>> = {
  prime256v1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
};
const LEAST_RSA_BITS = 2048;
const MOST_RSA_BITS = 8192;

/** Makes a private key of a kind, as PKCS #8 in PEM. It is secret: the caller wraps it, and writes it with mode 0600. */
export async function makeKey(kind: KeyKind = 'P-256'): Promise<string> {
  const { privateKey } =
    kind === 'P-256' || kind === 'P-384'
      ? await promisify(generateKeyPair)('ec', { namedCurve: kind })
      : await promisify(generateKeyPair)('rsa', { modulusLength: Number(kind.slice('RSA-'.length)) });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** The kind that is nearest to a key's own; P-256 for one of which we make none. */
export function keyKindOf({ asymmetricKeyType, asymmetricKeyDetails: details = {} }: KeyObject): KeyKind {
  if (asymmetricKeyType !== 'rsa') return details.namedCurve === 'secp384r1' ? 'P-384' : 'P-256';
  const bits = details.modulusLength ?? 0;
  if (bits <= 2048) return 'RSA-2048';
  return bits <= 3072 ? 'RSA-3072' : 'RSA-4096';
}

/** A private key that signs certificates and requests, with the hash that goes with it. */
export interface Signer {
  readonly key: webcrypto.CryptoKey;
  readonly hash: string;
  readonly publicKey: KeyObject;
}

/** Opens a PEM private key to sign with. Throws `INPUT_INVALID` when it does not parse, or is of a kind that we do not use. */
export async function signerOf(pem: string): Promise<Signer> {
  const key = readPrivateKey(pem);
  const publicKey = createPublicKey(key);
  const unfit = unfitness(publicKey);
  if (unfit !== undefined) throw new RotctlError('INPUT_INVALID', `the private key ${unfit}`);
  const curve = key.asymmetricKeyDetails?.namedCurve;
  const hash = (curve === undefined ? undefined : HASH_OF_CURVE[curve]) ?? 'SHA-256';
  const algorithm =
    curve === undefined
      ? { name: 'RSASSA-PKCS1-v1_5', hash }
      : { name: 'ECDSA', namedCurve: NAME_OF_CURVE[curve] ?? curve };
  const der = key.export({ format: 'der', type: 'pkcs8' });
  return { key: await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']), hash, publicKey };
}

/** Why no certificate is made for a public key, in words that follow its name; `undefined` for one that is fit. */
export function unfitness(key: KeyObject): string | undefined {
  const { asymmetricKeyType: type = 'unknown', asymmetricKeyDetails: details = {} } = key;
  if (type === 'ec') {
    const curve = details.namedCurve ?? 'without a name';
    return HASH_OF_CURVE[curve] === undefined ? `is on the curve ${curve}; P-256 or P-384 is needed` : undefined;
  }
  if (type !== 'rsa') return `is of the kind ${type}; P-256, P-384 or RSA is needed`;
  const bits = details.modulusLength ?? 0;
  if (bits >= LEAST_RSA_BITS && bits <= MOST_RSA_BITS) return undefined;
  return `has ${bits} bits; RSA keys of ${LEAST_RSA_BITS} to ${MOST_RSA_BITS} bits are taken`;
}
