import type { KeyObject, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** What can be said of a certificate without asking anyone. Times are Unix milliseconds. */
export interface CertificateFacts {
  readonly subject: string;
  readonly issuer: string;
  /** SHA-256 of the DER, lower-case hex. */
  readonly fingerprint: string;
  readonly serial: string;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly authority: boolean;
  /** Purposes that it allows; without the extension, both. */
  readonly purposes: readonly ('server' | 'client')[];
  /** As in the certificate: `DNS:name`, `IP Address:127.0.0.1`. */
  readonly altNames: readonly string[];
}

/** Why a certificate cannot serve, in the order in which an operator would want to know. */
export type CertificateFault =
  | 'not yet valid'
  | 'expired'
  | 'expires too soon'
  | 'wrong purpose'
  | 'no subject alternative name'
  | 'name does not match'
  | 'not issued by a trusted authority'
  | 'key does not match';

/** What a certificate is wanted for. */
export interface CertificateUse {
  readonly purpose: 'server' | 'client';
  /** Unix milliseconds; the certificate must be valid from `now` to `until`. */
  readonly now: number;
  readonly until: number;
  readonly serverName?: string;
  readonly authorities?: readonly X509Certificate[];
  readonly key?: KeyObject;
}

/** Reads the offline facts of a certificate. */
export function certificateFacts(certificate: X509Certificate): CertificateFacts {
  return {
    subject: certificate.subject,
    issuer: certificate.issuer,
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    serial: certificate.serialNumber.toLowerCase(),
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
    authority: certificate.ca,
    purposes: purposesOf(certificate),
    altNames: certificate.subjectAltName?.split(', ') ?? [],
  };
}

/**
 * Every reason why a certificate cannot be used so; empty when it can. A peer answers most of these with a bare reset,
 * so the cause has to be found here, before anything is sent.
 */
export function certificateFaults(certificate: X509Certificate, use: CertificateUse): readonly CertificateFault[] {
  const facts = certificateFacts(certificate);
  const found: CertificateFault[] = [];
  if (use.now < facts.notBefore) found.push('not yet valid');
  if (use.now > facts.notAfter) found.push('expired');
  else if (use.until > facts.notAfter) found.push('expires too soon');
  if (!facts.purposes.includes(use.purpose)) found.push('wrong purpose');
  if (use.purpose === 'server' && facts.altNames.length === 0) found.push('no subject alternative name');
  if (use.serverName !== undefined && !answersTo(certificate, use.serverName)) found.push('name does not match');
  if (use.authorities !== undefined && !issuedByOneOf(certificate, use.authorities)) {
    found.push('not issued by a trusted authority');
  }
  if (use.key !== undefined && !certificate.checkPrivateKey(use.key)) found.push('key does not match');
  return found;
}

function purposesOf(certificate: X509Certificate): readonly ('server' | 'client')[] {
  // Node calls the extended key usages `keyUsage`; the property is absent without the extension.
  const usages: readonly string[] | undefined = certificate.keyUsage;
  if (usages === undefined) return ['server', 'client'];
  const purposes: ('server' | 'client')[] = [];
  if (usages.includes(SERVER_AUTH)) purposes.push('server');
  if (usages.includes(CLIENT_AUTH)) purposes.push('client');
  return purposes;
}

/** Whether a certificate's alternative names cover a DNS name or an address; its common name never does. */
export function answersTo(certificate: X509Certificate, name: string): boolean {
  const bare = name.replace(/^\[|\]$/g, '');
  if (isIP(bare) !== 0) return certificate.checkIP(bare) !== undefined;
  return certificate.checkHost(bare, { subject: 'never' }) !== undefined;
}

function issuedByOneOf(certificate: X509Certificate, authorities: readonly X509Certificate[]): boolean {
  return authorities.some((authority) => certificate.checkIssued(authority) && certificate.verify(authority.publicKey));
}
