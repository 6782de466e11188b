import { webcrypto } from 'node:crypto';
import { Integer } from 'asn1js';
import {
  Certificate,
  type Extension,
  type GeneralName,
  PublicKeyInfo,
  type RelativeDistinguishedNames,
  Time,
} from 'pkijs';
import type { KeyKind } from '../fleet/certificates.ts';
import { altNames, isDnsName } from './alt-names.ts';
import { engine } from './engine.ts';
import { authorityExtensions, keyIdOf, leafExtensions, type Purpose } from './extensions.ts';
import { makeKey, type Signer, signerOf } from './keys.ts';
import { derOf, pemOf, readBundle } from './pem.ts';
import { readRequest } from './request.ts';
import { likenessOf, subjectOf } from './subject.ts';

/** How far `notBefore` lies in the past, so that a peer with a slow clock accepts a new certificate. */
const BACKDATE_MS = 5 * 60_000;
const DAY_MS = 86_400_000;

/**
 * A chain of certificates, its own first, and its private key (PKCS #8), both PEM. The key is secret: write it with mode
 * 0600. A root never stands in a chain but in its own.
 */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

/** Who a certificate is for, and for how long. */
export interface Wish {
  readonly commonName: string;
  /** The present, Unix milliseconds; validity begins five minutes before. */
  readonly now: number;
  /** Whole days of validity after `now`. */
  readonly days: number;
  /** By default P-256. */
  readonly key?: KeyKind;
}

/** An authority's certificate. */
export interface AuthorityWish extends Wish {
  /** How many authorities may stand between it and a leaf; by default none. */
  readonly pathLength?: number;
}

/** A server's certificate: the names and addresses that it answers to. */
export interface ServerWish extends Wish {
  readonly dnsNames: readonly string[];
  readonly ipv4: readonly string[];
}

/** What is put into a certificate whose key somebody else has made. */
export interface RequestedLeaf {
  readonly purpose: Purpose;
  /** DNS names and IP addresses. A client's without any gets its common name, where that can be a DNS name. */
  readonly names: readonly string[];
  /** By default the one that the request asks for. */
  readonly commonName?: string;
  /** PEM of the certificate that it follows, whose subject and names that are not dialled are kept (`likenessOf`). */
  readonly like?: string | undefined;
  /** The present, Unix milliseconds; validity begins five minutes before. */
  readonly now: number;
  /** Whole days of validity after `now`. */
  readonly days: number;
}

/**
 * Issues a self-signed certificate authority; by default one that may sign leaves only (path length 0).
 *
 * @throws RotctlError `INPUT_INVALID` for a common name that cannot be one
 */
export async function issueAuthority(wish: AuthorityWish): Promise<Issued> {
  const key = await makeKey(wish.key);
  const signer = await signerOf(key);
  const subject = subjectOf(wish.commonName);
  const certificate = blank({ ...wish, subject, issuer: subject, publicKey: spkiOf(signer) });
  const keyId = await keyIdOf(certificate);
  return { cert: await sign(certificate, authorityExtensions(keyId, keyId, wish.pathLength ?? 0), signer), key };
}

/** Issues an authority below one that was issued with a `pathLength`; its chain is its certificate, and those below the root. */
export async function issueIntermediate(authority: Issued, wish: AuthorityWish): Promise<Issued> {
  const { issuer, signer, rest } = await issuerOf(authority);
  const key = await makeKey(wish.key);
  const publicKey = spkiOf(await signerOf(key));
  const certificate = blank({ ...wish, subject: subjectOf(wish.commonName), issuer: issuer.subject, publicKey });
  const ids = [await keyIdOf(certificate), await keyIdOf(issuer)] as const;
  return { cert: (await sign(certificate, authorityExtensions(...ids, wish.pathLength ?? 0), signer)) + rest, key };
}

/** Issues a server's certificate (`serverAuth`) under an authority. Throws `INPUT_INVALID` for a name that cannot be one. */
export async function issueServer(authority: Issued, wish: ServerWish): Promise<Issued> {
  const key = await makeKey(wish.key);
  const names = altNames([...wish.dnsNames, ...wish.ipv4]);
  const publicKey = spkiOf(await signerOf(key));
  return { cert: await issueLeaf(authority, { ...wish, publicKey, names, purpose: 'server' }), key };
}

