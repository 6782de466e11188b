import type { X509Certificate } from 'node:crypto';
import { BitString } from 'asn1js';
import { BasicConstraints, Certificate, type Extension } from 'pkijs';
import { unfitness } from './keys.ts';

const BASIC_CONSTRAINTS = '2.5.29.19';
const KEY_USAGE = '2.5.29.15';
/** Bits of the first octet (RFC 5280, section 4.2.1.3). */
const USAGE = { sign: 0x80, issue: 0x04 } as const;
/** Signatures that TLS libraries refuse at their usual level of security. */
const BROKEN_SIGNATURES: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.4': 'MD5',
  '1.2.840.113549.1.1.5': 'SHA-1',
  '1.3.14.3.2.29': 'SHA-1',
  '1.2.840.10045.4.1': 'SHA-1',
};

/**
 * What is weak in a certificate, in words that follow its name: its key, or the hash of its signature, which does not
 * matter of a root. `undefined` when nothing is.
 */
export function weakness(certificate: X509Certificate, isRoot: boolean): string | undefined {
  const unfit = unfitness(certificate.publicKey);
  if (unfit !== undefined) return `has a key that ${unfit}`;
  const algorithm = parsed(certificate)?.signatureAlgorithm.algorithmId;
  const broken = algorithm === undefined ? undefined : BROKEN_SIGNATURES[algorithm];
  return broken === undefined || isRoot ? undefined : `is signed with ${broken}, which TLS libraries refuse`;
}

/** How many authorities may stand between this one and a leaf; `undefined` for any number. */
export function pathLengthOf(certificate: X509Certificate): number | undefined {
  const value: unknown = parsed(certificate)?.extensions?.find(
    ({ extnID }) => extnID === BASIC_CONSTRAINTS,
  )?.parsedValue;
  if (!(value instanceof BasicConstraints)) return undefined;
  const { pathLenConstraint: length } = value;
  return typeof length === 'number' ? length : undefined;
}

/** Whether a certificate's key usage lets it sign handshakes, or issue certificates; without the extension it may. */
export function mayDo(certificate: X509Certificate, what: keyof typeof USAGE): boolean {
  const value: unknown = parsed(certificate)?.extensions?.find(({ extnID }) => extnID === KEY_USAGE)?.parsedValue;
  if (!(value instanceof BitString)) return true;
  return ((value.valueBlock.valueHexView[0] ?? 0) & USAGE[what]) !== 0;
}

/** The extensions of a certificate; empty where it has none, or they cannot be read. */
export function extensionsOf(certificate: X509Certificate): readonly Extension[] {
  return parsed(certificate)?.extensions ?? [];
}

const known = new WeakMap<X509Certificate, Certificate>();

function parsed(certificate: X509Certificate): Certificate | undefined {
  const before = known.get(certificate);
  if (before !== undefined) return before;
  try {
    const made = Certificate.fromBER(Uint8Array.from(certificate.raw));
    known.set(certificate, made);
    return made;
  } catch {
    return undefined;
  }
}
