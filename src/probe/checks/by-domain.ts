import type { ReplayDomain } from '../../fleet/domains.ts';
import type { Check, CheckContext, Observation } from './check.ts';

/**
 * Takes a check in each domain of a fleet that has several stores, side by side, as if the domain were the whole fleet; of
 * a fleet with one store, and for a check that is about the whole, just once.
 */
export async function byDomain(
  check: Check,
  context: CheckContext,
  look: (context: CheckContext) => Promise<readonly Observation[]>,
): Promise<readonly Observation[]> {
  const { domains = [] } = context.fleet;
  if (domains.length === 0 || (check.perDomain !== true && check.group !== 'store')) return look(context);
  const seen = await Promise.all(
    domains.map(async (domain) => (await look(within(context, domain))).map((one) => named(one, domain))),
  );
  return seen.flat();
}

/** What a context is for one domain. */
export function within(context: CheckContext, domain: ReplayDomain): CheckContext {
  const { store: _store, ...rest } = context;
  const isIn = (replica: string): boolean => domain.replicas.includes(replica);
  const store = context.stores?.get(domain.name);
  return {
    ...rest,
    ...(store === undefined ? {} : { store }),
    domain,
    fleet: { ...context.fleet, store: domain.store, replicas: context.fleet.replicas.filter(({ name }) => isIn(name)) },
    burned: context.burned.filter(({ replica }) => isIn(replica)),
    owed: context.owed.filter(({ replica }) => isIn(replica)),
  };
}

function named(observation: Observation, { name, replicas }: ReplayDomain): Observation {
  const { target } = observation;
  return replicas.includes(target) ? observation : { ...observation, target: `${target} ${name}` };
}
