import type { X509Certificate } from 'node:crypto';
import { nameOf } from './bundle.ts';
import { mayDo } from './details.ts';
import type { Purpose } from './extensions.ts';
import { answersTo, certificateFacts } from './facts.ts';

/** For how long certificates must hold, before clocks that differ. */
export interface LifeSpan {
  /** Unix milliseconds. */
  readonly now: number;
  /** When the rotation is over, with a margin; Unix milliseconds. */
  readonly until: number;
  /** How far any clock may be off, in milliseconds; by default not at all. */
  readonly skewMs?: number;
}

/** Why a certificate does not hold for all of a span, on every clock; `undefined` when it does. */
export function lifeFault(certificate: X509Certificate, { now, until, skewMs = 0 }: LifeSpan): string | undefined {
  const { notBefore, notAfter } = certificateFacts(certificate);
  const name = nameOf(certificate);
  if (now > notAfter) return `${name} expired on ${when(notAfter)}`;
  if (now < notBefore) return `${name} is not valid before ${when(notBefore)}`;
  if (now - skewMs < notBefore) {
    return `${name} is not valid before ${when(notBefore)}, which is yet to come for a clock that is ${skewMs / 1000} s slow`;
  }
  if (until + skewMs <= notAfter) return undefined;
  return `${name} expires on ${when(notAfter)}, before the rotation can be over (${when(until)})`;
}

/** Why a certificate cannot be shown as a server's or a client's, by its extensions; `undefined` when it can. */
export function purposeFault(certificate: X509Certificate, purpose: Purpose): string | undefined {
  const { purposes } = certificateFacts(certificate);
  const name = nameOf(certificate);
  if (!purposes.includes(purpose)) {
    const other = purposes.length === 0 ? 'neither servers nor clients' : `${purposes.join(' and ')}s only`;
    return `${name} is for ${other}: its extended key usage lacks ${purpose}Auth`;
  }
  return mayDo(certificate, 'sign')
    ? undefined
    : `${name} may not sign handshakes: its key usage lacks digitalSignature`;
}

/** Those authorities of a path that may not issue for a purpose: OpenSSL looks at the extended key usage of each. */
export function issuerPurposeFaults(path: readonly X509Certificate[], purpose: Purpose): readonly string[] {
  const narrow = path.slice(1).filter((one) => !certificateFacts(one).purposes.includes(purpose));
  return narrow.map(
    (one) => `${nameOf(one)} may not issue for ${purpose}s: its extended key usage lacks ${purpose}Auth`,
  );
}

/** Why a server's certificate is not taken for all the names by which it is dialled; `undefined` when it is. */
export function namesFault(certificate: X509Certificate, names: readonly string[]): string | undefined {
  const missing = [...new Set(names)].filter((name) => !answersTo(certificate, name));
  if (missing.length === 0) return undefined;
  const { altNames } = certificateFacts(certificate);
  const has = altNames.length === 0 ? 'has no subject alternative name' : `is for ${altNames.join(', ')}`;
  return `${nameOf(certificate)} ${has}, and not for ${missing.join(', ')}`;
}

/** What is asked of a certificate that is shown. */
export interface LeafUse extends LifeSpan {
  readonly purpose: Purpose;
  /** Of a server's certificate, the names by which it is dialled. */
  readonly names: readonly string[];
}

/** Every reason why a certificate cannot be shown so, but for its chain and its key. */
export function leafFaults(certificate: X509Certificate, use: LeafUse): readonly string[] {
  return [
    lifeFault(certificate, use),
    purposeFault(certificate, use.purpose),
    namesFault(certificate, use.names),
  ].flatMap((fault) => fault ?? []);
}

function when(unixMs: number): string {
  return `${new Date(unixMs).toISOString().slice(0, 19)}Z`;
}
