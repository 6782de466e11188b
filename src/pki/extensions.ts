import { webcrypto } from 'node:crypto';
import { BitString, OctetString } from 'asn1js';
import {
  AltName,
  AuthorityKeyIdentifier,
  BasicConstraints,
  type Certificate,
  Extension,
  ExtKeyUsage,
  type GeneralName,
} from 'pkijs';

/** What a certificate is for: to show to servers, or to clients. */
export type Purpose = 'client' | 'server';

const OID = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
} as const;
const PURPOSE = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const;
/** Key usage bits, first octet, with the count of unused bits (RFC 5280, section 4.2.1.3). */
const USAGE = {
  signCertificates: { octet: 0x06, unused: 1 },
  digitalSignature: { octet: 0x80, unused: 7 },
  /** TLS 1.2 without a Diffie-Hellman exchange encrypts to an RSA key. */
  withEncipherment: { octet: 0xa0, unused: 5 },
} as const;

/** The extensions of an authority that may have so many authorities below it. */
export function authorityExtensions(keyId: ArrayBuffer, issuerKeyId: ArrayBuffer, pathLength: number): Extension[] {
  const constraints = new BasicConstraints({ cA: true, pathLenConstraint: pathLength });
  return [
    extension(OID.basicConstraints, true, constraints.toSchema()),
    usage(USAGE.signCertificates),
    extension(OID.subjectKeyIdentifier, false, new OctetString({ valueHex: keyId })),
    extension(OID.authorityKeyIdentifier, false, authorityKeyId(issuerKeyId)),
  ];
}

/** What a leaf's extensions are made from. */
export interface LeafParts {
  readonly purpose: Purpose;
  readonly names: readonly GeneralName[];
  readonly rsa: boolean;
  readonly keyId: ArrayBuffer;
  readonly issuerKeyId: ArrayBuffer;
}

/** The extensions of a certificate that a server or a client shows. */
export function leafExtensions({ purpose, names, rsa, keyId, issuerKeyId }: LeafParts): Extension[] {
  return [
    extension(OID.basicConstraints, true, new BasicConstraints({ cA: false }).toSchema()),
    usage(rsa ? USAGE.withEncipherment : USAGE.digitalSignature),
    extension(OID.extKeyUsage, false, new ExtKeyUsage({ keyPurposes: [PURPOSE[purpose]] }).toSchema()),
    ...alternatives(names),
    extension(OID.subjectKeyIdentifier, false, new OctetString({ valueHex: keyId })),
    extension(OID.authorityKeyIdentifier, false, authorityKeyId(issuerKeyId)),
  ];
}

/** The extension with the alternative names, where there are any. */
export function alternatives(names: readonly GeneralName[]): Extension[] {
  if (names.length === 0) return [];
  return [extension(OID.subjectAltName, false, new AltName({ altNames: [...names] }).toSchema())];
}

/**
 * The identifier of a certificate's key: as its own extension has it, or else SHA-1 over the key's bits, method 1 of
 * RFC 5280, section 4.2.1.2 (a name, not a signature).
 */
export function keyIdOf({ extensions, subjectPublicKeyInfo }: Certificate): Promise<ArrayBuffer> {
  const own: unknown = extensions?.find(({ extnID }) => extnID === OID.subjectKeyIdentifier)?.parsedValue;
  if (own instanceof OctetString) return Promise.resolve(Uint8Array.from(own.valueBlock.valueHexView).buffer);
  return webcrypto.subtle.digest('SHA-1', subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView);
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
