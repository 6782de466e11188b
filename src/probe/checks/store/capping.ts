import type { Check } from '../check.ts';
import { NOT_CHECKED } from './on-nodes.ts';

/** Checks of what no probe from outside shows: nonces are still there as long as nothing happens. */
const ONLY_FROM_WITHIN: readonly string[] = [
  'store.eviction',
  'store.kept',
  'store.fsync',
  'store.replication',
  'store.clock',
];

/**
 * A check for whoever wants proof: what the login may not see, no probe shows and nobody has declared leaves the whole
 * inconclusive. Elsewhere it is listed, and stops nobody.
 */
export function capping(check: Check): Check {
  if (!ONLY_FROM_WITHIN.includes(check.id)) return check;
  const look: Check['look'] = async (context) => {
    const seen = await check.look(context);
    return seen.map((one) => (one.seen === NOT_CHECKED ? { ...one, critical: true } : one));
  };
  return { ...check, look };
}
