import type { ReplayDomain } from '../../fleet/domains.ts';
import type { Replica } from '../../fleet/fleet.ts';
import { burnBytes, resend } from '../bytes.ts';
import { askOracle, burn } from '../oracle.ts';
import type { Check, CheckContext, Observation } from './check.ts';
import { observe, type Sight, together } from './on-replicas.ts';
import { notBurned, readSight, signerOf } from './replay-read.ts';

/** Beyond the lag that is declared, time for the copies to be on their way. */
const MARGIN_MS = 250;

/** Of two stores each takes a nonce once: what one domain has accepted, another must not accept. */
export const REPLAY_CROSS_DOMAIN: Check = {
  id: 'replay.cross-domain',
  group: 'replay',
  critical: true,
  title: 'a request that one domain accepted is refused by the others',
  why: 'a captured request that reaches another region is good there once more',
  remedy:
    'bind each request to its region (sign the region, or route a client to one), or share one primary; where the risk is taken, name replay.cross-domain in accepts',
  hazards: ['H25', 'H10', 'H26'],
  apart: true,
  needs: ['single-use', 'two-domains', 'patience'],
  waits: (context) => lagOf(context) + MARGIN_MS,
  look: async (context) => {
    const { domains = [] } = context.fleet;
    const pairs = domains.flatMap((from) => domains.flatMap((to) => (from === to ? [] : [{ from, to }])));
    return Promise.all(pairs.map((pair) => lookBetween(context, pair)));
  },
};

interface Pair {
  readonly from: ReplayDomain;
  readonly to: ReplayDomain;
}

function lagOf({ fleet: { domains = [] } }: CheckContext): number {
  return Math.max(0, ...domains.map(({ lagMs }) => lagMs));
}

function lookBetween(context: CheckContext, { from, to }: Pair): Promise<Observation> {
  return observe(context, `${from.name} to ${to.name}`, async () => {
    const [here, there] = [replicaOf(context, from), replicaOf(context, to)];
    const atOnce = await tryAtOnce(context, here, there);
    const later = await tryLater(context, here, there, from.lagMs);
    if (atOnce.verdict !== 'fail') return together([atOnce, later]);
    const hazards = later.verdict === 'pass' ? (['H25', 'H26'] as const) : (['H10', 'H25'] as const);
    return { ...together([atOnce, later]), hazards };
  });
}

function replicaOf({ fleet }: CheckContext, { name, replicas }: ReplayDomain): Replica {
  const found = fleet.replicas.find((replica) => replicas.includes(replica.name));
  if (found === undefined) throw new Error(`${name} has no replica`);
  return found;
}

async function tryAtOnce(context: CheckContext, here: Replica, there: Replica): Promise<Sight & { about: string }> {
  const about = 'at once';
  const signer = signerOf(context);
  await context.prober.claim(signer.client, [there]);
  const burnt = await burnBytes(context, here, signer);
  if (burnt.signed === undefined) return { about, ...notBurned(burnt.outcome, burnt.samples) };
  const outcome = await resend(context, there, burnt.signed);
  return { about, ...readSight(outcome, 1 + burnt.samples, `accepted by ${here.name} and again by ${there.name}`) };
}

async function tryLater(
  context: CheckContext,
  here: Replica,
  there: Replica,
  lagMs: number,
): Promise<Sight & { about: string }> {
  const { clock, signal } = context;
  const about = `after a lag of ${lagMs} ms`;
  const signer = signerOf(context);
  await context.prober.claim(signer.client, [there], lagMs + MARGIN_MS);
  const burnt = await burn(context, here, signer);
  if (burnt.burned === undefined) return { about, ...notBurned(burnt.outcome, 1) };
  await clock.sleep(lagMs + MARGIN_MS, signal);
  const { outcome } = await askOracle(context, there, burnt.burned, signer.secret);
  const accepted = `accepted by ${here.name}, and ${lagMs} ms later again by ${there.name}: the nonce never got there`;
  return { about, ...readSight(outcome, 2, accepted) };
}
