import type { Check, CheckContext } from '../check.ts';
import { commandCounts } from './counts.ts';
import { type Fields, type Judged, missing, numberIn, onInfo } from './on-nodes.ts';

/** Above this share of its memory a store that evicts nothing will soon refuse every request. */
const FULL = 0.9;
/** What one nonce takes in a Redis, in bytes, as it was measured. */
export const NONCE_BYTES = 149;

/** Judges what a store does when its memory is short (H2). */
export function judgeEviction(fields: Fields): Judged {
  const policy = fields.get('maxmemory_policy');
  const limit = numberIn(fields, 'maxmemory');
  if (policy === undefined || limit === undefined) return missing('memory');
  const seen = `maxmemory-policy ${policy}, maxmemory ${limit}`;
  if (policy === 'noeviction' || limit === 0) return { verdict: 'pass', seen };
  return { verdict: 'fail', seen, reason: `with ${policy} the store drops nonces when it has ${limit} bytes` };
}

const eviction: Check = {
  id: 'store.eviction',
  group: 'store',
  critical: true,
  title: 'the store never throws nonces away to make room',
  why: 'every policy but noeviction drops nonces when memory is short, and each request of those is good once more',
  remedy: 'set maxmemory-policy noeviction on the store of the nonces, and keep caches elsewhere',
  hazards: ['H2'],
  needs: ['store'],
  look: (context) => {
    const policy = context.fleet.store?.declared.maxmemoryPolicy;
    const declared = policy === 'noeviction' ? `maxmemory-policy ${policy}` : undefined;
    return onInfo(context, ['memory'], 'maxmemory-policy noeviction, or no limit', judgeEviction, declared);
  },
};

/** Judges whether anything was evicted since the store began (H2). */
export function judgeEvicted(fields: Fields): Judged {
  const count = fields.get('evicted_keys');
  if (count === undefined) return missing('stats');
  const seen = `evicted_keys ${count}`;
  if (count === '0') return { verdict: 'pass', seen };
  return { verdict: 'unknown', seen, reason: `${count} keys were evicted since it started`, hazards: ['H2'] };
}

const evicted: Check = {
  id: 'store.evicted',
  group: 'store',
  critical: false,
  title: 'no key was thrown away since the store began',
  why: 'keys that were evicted may have been nonces',
  remedy: 'find what fills the store; a count that rose during a rotation means that replay is no longer proven',
  hazards: ['H2'],
  needs: ['store'],
  look: (context) => onInfo(context, ['stats'], 'evicted_keys 0', judgeEvicted),
};

/** Judges whether the nonces of a peak fit into a store, beside what is in it already (H3). */
export function judgeRoom(
  fields: Fields,
  peak: { readonly perSecond: number; readonly ttlMs: number } | undefined,
): Judged {
  const [used, limit] = [numberIn(fields, 'used_memory'), numberIn(fields, 'maxmemory')];
  if (used === undefined || limit === undefined) return missing('memory');
  const wants =
    peak === undefined ? undefined : { bytes: Math.ceil((peak.perSecond * peak.ttlMs * NONCE_BYTES) / 1000), ...peak };
  const needs =
    wants === undefined
      ? ''
      : `, nonces of ${wants.perSecond} requests a second for ${wants.ttlMs} ms need ${wants.bytes} bytes`;
  if (limit === 0) return { verdict: 'pass', seen: `${used} bytes used, no limit${needs}` };
  const seen = `${Math.round((100 * used) / limit)} % of ${limit} bytes${needs}`;
  const left = limit - used;
  if (used >= FULL * limit) return { verdict: 'fail', seen, reason: `${Math.max(0, left)} bytes are left` };
  if (wants !== undefined && wants.bytes > left)
    return { verdict: 'fail', seen, reason: `${left} bytes are left, and a peak needs ${wants.bytes}` };
  return { verdict: 'pass', seen };
}

const room: Check = {
  id: 'store.room',
  group: 'store',
  critical: false,
  title: 'the store has room',
  why: 'a full store that evicts nothing refuses every write, and every signed request with it',
  remedy:
    'raise maxmemory above rate × nonceTtl × 149 bytes, with room to spare; store.rate says how many there are at a peak',
  hazards: ['H3'],
  needs: ['store'],
  look: async (context) => {
    const expected = `less than ${FULL * 100} % of maxmemory used`;
    const peak = peakOf(context);
    const first = await onInfo(context, ['memory'], expected, (fields) => judgeRoom(fields, peak));
    // Where nothing is declared and nothing limits it, there is nothing to measure for.
    if (peak !== undefined || !first.some(({ seen }) => seen.includes('% of'))) return first;
    const now = await measured(context);
    return onInfo(context, ['memory'], expected, (fields) => judgeRoom(fields, now));
  },
};

function peakOf({ fleet }: CheckContext): { perSecond: number; ttlMs: number } | undefined {
  const perSecond = fleet.store?.perSecond;
  return perSecond === undefined ? undefined : { perSecond, ttlMs: fleet.replay.nonceTtlMs };
}

const MEASURE_MS = 1000;

/** Where no peak is declared, the writes of one second; a look that fails measures nothing. */
async function measured(context: CheckContext): Promise<{ perSecond: number; ttlMs: number } | undefined> {
  const before = await writes(context);
  if (before === undefined) return undefined;
  const began = context.clock.monotonic();
  await context.clock.sleep(MEASURE_MS, context.signal);
  const after = await writes(context);
  const spent = context.clock.monotonic() - began;
  if (after === undefined) return undefined;
  const perSecond = Math.round((1000 * Math.max(0, after - before)) / spent);
  return { perSecond, ttlMs: context.fleet.replay.nonceTtlMs };
}

async function writes(context: CheckContext): Promise<number | undefined> {
  const counted = await commandCounts(context);
  return counted === undefined ? undefined : (counted.get('set') ?? 0) + (counted.get('setnx') ?? 0);
}

/** Of the store's memory. */
export const MEMORY_CHECKS: readonly Check[] = [eviction, evicted, room];
