import type { X509Certificate } from 'node:crypto';
import { without } from './bundle.ts';

/** No chain that anybody uses is longer, and a search ends. */
const MOST_STEPS = 10;

/** How a certificate leads to an authority that is trusted. */
export interface Path {
  /** The certificate itself, those between, and last the authority. */
  readonly certificates: readonly X509Certificate[];
  /** Whether the authority is a root; one that is not is trusted by some TLS libraries only. */
  readonly rooted: boolean;
}

/** A path, or how far one leads: the certificate whose issuer nobody knows. */
export type PathSearch =
  | { readonly found: true; readonly path: Path }
  | { readonly found: false; readonly stuckAt: X509Certificate };

/**
 * Looks for a path from the first certificate of a chain to an authority in a bundle, as a TLS library does: over what
 * is sent, in whichever order, by names, key identifiers, key usage and signatures. Dates and purposes are not looked at.
 */
export function findPath(chain: readonly X509Certificate[], trust: readonly X509Certificate[]): PathSearch | undefined {
  const [leaf] = chain;
  if (leaf === undefined) return undefined;
  const best: { rooted?: X509Certificate[]; partial?: X509Certificate[]; farthest: X509Certificate[] } = {
    farthest: [leaf],
  };
  const climb = (path: X509Certificate[]): void => {
    const top = path.at(-1);
    if (top === undefined || best.rooted !== undefined || path.length > MOST_STEPS) return;
    if (path.length > best.farthest.length) best.farthest = path;
    const isTrusted = without([top], trust).length === 0;
    if (isTrusted && isSelfSigned(top)) best.rooted = path;
    else if (isTrusted) best.partial ??= path;
    if (isSelfSigned(top)) return;
    const candidates = [...longestFirst(trust), ...without(chain, trust)].filter((one) => isIssuerOf(one, top));
    for (const one of without(candidates, path)) climb([...path, one]);
  };
  climb([leaf]);
  const certificates = best.rooted ?? best.partial;
  if (certificates !== undefined) return { found: true, path: { certificates, rooted: best.rooted !== undefined } };
  return { found: false, stuckAt: best.farthest.at(-1) ?? leaf };
}

/** Of two certificates of one authority the one that holds longer is the better way. */
function longestFirst(certificates: readonly X509Certificate[]): readonly X509Certificate[] {
  return certificates.toSorted((one, other) => Date.parse(other.validTo) - Date.parse(one.validTo));
}

const selfSigned = new WeakMap<X509Certificate, boolean>();

/** Whether a certificate is signed with its own key. */
export function isSelfSigned(certificate: X509Certificate): boolean {
  const known = selfSigned.get(certificate) ?? isSignedBy(certificate, certificate);
  selfSigned.set(certificate, known);
  return known;
}

/** Whether one may issue, and has issued another: by name, key identifier, key usage and signature. */
export function isIssuerOf(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return (issuer.ca || isSelfSigned(issuer)) && isSignedBy(certificate, issuer);
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  if (!certificate.checkIssued(issuer)) return false;
  try {
    return certificate.verify(issuer.publicKey);
  } catch {
    // A key of a kind that is not known here.
    return false;
  }
}
