import type { Replica } from '../../fleet/fleet.ts';
import { type BurnedBytes, burnBytes, resend } from '../bytes.ts';
import type { Check, CheckContext, Observation } from './check.ts';
import { onReplicas, type Sight, together } from './on-replicas.ts';
import { type Apart, type ApartSight, tellApart } from './replay-apart.ts';
import { REPLAY_CONCURRENT } from './replay-concurrent.ts';
import { beforeTheyAge, notBurned, REPLAY, readSight, signerOf, waitsForTurns } from './replay-read.ts';

const STORE_REMEDY =
  'give every replica the same store, database, prefix and key function (JSON.stringify([clientId, nonce]))';

/** Each replica remembers what it accepted itself: on the same connection, and on new ones (other workers). */
const sameReplica: Check = {
  id: 'replay.same-replica',
  group: 'replay',
  critical: true,
  title: 'a request is accepted once by the replica that accepted it',
  why: 'without it a captured request can simply be sent again',
  remedy: 'look at the replica’s replay store: is one configured, and shared by all its workers',
  hazards: ['fail-open', 'H2', 'H5', 'H19'],
  needs: ['single-use'],
  look: (context) => onReplicas(context, (replica) => beforeTheyAge(() => thriceAt(context, replica))),
};

async function thriceAt(context: CheckContext, replica: Replica): Promise<Sight> {
  await context.prober.claim(signerOf(context).client, [replica, replica, replica]);
  const burnt = await burnBytes(context, replica, signerOf(context));
  if (burnt.signed === undefined) return notBurned(burnt.outcome, burnt.samples);
  let { samples } = burnt;
  for (const fresh of [false, true, true]) {
    const outcome = await resend(context, replica, burnt.signed, fresh);
    samples += 1;
    const how = fresh ? 'a new connection' : 'the same connection';
    const sight = readSight(outcome, samples, `${replica.name} accepted the same request again on ${how}`);
    if (sight.verdict !== 'pass') return sight.verdict === 'fail' ? narrowed(context, replica, sight, fresh) : sight;
  }
  return { verdict: 'pass', expected: REPLAY, seen: REPLAY, samples };
}

/** Times that a replica is asked whether it ever remembers. */
const REMEMBERS = 3;

/** Forgets everything: it checks no nonces, or has failed open. Remembers at times: several processes, or a store that loses keys. */
async function narrowed(context: CheckContext, replica: Replica, sight: Sight, fresh: boolean): Promise<Sight> {
  let remembered = 0;
  for (let n = 0; n < REMEMBERS; n += 1) {
    await context.prober.claim(signerOf(context).client, [replica]);
    const burnt = await burnBytes(context, replica, signerOf(context));
    if (burnt.signed === undefined) return sight;
    if ((await resend(context, replica, burnt.signed)).code === REPLAY) remembered += 1;
  }
  const reason = `${sight.reason}; ${remembered} of ${REMEMBERS} more were refused on the connection that burned them`;
  const samples = sight.samples + 2 * REMEMBERS;
  if (remembered === 0) return { ...sight, reason, samples, hazards: ['fail-open'] };
  return { ...sight, reason, samples, hazards: fresh ? ['H11', 'H10'] : ['H2', 'H5', 'H19', 'H17'] };
}

/** Anchor scheme, 3R − 2 requests: burn at one and read at all others; burn at each other and read at the one. */
const crossReplica: Check = {
  id: 'replay.cross-replica',
  group: 'replay',
  critical: true,
  title: 'a request that one replica accepted is refused by the others',
  why: 'behind a balancer a captured request reaches another replica than the first time',
  remedy: STORE_REMEDY,
  hazards: ['H10', 'H11', 'H14', 'H20'],
  perDomain: true,
  needs: ['single-use', 'two-replicas'],
  look: async (context) => {
    const { replicas } = context.fleet;
    const burns: Burn[] = [];
    for (const replica of replicas) {
      burns.push({ replica, burnt: await burnBytes(context, replica, signerOf(context)) });
      if (burns.at(-1)?.burnt.signed !== undefined) break;
    }
    const anchor = burns.at(-1);
    const others = replicas.filter((replica) => replica !== anchor?.replica);
    if (anchor?.burnt.signed === undefined) {
      return burns.map(({ replica, burnt }) => ({ target: replica.name, ms: 0, ...silent(burnt) }));
    }
    const ways = new Map<string, Apart>();
    const burnAnew = waitsForTurns(context.prober.mostRefusals);
    const rest = { ...context, fleet: { ...context.fleet, replicas: others } };
    const pairs = await onReplicas(rest, (other) =>
      beforeTheyAge((again) => bothWays(context, anchor, other, { burnAnew: burnAnew || again, ways })),
    );
    const told = await tellApart(context, anchor.replica, [...ways.values()]);
    const narrowed = pairs.map((pair) => withSight(pair, told.get(pair.target)));
    return [anchorSight(anchor.replica.name, narrowed), ...narrowed];
  },
};

/** A replica, and what was burned there. */
interface Burn {
  readonly replica: Replica;
  readonly burnt: BurnedBytes;
}

/** Reads at another replica what the anchor burned, and at the anchor what the other burned; `ways` keeps what failed. */
async function bothWays(
  context: CheckContext,
  anchor: Burn,
  other: Replica,
  { burnAnew, ways }: { readonly burnAnew: boolean; readonly ways: Map<string, Apart> },
): Promise<Sight> {
  await context.prober.claim(signerOf(context).client, [other, anchor.replica]);
  // Where refusals have to wait for their turns, a request that was burned before may have grown too old.
  const { signed } = burnAnew ? await burnBytes(context, anchor.replica, signerOf(context)) : anchor.burnt;
  if (signed === undefined) return silent(anchor.burnt);
  const there = await resend(context, other, signed);
  const onward = { about: 'onward', ...readSight(there, 1, twice(anchor.replica, other)) };
  if (onward.verdict === 'fail') ways.set(other.name, { replica: other, onward: true, back: false });
  const burnt = await burnBytes(context, other, signerOf(context));
  if (burnt.signed === undefined) return together([onward, { about: 'back', ...silent(burnt) }]);
  const here = await resend(context, anchor.replica, burnt.signed);
  const back = { about: 'back', ...readSight(here, 1 + burnt.samples, twice(other, anchor.replica)) };
  if (back.verdict === 'fail') ways.set(other.name, { replica: other, onward: onward.verdict === 'fail', back: true });
  return together([onward, back]);
}

/** A failure with what it can be, as far as that could be narrowed. */
function withSight(pair: Observation, sight: ApartSight | undefined): Observation {
  if (pair.verdict !== 'fail' || sight === undefined) return pair;
  const { hazards, says } = sight;
  return { ...pair, reason: pair.reason === undefined ? says : `${pair.reason}; ${says}`, hazards };
}

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
  const hazards = failed?.hazards === undefined ? {} : { hazards: failed.hazards };
  return {
    ...base,
    verdict: failed === undefined ? 'unknown' : 'fail',
    seen: worst?.seen ?? 'nothing',
    reason,
    ...hazards,
  };
}

/** The replay checks that need no time. */
export const REPLAY_AT_ONCE: readonly Check[] = [sameReplica, crossReplica, REPLAY_CONCURRENT];
