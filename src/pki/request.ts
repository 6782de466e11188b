import { createPublicKey, type KeyObject } from 'node:crypto';
import { fromBER } from 'asn1js';
import { Attribute, CertificationRequest, Extensions, PublicKeyInfo } from 'pkijs';
import { RotctlError } from '../errors/rotctl-error.ts';
import { altNames } from './alt-names.ts';
import { engine } from './engine.ts';
import { alternatives } from './extensions.ts';
import { signerOf, unfitness } from './keys.ts';
import { derOf, pemOf } from './pem.ts';
import { commonNameOf, likenessOf } from './subject.ts';

const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const ONE_BLOCK = /^-----BEGIN ((?:NEW )?CERTIFICATE REQUEST)-----\s([A-Za-z0-9+/=\s]+)-----END \1-----$/;
const HINT = 'a request is one PEM block, as `openssl req -new -key KEY` prints it';

/** What a request (CSR) is for, and whose. */
export interface RequestParts {
  readonly commonName: string;
  /** DNS names and IP addresses to ask for. */
  readonly names: readonly string[];
  /** PEM of the present certificate, whose subject and names that are not dialled are asked for again (`likenessOf`). */
  readonly like?: string | undefined;
  /** Private key in PEM, as `makeKey` makes it. */
  readonly key: string;
}

/** What counts of a request that was read. */
export interface ReadRequest {
  /** Its key, which its sender holds: the request is signed with it. */
  readonly publicKey: PublicKeyInfo;
  readonly key: KeyObject;
  readonly commonName: string | undefined;
}

/** Makes a request (PKCS #10) in PEM for a key. Throws `INPUT_INVALID` for a key or names that cannot be used. */
export async function makeRequest({ commonName, names, like, key }: RequestParts): Promise<string> {
  const signer = await signerOf(key);
  const likeness = likenessOf(like, commonName);
  const request = new CertificationRequest({
    version: 0,
    subject: likeness.subject,
    subjectPublicKeyInfo: PublicKeyInfo.fromBER(derOf(signer.publicKey)),
  });
  const extensions = alternatives([...altNames(names), ...likeness.names]);
  const wanted = new Attribute({ type: EXTENSION_REQUEST, values: [new Extensions({ extensions }).toSchema()] });
  request.attributes = extensions.length === 0 ? [] : [wanted];
  await request.sign(signer.key, signer.hash, engine());
  return pemOf('CERTIFICATE REQUEST', new Uint8Array(request.toSchema(true).toBER(false)));
}

/**
 * Reads a request strictly, and verifies that it is signed with its own key.
 *
 * @param from how its origin is called in messages
 * @throws RotctlError `INPUT_INVALID`: not one PEM block, bad DER, a key that no certificate is made for, a wrong signature
 */
export async function readRequest(text: string, from = 'certificate request'): Promise<ReadRequest> {
  const [, , base64] = ONE_BLOCK.exec(text.trim()) ?? [];
  if (base64 === undefined) refuse(from, 'must be one CERTIFICATE REQUEST block in PEM and nothing else');
  const { request, key } = parsed(Buffer.from(base64, 'base64'), from);
  const unfit = unfitness(key);
  if (unfit !== undefined) refuse(from, `its key ${unfit}`);
  const isSigned = await request.verify(engine()).catch(() => false);
  if (!isSigned) refuse(from, 'is not signed with its own key');
  return { publicKey: request.subjectPublicKeyInfo, key, commonName: commonNameOf(request.subject) };
}

function parsed(der: Buffer, from: string): { request: CertificationRequest; key: KeyObject } {
  try {
    if (fromBER(Uint8Array.from(der)).offset !== der.length) throw new Error('bytes after its end');
    const request = CertificationRequest.fromBER(Uint8Array.from(der));
    const spki = Buffer.from(request.subjectPublicKeyInfo.toSchema().toBER());
    return { request, key: createPublicKey({ key: spki, format: 'der', type: 'spki' }) };
  } catch {
    return refuse(from, 'does not parse');
  }
}

function refuse(from: string, message: string): never {
  throw new RotctlError('INPUT_INVALID', message, { at: { file: from }, hint: HINT });
}
