import type { X509Certificate } from 'node:crypto';
import { type CertificateFault, certificateFacts, certificateFaults } from './facts.ts';
import { keyIdentifiers } from './key-identifiers.ts';
import { keyMismatch, oneLine, type TlsReading } from './tls-files.ts';

/** For how long certificates must hold. Unix milliseconds. */
export interface Span {
  readonly now: number;
  /** When a rotation that begins now is over at the earliest. */
  readonly until: number;
}

/** What was found in certificates: what makes them fail, and what is only worth a word. */
export interface Assessment {
  readonly faults: readonly string[];
  readonly remarks: readonly string[];
  /** When the first of those that matter expires, Unix milliseconds. */
  readonly expires: number | undefined;
}

/** Judges the bundle of authorities that the servers' certificates must chain to. */
export function assessAuthorities({ ca }: TlsReading, span: Span): Assessment {
  if (ca === undefined) return { faults: ['tls.ca is not given'], remarks: [], expires: undefined };
  if (ca.problem !== undefined) return { faults: [`tls.ca ${ca.problem}`], remarks: [], expires: undefined };
  const each = ca.certificates.map((certificate) => ({ certificate, why: uselessness(certificate, span) }));
  const useless = each.flatMap(({ why }) => why ?? []);
  const alive = each.filter(({ why }) => why === undefined).map(({ certificate }) => certificate);
  const soon = alive
    .filter((one) => certificateFacts(one).notAfter < span.until)
    .map((one) => `${called(one)} ${expiry(one, span)}`);
  const faults = [
    ...(alive.length === 0 ? useless : []),
    ...(alive.length > 0 && soon.length === alive.length ? soon : []),
    ...ambiguities(ca.certificates),
  ];
  const remarks = [...(alive.length === 0 ? [] : useless), ...(soon.length === alive.length ? [] : soon)];
  return { faults, remarks, expires: earliest(alive) };
}

/** Judges the certificate that we show to the servers, with its key. */
export function assessClient({ cert, key }: TlsReading, span: Span): Assessment {
  const broken = [cert?.problem, key?.problem].flatMap((problem, index) =>
    problem === undefined ? [] : [`${index === 0 ? 'tls.cert' : 'tls.key'} ${problem}`],
  );
  const [leaf] = cert?.certificates ?? [];
  if (broken.length > 0 || leaf === undefined) return { faults: broken, remarks: [], expires: undefined };
  const mismatch = keyMismatch(cert, key);
  const found = certificateFaults(leaf, { purpose: 'client', ...span });
  return {
    faults: [
      ...(mismatch === undefined ? [] : [`tls.key ${mismatch}`]),
      ...found.map((fault) => sayFault(fault, leaf, span, 'client')),
    ],
    remarks: [],
    expires: certificateFacts(leaf).notAfter,
  };
}

/** What a server showed in its handshake. */
export interface Shown {
  /** Its own certificate first, then what else it sent. */
  readonly chain: readonly X509Certificate[];
  /** Why it is not trusted for the name, as the TLS library says; `undefined` when it is. */
  readonly untrusted: string | undefined;
  /** The name that the certificate must be for. */
  readonly serverName: string;
}

/** Judges what a server showed: dates, name, purpose, and the way to an authority of ours. */
export function assessServer({ chain, untrusted, serverName }: Shown, { ca }: TlsReading, span: Span): Assessment {
  const [leaf] = chain;
  if (leaf === undefined) return { faults: ['it showed no certificate'], remarks: [], expires: undefined };
  const found = certificateFaults(leaf, { purpose: 'server', serverName, ...span });
  const own = found.filter(
    (fault) => fault !== 'name does not match' || !found.includes('no subject alternative name'),
  );
  const faults = own.map((fault) => sayFault(fault, leaf, span, 'server', serverName));
  const hard = own.some((fault) => fault !== 'expires too soon');
  if (untrusted !== undefined && !hard) faults.push(distrust(untrusted, chain, ca?.certificates ?? [], span));
  return { faults, remarks: [], expires: earliest(chain) };
}

