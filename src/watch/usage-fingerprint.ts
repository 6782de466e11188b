import { createHash } from 'node:crypto';
import { reveal, type Secret } from '../credential/secret.ts';
import { SHORTEST_SECRET } from '../credential/strength.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { MetricsUsage } from '../fleet/fleet.ts';

const SHA256_DIGITS = 64;
const SHOWN_SHA256 = /^[0-9a-f]{8,64}$/;

/** How a page's fingerprints are made from secrets. */
export type FingerprintKind = Exclude<MetricsUsage['fingerprint'], 'key-id'>;

/**
 * The fingerprint by which a signer's page names a secret: `rotctl`, the 16 lower-case hex digits of `Secret.fingerprint`;
 * `sha256`, the 64 lower-case hex digits of the SHA-256 digest of the secret's UTF-8 bytes, of which a page shows the
 * first 8 or more.
 *
 * Throws `SECRET_REFUSED` for `sha256` of a secret of fewer than 32 bytes: that digest is not keyed, so a weak secret
 * could be guessed from it.
 */
export function usageFingerprint(secret: Secret, kind: FingerprintKind): string {
  if (kind === 'rotctl') return secret.fingerprint;
  const bytes = reveal(secret);
  if (bytes.length >= SHORTEST_SECRET) return createHash('sha256').update(bytes).digest('hex');
  const rule = `fewer than ${SHORTEST_SECRET}, and can be guessed from its SHA-256 digest`;
  throw new RotctlError('SECRET_REFUSED', `a secret has ${bytes.length} bytes, ${rule}`, {
    hint: 'let the signers show keyed fingerprints, with usage.fingerprint: rotctl',
  });
}

/** Whether the fingerprint on a page names the secret of this `usageFingerprint`: it is equal, or a part of its digest. */
export function fingerprintFits(shown: string, fingerprint: string): boolean {
  if (shown === fingerprint) return true;
  return fingerprint.length === SHA256_DIGITS && SHOWN_SHA256.test(shown) && fingerprint.startsWith(shown);
}

/** What keeps the hex digits on a page from being compared, or `undefined`; other text is no fingerprint of ours. */
export function digitsProblem(shown: string, kind: MetricsUsage['fingerprint']): string | undefined {
  if (kind !== 'sha256' || !/^[0-9A-Fa-f]+$/.test(shown) || SHOWN_SHA256.test(shown)) return undefined;
  return `${shown.length} hex digits where 8 to ${SHA256_DIGITS} in lower case are needed`;
}
