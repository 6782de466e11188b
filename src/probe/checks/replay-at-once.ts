import type { Replica } from '../../fleet/fleet.ts';
import { type BurnedBytes, burnBytes, resend } from '../bytes.ts';
import type { ProbeResult } from '../prober.ts';
import type { Check, CheckContext, Observation } from './check.ts';
import { observe, onReplicas, type Sight, together } from './on-replicas.ts';
import { notBurned, REPLAY, readSight, signerOf } from './replay-read.ts';

const STORE_REMEDY =
  'give every replica the same store, database, prefix and key function (JSON.stringify([clientId, nonce]))';
const GARBAGE = '0'.repeat(64);

/** Each replica remembers what it accepted itself: on the same connection, and on new ones (other workers). */
const sameReplica: Check = {
  id: 'replay.same-replica',
  group: 'replay',
  critical: true,
  title: 'a request is accepted once by the replica that accepted it',
  why: 'without it a captured request can simply be sent again',
  remedy: 'look at the replica’s replay store: is one configured, and shared by all its workers',
  needs: [],
  look: (context) =>
    onReplicas(context, async (replica) => {
      const burnt = await burnBytes(context, replica, signerOf(context));
      if (burnt.signed === undefined) return notBurned(burnt.outcome, burnt.samples);
      let { samples } = burnt;
      for (const fresh of [false, true, true]) {
        const outcome = await resend(context, replica, burnt.signed, fresh);
        samples += 1;
        const how = fresh ? 'a new connection' : 'the same connection';
        const sight = readSight(outcome, samples, `${replica.name} accepted the same request again on ${how}`);
        if (sight.verdict !== 'pass') return sight;
      }
      return { verdict: 'pass', expected: REPLAY, seen: REPLAY, samples };
    }),
};

/** Anchor scheme, 3R − 2 requests: burn at one and read at all others; burn at each other and read at the one. */
const crossReplica: Check = {
  id: 'replay.cross-replica',
  group: 'replay',
  critical: true,
  title: 'a request that one replica accepted is refused by the others',
  why: 'behind a balancer a captured request reaches another replica than the first time',
  remedy: STORE_REMEDY,
  needs: ['two-replicas'],
  look: async (context) => {
    const { replicas } = context.fleet;
    const burns: { replica: Replica; burnt: BurnedBytes }[] = [];
    for (const replica of replicas) {
      burns.push({ replica, burnt: await burnBytes(context, replica, signerOf(context)) });
      if (burns.at(-1)?.burnt.signed !== undefined) break;
    }
    const anchor = burns.at(-1);
    const others = replicas.filter((replica) => replica !== anchor?.replica);
    if (anchor?.burnt.signed === undefined) {
      return burns.map(({ replica, burnt }) => ({ target: replica.name, ms: 0, ...silent(burnt) }));
    }
    const { signed } = anchor.burnt;
    const pairs = await onReplicas({ ...context, fleet: { ...context.fleet, replicas: others } }, async (other) => {
      const there = await resend(context, other, signed);
      const onward = readSight(there, 1, twice(anchor.replica, other));
      const burnt = await burnBytes(context, other, signerOf(context));
      if (burnt.signed === undefined)
        return together([
          { about: 'onward', ...onward },
          { about: 'back', ...silent(burnt) },
        ]);
      const back = readSight(
        await resend(context, anchor.replica, burnt.signed),
        1 + burnt.samples,
        twice(other, anchor.replica),
      );
      return together([
        { about: 'onward', ...onward },
        { about: 'back', ...back },
      ]);
    });
    return [anchorSight(anchor.replica.name, pairs), ...pairs];
  },
};

function twice(first: Replica, second: Replica): string {
  return `accepted by ${first.name} and again by ${second.name}: they do not share a replay store`;
}

function silent(burnt: BurnedBytes): Sight {
  return burnt.signed === undefined
    ? notBurned(burnt.outcome, burnt.samples)
    : { verdict: 'unknown', expected: REPLAY, seen: 'nothing', samples: burnt.samples };
}

/** The anchor shares its store when at least one other replica is shown to; it cannot vouch for itself. */
function anchorSight(name: string, pairs: readonly Observation[]): Observation {
  const base = { target: name, expected: REPLAY, samples: 1, ms: 0 };
  if (pairs.some(({ verdict }) => verdict === 'pass')) return { ...base, verdict: 'pass', seen: REPLAY };
  const failed = pairs.find(({ verdict }) => verdict === 'fail');
  const worst = failed ?? pairs[0];
  const reason = worst?.reason ?? 'no other replica answered';
  return { ...base, verdict: failed === undefined ? 'unknown' : 'fail', seen: worst?.seen ?? 'nothing', reason };
}

