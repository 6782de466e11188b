import type { Replica } from '../../../fleet/fleet.ts';
import { askOracle, burn } from '../../oracle.ts';
import type { Check, CheckContext, Observation } from '../check.ts';
import { observe, type Sight } from '../on-replicas.ts';
import { notBurned, REPLAY, signerOf } from '../replay-read.ts';
import { commandCounts, risen } from './counts.ts';

/** How often a burned nonce is sent again to a replica, while the store's commands are counted. */
const AGAIN = 6;
const LOOKS = ['get', 'exists', 'mget', 'getex', 'ttl', 'strlen', 'type', 'sismember', 'hexists', 'zscore'] as const;
/** What takes a nonce in one step, or may: a script is seen by the commands in it, and by itself. */
const WRITES = ['set', 'setnx', 'getset', 'sadd', 'zadd', 'hsetnx', 'hset', 'incr', 'incrby', 'msetnx'] as const;
const SCRIPTS = ['eval', 'evalsha', 'fcall'] as const;

const EXPECTED = 'one SET … NX for each request';

/**
 * Judges how a replica asks the store, by the commands that were counted while a burned nonce was sent to it again and
 * again. One that takes nonces in one step tries to write each time; one that looks first finds it and writes nothing
 * (H12). Requests of others only add to the counts, so that a sound one is never taken for the other.
 *
 * @param least the fewest writes that were counted over one of the requests
 * @param control writes that were counted over an equal time without our requests: where there are many, writes that are
 *   sent again cannot be told from those of others
 */
export function judgeCommands(rose: ReadonlyMap<string, number>, sent: number, least: number, control: number): Sight {
  const sum = (names: readonly string[]): number => names.reduce((all, name) => all + (rose.get(name) ?? 0), 0);
  const [looks, writes, scripts] = [sum(LOOKS), sum(WRITES), sum(SCRIPTS)];
  const told = [...LOOKS, ...WRITES, ...SCRIPTS, 'setex', 'psetex', 'pexpire', 'expire'];
  const seen =
    told.flatMap((name) => ((rose.get(name) ?? 0) > 0 ? [`${name} ${rose.get(name)}`] : [])).join(', ') || 'none';
  const base = { expected: EXPECTED, seen: `${seen} for ${sent} requests`, samples: sent };
  if (writes + scripts < sent) {
    if (looks >= sent) {
      const reason = 'it looks the nonce up and writes it only then: two copies at once are both accepted';
      return { ...base, verdict: 'fail', hazards: ['H12'], reason };
    }
    const reason = 'not checked: this store does not see its requests';
    return { ...base, verdict: 'unknown', critical: false, reason };
  }
  const setnx = rose.get('setnx') ?? 0;
  if (setnx >= sent && (rose.get('set') ?? 0) < sent && scripts < sent) {
    const reason = 'SETNX, and EXPIRE after it: a crash between the two leaves a key without an end';
    return { ...base, verdict: 'unknown', critical: false, hazards: ['H13'], reason };
  }
  if (least >= 2 && 4 * control <= sent) {
    const reason = `${least} writes and more for each request: a client or proxy sends them again`;
    return { ...base, verdict: 'unknown', critical: false, hazards: ['H18', 'H17'], reason };
  }
  return { ...base, verdict: 'pass' };
}

const commands: Check = {
  id: 'store.commands',
  group: 'store',
  critical: false,
  title: 'a nonce is looked up and taken in one step, and once',
  why: 'between a look and a write, another replica looks too, and both accept; a write that is sent again refuses its own request',
  remedy: 'take a nonce with one SET key 1 PX ttl NX, and let the store’s client send nothing again',
  hazards: ['H12', 'H13', 'H18', 'H17'],
  needs: ['single-use', 'store'],
  look: async (context) => {
    const seen: Observation[] = [];
    // One after the other: the counts of one replica's requests are to be its own.
    for (const replica of context.fleet.replicas)
      seen.push(await observe(context, replica.name, () => lookAt(context, replica)));
    return seen;
  },
};

async function lookAt(context: CheckContext, replica: Replica): Promise<Sight> {
  const { prober, clock, signal } = context;
  const sent = Math.min(AGAIN, prober.mostRefusals);
  const signer = signerOf(context);
  // Before the burn: the nonce would grow old while its refusals wait for their turns.
  await prober.claim(
    signer.client,
    Array.from({ length: sent }, () => replica),
  );
  const burnt = await burn(context, replica, signer);
  if (burnt.burned === undefined) return notBurned(burnt.outcome, 1);
  const began = clock.monotonic();
  const before = await commandCounts(context);
  let [last, least] = [before, Number.POSITIVE_INFINITY];
  for (let n = 0; n < sent; n += 1) {
    const { outcome } = await askOracle(context, replica, burnt.burned, signer.secret, { faults: 0 });
    if (outcome.code !== REPLAY) {
      const reason =
        outcome.code === 'ACCEPTED' ? 'not checked: the replica does not know its own nonce' : outcome.reason;
      return { verdict: 'unknown', critical: false, expected: EXPECTED, seen: outcome.code, reason, samples: n + 1 };
    }
    const now = await commandCounts(context);
    if (last !== undefined && now !== undefined) least = Math.min(least, writesIn(risen(last, now)));
    last = now;
  }
  if (before === undefined || last === undefined) {
    const reason = 'not checked: INFO commandstats was not answered by every node';
    return { verdict: 'unknown', critical: false, expected: EXPECTED, seen: 'not checked', reason, samples: sent };
  }
  const rose = risen(before, last);
  const first = judgeCommands(rose, sent, least, 0);
  if (first.hazards?.includes('H18') !== true) return first;
  await clock.sleep(clock.monotonic() - began, signal);
  const later = await commandCounts(context);
  return judgeCommands(rose, sent, least, later === undefined ? sent : writesIn(risen(last, later)));
}

function writesIn(rose: ReadonlyMap<string, number>): number {
  return WRITES.reduce((all, name) => all + (rose.get(name) ?? 0), 0);
}

/** Of what the replicas ask of the store. */
export const COMMAND_CHECKS: readonly Check[] = [commands];
