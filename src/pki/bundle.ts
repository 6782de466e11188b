import type { X509Certificate } from 'node:crypto';
import { RotctlError } from '../errors/rotctl-error.ts';
import { pemOf } from './pem.ts';
import { certificatesIn, oneLine } from './tls-files.ts';

const SHORT_DIGITS = 16;

/**
 * The certificates of a bundle or a chain in PEM, each of which must be whole. What stands between them is let be, a
 * private key beside them too.
 *
 * @param from how it is called in messages
 * @throws RotctlError `INPUT_INVALID`
 */
export function certificatesOf(text: string, from = 'certificates'): readonly X509Certificate[] {
  const { certificates, problem } = certificatesIn(text, from, 'chain');
  if (problem !== undefined) throw new RotctlError('INPUT_INVALID', `a PEM text ${problem}`, { at: { file: from } });
  return certificates;
}

/** PEM of certificates, in their order, and nothing else. */
export function bundleText(certificates: readonly X509Certificate[]): string {
  return certificates.map(({ raw }) => pemOf('CERTIFICATE', raw)).join('');
}

/** The certificates of all lists, each once, in the order in which they first appear. */
export function unionOf(...lists: readonly (readonly X509Certificate[])[]): readonly X509Certificate[] {
  return [...new Map(lists.flat().map((one) => [one.fingerprint256, one])).values()];
}

/** The certificates that are not among those that are gone; of a bundle and its superset, none. */
export function without(
  certificates: readonly X509Certificate[],
  gone: readonly X509Certificate[],
): readonly X509Certificate[] {
  const names = new Set(gone.map((one) => one.fingerprint256));
  return certificates.filter((one) => !names.has(one.fingerprint256));
}

/** Whether two bundles in PEM hold the same certificates, in whichever order. One that cannot be read is like no other. */
export function sameBundle(one: string, other: string): boolean {
  const [first, second] = [one, other].map((text) => certificatesIn(text, '', 'chain'));
  if (first === undefined || second === undefined) return false;
  if (first.problem !== undefined || second.problem !== undefined) return false;
  const [here, there] = [first.certificates, second.certificates];
  return without(here, there).length === 0 && without(there, here).length === 0;
}

/** What a bundle is to become, in words: `adds CN=b (0123456789abcdef), drops CN=a (…)`; `no change` where there is none. */
export function bundleDifference(from: readonly X509Certificate[], to: readonly X509Certificate[]): string {
  const [added, dropped] = [without(to, from), without(from, to)];
  const parts = [
    ...(added.length === 0 ? [] : [`adds ${added.map(nameOf).join(' and ')}`]),
    ...(dropped.length === 0 ? [] : [`drops ${dropped.map(nameOf).join(' and ')}`]),
  ];
  return parts.length === 0 ? 'no change' : parts.join(', ');
}

/** A certificate as messages name it: its subject, and the first 16 digits of its SHA-256. */
export function nameOf(certificate: X509Certificate): string {
  const digits = certificate.fingerprint256.replaceAll(':', '').toLowerCase().slice(0, SHORT_DIGITS);
  return `${oneLine(certificate.subject) || 'nameless'} (${digits})`;
}