/**
 * Copies of one request at the same moment, over connections that are open already: exactly one is accepted. Each
 * replica leads a round and gets half of the copies, first: behind one whose store is sound a race would stay hidden.
 */
const concurrent: Check = {
  id: 'replay.concurrent',
  group: 'replay',
  critical: true,
  title: 'of many copies at once exactly one is accepted',
  why: 'looking and then writing (GET, then SET) lets copies through that arrive together',
  remedy: 'use one atomic SET key value PX ttl NX',
  needs: [],
  look: async (context) => {
    const { replicas } = context.fleet;
    const { copies, rounds } = context.concurrency ?? {
      copies: Math.min(16, Math.max(8, 4 * replicas.length)),
      rounds: 5,
    };
    const alone: Observation[] = [];
    for (const replica of replicas) {
      const targets = Array.from({ length: copies }, () => replica);
      alone.push(await observe(context, replica.name, () => bursts(context, BURSTS_ALONE, () => targets)));
    }
    const spread = await observe(context, 'fleet', () =>
      bursts(context, Math.max(rounds, replicas.length), (round) => spreadCopies(replicas, copies, round)),
    );
    return [...alone, spread];
  },
};

/** Bursts that go to one replica alone: they tell which one looks before it writes. */
const BURSTS_ALONE = 2;
/** Bursts that could not be told and are tried once more. */
const SPARE_BURSTS = 2;

/** Bursts until one of them is no pass. */
async function bursts(
  context: CheckContext,
  rounds: number,
  targetsOf: (round: number) => readonly Replica[],
): Promise<Sight> {
  const sights: (Sight & { about: string })[] = [];
  for (let round = 0, spare = SPARE_BURSTS; round < rounds; round += 1) {
    const sight = await burst(context, targetsOf(round));
    if (sight.verdict === 'unknown' && spare > 0) {
      spare -= 1;
      round -= 1;
      continue;
    }
    sights.push({ about: `round ${round + 1}`, ...sight });
    if (sight.verdict !== 'pass') break;
  }
  return together(sights);
}

/** Where each copy goes: the first half to the round's leader, the others in turn to the replicas after it. */
function spreadCopies(replicas: readonly Replica[], copies: number, round: number): Replica[] {
  return Array.from({ length: copies }, (_, n) => {
    const behind = n < copies / 2 ? 0 : 1 + (n % Math.max(1, replicas.length - 1));
    return replicas[(round + behind) % replicas.length];
  }).filter((replica): replica is Replica => replica !== undefined);
}

async function burst(context: CheckContext, targets: readonly Replica[]): Promise<Sight> {
  const { prober, fleet } = context;
  for (const replica of fleet.replicas) {
    await prober.reserve(replica, 2 * targets.filter((target) => target === replica).length);
  }
  const { client, secret } = signerOf(context);
  const warmUp = { client, secret: undefined, overrideSignature: GARBAGE, paid: true };
  const warm = await Promise.all(targets.map((endpoint) => prober.probe({ ...warmUp, endpoint })));
  const cold = warm.find(({ status }) => status === undefined);
  if (cold !== undefined) {
    const expected = `1 of ${targets.length} accepted`;
    return { verdict: 'unknown', expected, seen: 'not sent', reason: cold.outcome.reason, samples: targets.length };
  }
  const signed = prober.sign({ client, secret });
  const results = await Promise.all(targets.map((endpoint) => prober.send(signed, endpoint, { paid: true })));
  return judgeBurst(targets, results);
}

function judgeBurst(targets: readonly Replica[], results: readonly ProbeResult[]): Sight {
  const accepting = targets.filter((_, n) => results[n]?.outcome.code === 'ACCEPTED').map(({ name }) => name);
  const strange = results.find(({ outcome }) => outcome.code !== 'ACCEPTED' && outcome.code !== REPLAY);
  const base = {
    expected: `1 of ${results.length} accepted`,
    seen: `${accepting.length} of ${results.length} accepted`,
    samples: results.length,
  };
  if (accepting.length > 1) return { ...base, verdict: 'fail', reason: `accepted by ${accepting.join(', ')}` };
  if (strange !== undefined) return { ...base, verdict: 'unknown', reason: strange.outcome.reason };
  if (accepting.length === 1) return { ...base, verdict: 'pass' };
  return { ...base, verdict: 'unknown', reason: 'every copy of a request never sent before was called a replay' };
}

/** The replay checks that need no time. */
export const REPLAY_AT_ONCE: readonly Check[] = [sameReplica, crossReplica, concurrent];
