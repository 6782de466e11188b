import { timingSafeEqual } from 'node:crypto';
import type { AcceptedKeys } from './keys.ts';
import { type GateFields, gateDigest } from './signature.ts';

const CANDIDATE = /^([\x21-\x7e]{1,256}):([0-9a-f]{64})$/;
const NO_DIGEST = Buffer.alloc(32);

/**
 * The key id of the first candidate that is good, or `undefined` when none is. Every candidate is compared with every
 * key, also after a match, so that the time taken does not tell which it was. One that is malformed is not good.
 */
export function verify(fields: GateFields, candidates: readonly string[], accepted: AcceptedKeys): string | undefined {
  const wanted = accepted.keys.map(({ id, secret }) => ({ id, digest: gateDigest(secret, fields) }));
  let found: string | undefined;
  for (const candidate of candidates) {
    const [, label, hex] = CANDIDATE.exec(candidate) ?? [];
    const digest = hex === undefined ? NO_DIGEST : Buffer.from(hex, 'hex');
    const revoked = label === undefined || accepted.revoked.includes(label);
    for (const key of wanted) {
      const same = timingSafeEqual(key.digest, digest);
      const bound = !accepted.strict || key.id === undefined || key.id === label;
      if (same && bound && !revoked) found ??= label;
    }
  }
  return found;
}
