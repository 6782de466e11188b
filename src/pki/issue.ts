import { webcrypto } from 'node:crypto';
import { BitString, Integer, OctetString, Utf8String } from 'asn1js';
import {
  AltName,
  AttributeTypeAndValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  CryptoEngine,
  Extension,
  ExtKeyUsage,
  GeneralName,
  type ICryptoEngine,
  Time,
} from 'pkijs';
import { pemOf, readPrivateKey } from './pem.ts';

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' } as const;
/** How far `notBefore` lies in the past, so that a peer with a slow clock accepts a new certificate. */
const BACKDATE_MS = 5 * 60_000;
const OID = {
  commonName: '2.5.4.3',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;
/** Key usage bits, first octet, with the count of unused bits (RFC 5280, section 4.2.1.3). */
const USAGE = {
  signCertificates: { octet: 0x06, unused: 1 },
  digitalSignature: { octet: 0x80, unused: 7 },
} as const;

/** A certificate and its private key (PKCS #8), both PEM. The key is secret: write it with mode 0600. */
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
}

/** A server's certificate: the names and addresses that it answers to. */
export interface ServerWish extends Wish {
  readonly dnsNames: readonly string[];
  readonly ipv4: readonly string[];
}

type KeyPair = webcrypto.CryptoKeyPair;

/** Issues a self-signed certificate authority that may sign leaves only (path length 0). */
export async function issueAuthority(wish: Wish): Promise<Issued> {
  const keys = await makeKeys();
  const certificate = blank(wish, wish.commonName);
  await certificate.subjectPublicKeyInfo.importKey(keys.publicKey, engine());
  const keyId = await keyIdOf(certificate);
  certificate.extensions = [
    extension(OID.basicConstraints, true, new BasicConstraints({ cA: true, pathLenConstraint: 0 }).toSchema()),
    usage(USAGE.signCertificates),
    extension(OID.subjectKeyIdentifier, false, new OctetString({ valueHex: keyId })),
    extension(OID.authorityKeyIdentifier, false, authorityKeyId(keyId)),
  ];
  return finish(certificate, keys, keys.privateKey);
}

/** Issues a server's certificate (`serverAuth`) under an authority that `issueAuthority` made. */
export function issueServer(authority: Issued, wish: ServerWish): Promise<Issued> {
  const altNames = [
    ...wish.dnsNames.map((value) => new GeneralName({ type: 2, value })),
    ...wish.ipv4.map((value) => new GeneralName({ type: 7, value: new OctetString({ valueHex: ipv4Bytes(value) }) })),
  ];
  return issueLeaf(authority, wish, OID.serverAuth, altNames);
}

/** Issues a client's certificate (`clientAuth`); its common name is also its only alternative name. */
export function issueClient(authority: Issued, wish: Wish): Promise<Issued> {
  return issueLeaf(authority, wish, OID.clientAuth, [new GeneralName({ type: 2, value: wish.commonName })]);
}

async function issueLeaf(authority: Issued, wish: Wish, purpose: string, altNames: GeneralName[]): Promise<Issued> {
  const issuer = Certificate.fromBER(pemBytes(authority.cert));
  const issuerKey = await signingKey(authority.key);
  const keys = await makeKeys();
  const certificate = blank(wish, wish.commonName);
  certificate.issuer = issuer.subject;
  await certificate.subjectPublicKeyInfo.importKey(keys.publicKey, engine());
  certificate.extensions = [
    extension(OID.basicConstraints, true, new BasicConstraints({ cA: false }).toSchema()),
    usage(USAGE.digitalSignature),
    extension(OID.extKeyUsage, false, new ExtKeyUsage({ keyPurposes: [purpose] }).toSchema()),
    extension(OID.subjectAltName, false, new AltName({ altNames }).toSchema()),
    extension(OID.subjectKeyIdentifier, false, new OctetString({ valueHex: await keyIdOf(certificate) })),
    extension(OID.authorityKeyIdentifier, false, authorityKeyId(await keyIdOf(issuer))),
  ];
  return finish(certificate, keys, issuerKey);
}

async function finish(certificate: Certificate, keys: KeyPair, signer: webcrypto.CryptoKey): Promise<Issued> {
  await certificate.sign(signer, 'SHA-256', engine());
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    cert: pemOf('CERTIFICATE', new Uint8Array(certificate.toSchema(true).toBER(false))),
    key: pemOf('PRIVATE KEY', new Uint8Array(key)),
  };
}

function blank(wish: Wish, commonName: string): Certificate {
  const certificate = new Certificate();
  certificate.version = 2;
  certificate.serialNumber = new Integer({ valueHex: randomSerial() });
  for (const name of [certificate.subject, certificate.issuer]) {
    const value = new Utf8String({ value: commonName });
    name.typesAndValues.push(new AttributeTypeAndValue({ type: OID.commonName, value }));
  }
  certificate.notBefore = time(wish.now - BACKDATE_MS);
  certificate.notAfter = time(wish.now + wish.days * 86_400_000);
  return certificate;
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

function usage({ octet, unused }: { octet: number; unused: number }): Extension {
  return extension(OID.keyUsage, true, new BitString({ valueHex: Uint8Array.of(octet).buffer, unusedBits: unused }));
}

function authorityKeyId(keyId: ArrayBuffer): ReturnType<AuthorityKeyIdentifier['toSchema']> {
  return new AuthorityKeyIdentifier({ keyIdentifier: new OctetString({ valueHex: keyId }) }).toSchema();
}

function extension(extnID: string, critical: boolean, value: { toBER(): ArrayBuffer }): Extension {
  return new Extension({ extnID, critical, extnValue: value.toBER() });
}

/** SHA-1 over the public key's bits, method 1 of RFC 5280, section 4.2.1.2: a name, not a signature. */
function keyIdOf(certificate: Certificate): Promise<ArrayBuffer> {
  return webcrypto.subtle.digest('SHA-1', certificate.subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView);
}

function ipv4Bytes(address: string): ArrayBuffer {
  return Uint8Array.from(address.split('.'), Number).buffer;
}

function makeKeys(): Promise<KeyPair> {
  return webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify']);
}

function signingKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = readPrivateKey(pem).export({ format: 'der', type: 'pkcs8' });
  return webcrypto.subtle.importKey('pkcs8', der, CURVE, false, ['sign']);
}

function pemBytes(pem: string): ArrayBuffer {
  const bytes = Uint8Array.from(Buffer.from(pem.replace(/-----[A-Z ]+-----/g, ''), 'base64'));
  return bytes.buffer;
}

let made: ICryptoEngine | undefined;
function engine(): ICryptoEngine {
  made ??= new CryptoEngine({ name: 'node', crypto: webcrypto, subtle: webcrypto.subtle });
  return made;
}