/** Why the TLS library does not trust a chain whose own certificate is in order. */
function distrust(
  code: string,
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  span: Span,
): string {
  const stale = chain.slice(1).find((one) => uselessness(one, span) !== undefined);
  if (stale !== undefined && /EXPIRED|NOT_YET/.test(code)) return uselessness(stale, span) ?? code;
  const top = chain.at(-1);
  const trusted = authorities.map(called).join(', ') || 'none';
  if (top === undefined) return code;
  if (/SELF_SIGNED/.test(code)) return `its authority ${called(top)} is not in tls.ca, which has ${trusted} (${code})`;
  if (/ISSUER|UNABLE_TO_VERIFY/.test(code)) {
    const sent = chain.length === 1 ? 'it sends its own certificate alone' : `it sends ${chain.length} certificates`;
    return `${sent}, and nobody knows their issuer ${oneLine(top.issuer)}: an intermediate certificate is missing in what it sends, or tls.ca (which has ${trusted}) lacks its authority (${code})`;
  }
  return code;
}

/** A fault with the facts that make it one. */
function sayFault(
  fault: CertificateFault,
  certificate: X509Certificate,
  span: Span,
  purpose: 'client' | 'server',
  serverName = '',
): string {
  const { notBefore, altNames } = certificateFacts(certificate);
  const about =
    purpose === 'client' ? `our certificate ${called(certificate)}` : `its certificate ${called(certificate)}`;
  switch (fault) {
    case 'not yet valid':
      return `${about} is not valid before ${when(notBefore)}`;
    case 'expired':
    case 'expires too soon':
      return `${about} ${expiry(certificate, span)}`;
    case 'wrong purpose':
      return `${about} is not for ${purpose}s: its extended key usage lacks ${purpose}Auth`;
    case 'no subject alternative name':
      return `${about} has no subject alternative name, which most clients demand`;
    case 'name does not match':
      return `${about} is for ${altNames.join(', ')}, and not for ${serverName}`;
    case 'not issued by a trusted authority':
    case 'key does not match':
      return `${about}: ${fault}`;
  }
}

function expiry(certificate: X509Certificate, { now, until }: Span): string {
  const { notAfter } = certificateFacts(certificate);
  if (notAfter < now) return `expired on ${when(notAfter)}`;
  return `expires on ${when(notAfter)}, before a rotation that begins now can be over (${when(until)})`;
}

/** Why a certificate is no authority just now, or `undefined`. */
function uselessness(certificate: X509Certificate, { now }: Span): string | undefined {
  const { notBefore, notAfter, authority } = certificateFacts(certificate);
  if (now > notAfter) return `${called(certificate)} expired on ${when(notAfter)}`;
  if (now < notBefore) return `${called(certificate)} is not valid before ${when(notBefore)}`;
  const isSelfSigned = certificate.checkIssued(certificate);
  return authority || isSelfSigned ? undefined : `${called(certificate)} is not an authority's certificate`;
}

/** Authorities of one name that nothing tells apart: which of them is tried goes by their order, and differs by library. */
function ambiguities(certificates: readonly X509Certificate[]): string[] {
  const byName = new Map<string, X509Certificate[]>();
  for (const one of certificates) byName.set(one.subject, [...(byName.get(one.subject) ?? []), one]);
  return [...byName.values()].flatMap((same) => {
    const [first] = same;
    const keys = new Set(
      same.map(({ publicKey }) => publicKey.export({ type: 'spki', format: 'der' }).toString('hex')),
    );
    if (first === undefined || keys.size < 2) return [];
    const nameless = same.filter((one) => keyIdentifiers(one).subject === undefined).length;
    if (nameless === 0) return [];
    return [
      `tls.ca has ${keys.size} authorities of the name ${oneLine(first.subject)}, ${nameless} of them without a key identifier: which one counts goes by their order`,
    ];
  });
}

function earliest(certificates: readonly X509Certificate[]): number | undefined {
  return certificates.length === 0 ? undefined : Math.min(...certificates.map((one) => certificateFacts(one).notAfter));
}

function called(certificate: X509Certificate): string {
  return oneLine(certificate.subject) || `with serial ${certificate.serialNumber.toLowerCase()}`;
}

function when(unixMs: number): string {
  return `${new Date(unixMs).toISOString().slice(0, 16)}Z`;
}
