import { type Identity, identifyOften, type Spread, spread } from '../identity.ts';
import { judgeSessions, viewSessions } from '../sessions.ts';
import type { Check, CheckContext } from './check.ts';
import { observe, type Sight } from './on-replicas.ts';
import { signerOf } from './replay-read.ts';

const replicaCount: Check = {
  id: 'fleet.replica-count',
  group: 'fleet',
  critical: true,
  title: 'there are at least two replicas',
  why: 'with one replica nothing can be shown about replay across replicas, nor about a gradual roll',
  remedy: 'add a replica to the environment, and to rotctl.yaml under replicas',
  needs: [],
  look: async (context) => [
    await observe(context, 'fleet', async (): Promise<Sight> => {
      const count = context.fleet.replicas.length;
      const base = { expected: 'at least 2', seen: `${count}`, samples: count };
      if (count >= 2) return { ...base, verdict: 'pass' };
      return { ...base, verdict: 'unknown', reason: 'replay across replicas cannot be shown with fewer than two' };
    }),
  ],
};

const distinct: Check = {
  id: 'fleet.distinct',
  group: 'fleet',
  critical: false,
  title: 'no two replicas are one process under two names, and none is several',
  why: 'a replica that is listed twice vouches for itself, and of several processes behind one address any may be stale',
  remedy: 'give each replica its own address; the balancer’s address is none',
  needs: ['two-replicas'],
  look: async (context) => [
    await observe(context, 'fleet', async (): Promise<Sight> => {
      const { client, secret } = signerOf(context);
      const asker = context.sparing === true ? { client, secret } : { client };
      const { replicas } = context.fleet;
      const seen = await Promise.all(
        replicas.map(async (replica) => ({
          name: replica.name,
          host: replica.url.host,
          seen: await identifyOften(context, replica, asker),
        })),
      );
      const sight = distinctSight(seen.map(summed));
      return sight.seen === ALIKE ? bySessions(context, sight) : sight;
    }),
  ],
};

/** What is seen where neither certificates nor answers tell replicas apart. */
const ALIKE = 'not told apart';

/** Sessions of TLS may still tell them apart, or show that some of them are one. */
async function bySessions({ tls, fleet }: CheckContext, sight: Sight): Promise<Sight> {
  if (tls === undefined) return sight;
  const view = await viewSessions(tls.handshakes, fleet.replicas, fleet.probe.deadlineMs);
  if (view === undefined) return sight;
  const names = fleet.replicas.map(({ name }) => name);
  const { verdict, reason } = judgeSessions(view, names);
  const samples = sight.samples + view.samples;
  if (verdict === 'pass') {
    const { reason: _, ...rest } = sight;
    return { ...rest, verdict, seen: `${names.length} told apart by their TLS sessions`, samples };
  }
  return { ...sight, verdict, samples, reason: reason === '' ? (sight.reason ?? '') : reason };
}

/** A replica as it first answered, and what all the connections to it have met. */
type Named = Partial<Identity> & {
  readonly name: string;
  readonly host: string;
  readonly peers: number;
  readonly instances: number;
  readonly asked: number;
};

function summed({ seen, name, host }: { seen: readonly Identity[]; name: string; host: string }): Named {
  const count = (key: 'peer' | 'instance'): number => new Set(seen.flatMap((each) => each[key] ?? [])).size;
  return { ...seen[0], name, host, peers: count('peer'), instances: count('instance'), asked: seen.length };
}

function distinctSight(seen: readonly Named[]): Sight {
  const base = { expected: `${seen.length} processes`, samples: seen.reduce((sum, { asked }) => sum + asked, 0) };
  const sameHost = pairWith(seen, (a, b) => a.host === b.host);
  if (sameHost !== undefined) {
    return { ...base, verdict: 'fail', seen: 'one address twice', reason: `${sameHost} have the same address` };
  }
  const many = seen.find(({ peers, instances }) => peers > 1 || instances > 1);
  if (many !== undefined) {
    const met = many.peers > 1 ? `${many.peers} certificates` : `${many.instances} instances`;
    const reason = `${many.name}: ${many.asked} connections met ${met}: this address is a balancer or several processes`;
    return { ...base, verdict: 'fail', seen: 'several behind one address', reason };
  }
  const sameProcess = pairWith(seen, (a, b) => a.instance !== undefined && a.instance === b.instance);
  if (sameProcess !== undefined) {
    return {
      ...base,
      verdict: 'fail',
      seen: 'one process twice',
      reason: `${sameProcess} answer as the same instance`,
    };
  }
  const mute = seen.find(({ reached }) => reached !== true);
  if (mute !== undefined)
    return { ...base, verdict: 'unknown', seen: 'no answer', reason: `${mute.name}: ${mute.reason ?? 'not asked'}` };
  const alike = pairWith(seen, (a, b) => a.peer === b.peer && (a.instance === undefined || b.instance === undefined));
  if (alike === undefined) return { ...base, verdict: 'pass', seen: `${seen.length} told apart` };
  return {
    ...base,
    verdict: 'unknown',
    seen: ALIKE,
    reason: `${alike} show the same certificate and do not say which process they are`,
  };
}

function pairWith(seen: readonly Named[], same: (a: Named, b: Named) => boolean): string | undefined {
  for (const [index, a] of seen.entries()) {
    const b = seen.slice(index + 1).find((each) => same(a, each));
    if (b !== undefined) return `${a.name} and ${b.name}`;
  }
  return undefined;
}

const balancerSpread: Check = {
  id: 'balancer.spread',
  group: 'fleet',
  critical: false,
  title: 'the balancer reaches at least two of the listed replicas',
  why: 'a balancer that knows one replica, or one that nobody listed, makes every proof about the others worthless',
  remedy: 'compare the balancer’s targets with the replicas in rotctl.yaml',
  needs: ['balancer', 'two-replicas'],
  look: async (context) => [
    await observe(context, 'balancer', async (): Promise<Sight> => {
      const { balancer, replicas } = context.fleet;
      if (balancer === undefined) throw new Error('there is no balancer');
      return spreadSight(await spread(context, balancer, replicas, signerOf(context)), replicas.length);
    }),
  ],
};

function spreadSight(seen: Spread, replicas: number): Sight {
  const { by, reached, strangers, tries, recognised, silent } = seen;
  const base = { expected: 'at least 2 replicas', seen: `${reached.length} recognised`, samples: tries + replicas };
  const away = silent.length === 0 ? '' : `; not answering directly: ${silent.join('; ')}`;
  if (by === undefined) {
    return {
      ...base,
      verdict: 'unknown',
      reason: `the replicas cannot be told apart by certificate or instance${away}`,
    };
  }
  if (strangers > 0) {
    const reason = `${strangers} certificates or instances behind it belong to no listed replica, or TLS ends at the balancer${away}`;
    return { ...base, verdict: 'unknown', reason };
  }
  if (reached.length >= 2) return { ...base, verdict: 'pass', seen: reached.join(', ') };
  const reason = `${tries} connections all ended at ${reached[0] ?? 'none that is known'}${away}`;
  // Enough of them that turns, weights or chance do not explain it: the balancer has this one replica.
  if (recognised >= 4 * replicas) return { ...base, verdict: 'fail', critical: true, reason };
  return { ...base, verdict: 'unknown', reason };
}

/** The checks of the fleet's shape. */
export const FLEET_CHECKS: readonly Check[] = [replicaCount, distinct, balancerSpread];