/** Issues a client's certificate (`clientAuth`); its common name is also its only alternative name. */
export async function issueClient(authority: Issued, wish: Wish): Promise<Issued> {
  const key = await makeKey(wish.key);
  const publicKey = spkiOf(await signerOf(key));
  return {
    cert: await issueLeaf(authority, { ...wish, publicKey, names: namesOfClient(wish), purpose: 'client' }),
    key,
  };
}

/**
 * Issues a certificate for a request (PKCS #10) in PEM. Of the request only the key counts, whose possession its signature
 * proves, and the common name where `leaf` has none: names, purpose and extensions are ours, whatever it asks for.
 *
 * @returns the chain in PEM: the new certificate, then the authorities between it and the root
 * @throws RotctlError `INPUT_INVALID` for a request that is broken, unsigned or of a weak key, and for names that cannot be
 */
export async function issueFromRequest(authority: Issued, request: string, leaf: RequestedLeaf): Promise<string> {
  const asked = await readRequest(request);
  const commonName = leaf.commonName ?? asked.commonName ?? '';
  const names =
    leaf.purpose === 'client' && leaf.names.length === 0 ? namesOfClient({ commonName }) : altNames(leaf.names);
  return issueLeaf(authority, { ...leaf, commonName, names, publicKey: asked.publicKey });
}

type Term = Pick<Wish, 'commonName' | 'now' | 'days'>;

interface Leaf extends Term {
  readonly purpose: Purpose;
  readonly names: readonly GeneralName[];
  readonly publicKey: PublicKeyInfo;
  readonly like?: string | undefined;
}

async function issueLeaf(authority: Issued, leaf: Leaf): Promise<string> {
  const { issuer, signer, rest } = await issuerOf(authority);
  const likeness = likenessOf(leaf.like, leaf.commonName);
  const certificate = blank({ ...leaf, subject: likeness.subject, issuer: issuer.subject });
  const [keyId, issuerKeyId] = [await keyIdOf(certificate), await keyIdOf(issuer)];
  const names = [...leaf.names, ...likeness.names];
  const rsa = leaf.publicKey.algorithm.algorithmId === '1.2.840.113549.1.1.1';
  return (await sign(certificate, leafExtensions({ ...leaf, names, rsa, keyId, issuerKeyId }), signer)) + rest;
}

function namesOfClient({ commonName }: { readonly commonName: string }): GeneralName[] {
  return altNames(isDnsName(commonName) ? [commonName] : []);
}

/** Who signs, and what follows a certificate of its in a chain: itself and those above it, but for the root. */
async function issuerOf(authority: Issued): Promise<{ issuer: Certificate; signer: Signer; rest: string }> {
  const chain = readBundle(authority.cert, 'authority');
  const [own] = chain;
  const signer = await signerOf(authority.key);
  return {
    issuer: Certificate.fromBER(own === undefined ? new Uint8Array() : own.raw),
    signer,
    rest: chain
      .filter((one) => !one.checkIssued(one))
      .map((one) => pemOf('CERTIFICATE', one.raw))
      .join(''),
  };
}

interface Blank {
  readonly subject: RelativeDistinguishedNames;
  readonly issuer: RelativeDistinguishedNames;
  readonly publicKey: PublicKeyInfo;
  readonly now: number;
  readonly days: number;
}

function blank({ subject, issuer, publicKey, now, days }: Blank): Certificate {
  return new Certificate({
    version: 2,
    serialNumber: new Integer({ valueHex: randomSerial() }),
    subject,
    issuer,
    notBefore: time(now - BACKDATE_MS),
    notAfter: time(now + days * DAY_MS),
    subjectPublicKeyInfo: publicKey,
  });
}

async function sign(certificate: Certificate, extensions: Extension[], { key, hash }: Signer): Promise<string> {
  certificate.extensions = extensions;
  await certificate.sign(key, hash, engine());
  return pemOf('CERTIFICATE', new Uint8Array(certificate.toSchema(true).toBER(false)));
}

function spkiOf({ publicKey }: Signer): PublicKeyInfo {
  return PublicKeyInfo.fromBER(derOf(publicKey));
}

/** 128 random bits, positive, of full length (RFC 5280, section 4.1.2.2, allows 20 octets). */
function randomSerial(): ArrayBuffer {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.buffer;
}

/** Whole seconds; GeneralizedTime from 2050 on, as RFC 5280, section 4.1.2.5, demands. */
function time(unixMs: number): Time {
  const value = new Date(Math.floor(unixMs / 1000) * 1000);
  return new Time({ type: value.getUTCFullYear() >= 2050 ? 1 : 0, value });
}
