import type { Replica } from '../../fleet/fleet.ts';
import type { Hazard } from '../hazards.ts';
import { askOracle, burn } from '../oracle.ts';
import type { ProbeResult } from '../prober.ts';
import type { Target } from '../round.ts';
import type { Check, CheckContext, Observation } from './check.ts';
import { observe, type Sight, together } from './on-replicas.ts';
import { REPLAY, signerOf } from './replay-read.ts';

/**
 * Copies of one request at the same moment, over connections that are open already: exactly one is accepted. Each
 * replica leads a round and gets half of the copies, first: behind one whose store is sound a race would stay hidden.
 */
export const REPLAY_CONCURRENT: Check = {
  id: 'replay.concurrent',
  group: 'replay',
  critical: true,
  title: 'of many copies at once exactly one is accepted',
  why: 'looking and then writing (GET, then SET) lets copies through that arrive together',
  remedy: 'use one atomic SET key value PX ttl NX',
  hazards: ['H12'],
  perDomain: true,
  needs: ['single-use'],
  look: async (context) => {
    const { replicas } = context.fleet;
    const { copies, rounds } = context.concurrency ?? {
      copies: copiesFor(replicas.length, context.prober.mostRefusals),
      rounds: ROUNDS,
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
export const BURSTS_ALONE = 3;
/** Bursts that go to all of them, at least; each replica leads one. */
export const ROUNDS = 5;
/** Bursts that could not be told and are tried once more. */
const SPARE_BURSTS = 2;

/** Copies in a burst: enough that two of them meet in a small gap, and no more refusals than may be met at a time. */
export function copiesFor(replicas: number, mostRefusals: number): number {
  return Math.min(16, Math.max(12, 4 * replicas), mostRefusals + 1);
}

/** Bursts until one of them is no pass. Each is warmed up, so that its connections are open when the copies leave. */
export async function bursts(
  context: CheckContext,
  rounds: number,
  targetsOf: (round: number) => readonly Target[],
): Promise<Sight> {
  const sights: (BurstSight & { about: string })[] = [];
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
  const sight = together(sights.map(({ shot: _shot, ...one }) => one));
  return sight.verdict === 'pass'
    ? {
        ...sight,
        seen: `${sight.seen} in each of ${sights.length} rounds; ${missedText(sights.map(({ shot }) => shot))}`,
      }
    : sight;
}

/** How a burst arrived: so many copies, whose answers came within so many milliseconds. */
interface Shot {
  readonly copies: number;
  readonly spreadMs: number;
}

type BurstSight = Sight & { readonly shot: Shot };

/** Gaps between looking and writing, in milliseconds, of which the smallest that would hardly have been missed is told. */
const GAPS = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100];
const HARDLY = 1 / 1000;

/**
 * How likely a gap between looking and writing would have been missed by all of the bursts: in each, no other copy would
 * have come within the gap behind the first one, were they spread evenly over the time in which the answers came. They come
 * closer together than that, so that this is the most.
 */
export function missedWith(gapMs: number, shots: readonly Shot[]): number {
  return shots.reduce(
    (all, { copies, spreadMs }) => all * (1 - Math.min(1, gapMs / Math.max(spreadMs, 0.001))) ** (copies - 1),
    1,
  );
}

function missedText(shots: readonly Shot[]): string {
  const gap = GAPS.find((one) => missedWith(one, shots) <= HARDLY);
  if (gap === undefined) return 'the copies came too far apart to say which gap would have shown';
  return `a gap of ${gap} ms between looking and writing would have been missed in fewer than 1 of ${1 / HARDLY} runs`;
}

/** Where each copy goes: the first half to the round's leader, the others in turn to the replicas after it. */
function spreadCopies(replicas: readonly Replica[], copies: number, round: number): Replica[] {
  return Array.from({ length: copies }, (_, n) => {
    const behind = n < copies / 2 ? 0 : 1 + (n % Math.max(1, replicas.length - 1));
    return replicas[(round + behind) % replicas.length];
  }).filter((replica): replica is Replica => replica !== undefined);
}

async function burst(context: CheckContext, targets: readonly Target[]): Promise<BurstSight> {
  const { prober } = context;
  for (const one of new Set(targets)) {
    await prober.reserve(one, 2 * targets.filter((target) => target === one).length);
  }
  const { client, secret } = signerOf(context);
  const bad = { secret: undefined, garbage: true as const };
  const warmUp = { client, ...(context.sparing === true ? { secret } : bad), paid: true };
  const warm = await Promise.all(targets.map((endpoint) => prober.probe({ ...warmUp, endpoint })));
  const cold = warm.find(({ status }) => status === undefined);
  if (cold !== undefined) {
    const expected = `1 of ${targets.length} accepted`;
    return {
      verdict: 'unknown',
      expected,
      seen: 'not sent',
      reason: cold.outcome.reason,
      samples: targets.length,
      shot: UNSHOT,
    };
  }
  // One of the copies is accepted.
  await prober.claim(client, targets.slice(1));
  const signed = await prober.sign({ client, secret });
  const ends: number[] = [];
  const results = await Promise.all(
    targets.map(async (endpoint) => {
      const result = await prober.send(signed, endpoint, { paid: true, refusal: 'claimed' });
      ends.push(context.clock.monotonic());
      return result;
    }),
  );
  const sight = judgeBurst(targets, results);
  const shot = { copies: targets.length, spreadMs: Math.max(...ends) - Math.min(...ends) };
  if (sight.verdict !== 'fail') return { ...sight, shot };
  return { ...sight, hazards: await hazardsOf(context, targets, results), shot };
}

const UNSHOT: Shot = { copies: 1, spreadMs: 0 };

/** One replica that accepts twice looks before it writes. Where each accepted once, it may be that they share no store. */
async function hazardsOf(
  context: CheckContext,
  targets: readonly Target[],
  results: readonly ProbeResult[],
): Promise<readonly Hazard[]> {
  const accepting = targets.filter((_, n) => results[n]?.outcome.code === 'ACCEPTED');
  const [first, other] = [...new Set(accepting)];
  if (first === undefined || other === undefined || new Set(accepting).size < accepting.length) return ['H12'];
  const signer = signerOf(context);
  await context.prober.claim(signer.client, [other]);
  const { burned } = await burn(context, first, signer);
  if (burned === undefined) return ['H12', 'H10', 'H11'];
  const { outcome } = await askOracle(context, other, burned, signer.secret);
  return outcome.code === REPLAY ? ['H12'] : ['H10', 'H11', 'H14'];
}

function judgeBurst(targets: readonly Target[], results: readonly ProbeResult[]): Sight {
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
