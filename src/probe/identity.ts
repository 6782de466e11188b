import type { Endpoint } from '../fleet/fleet.ts';
import { persist } from './retry.ts';
import type { Target, Tools } from './round.ts';

const GARBAGE = '0'.repeat(64);

/** Who answered a fresh connection, as far as it can be told. */
export interface Identity {
  /** SHA-256 fingerprint of the certificate. */
  readonly peer: string | undefined;
  /** What a header of the answer says of the process. */
  readonly instance: string | undefined;
  /** Whether an HTTP answer came at all, and otherwise the fault. */
  readonly reached: boolean;
  readonly reason: string;
}

/** Asks once, on a fresh connection, with a signature that no secret gives: nothing is burned, nothing is accepted. */
async function identify(tools: Tools, endpoint: Endpoint, client: string): Promise<Identity> {
  const call = { endpoint, client, secret: undefined, overrideSignature: GARBAGE, fresh: true };
  const { peer, instance, status, outcome } = await persist(tools.clock, { faults: 2 }, () => tools.prober.probe(call));
  return { peer, instance, reached: status !== undefined, reason: outcome.reason };
}

/** How many connections ask one address again, each number of them at once: balancers take turns, or count what is open. */
const WAVES = [3, 4];

/**
 * Asks an address on several fresh connections, so that several processes behind it can show themselves. An address that
 * does not answer is asked once.
 */
export async function identifyOften(tools: Tools, endpoint: Endpoint, client: string): Promise<readonly Identity[]> {
  const seen = [await identify(tools, endpoint, client)];
  for (const wave of seen[0]?.reached === true ? WAVES : []) {
    const asks = Array.from({ length: wave }, () => identify(tools, endpoint, client));
    seen.push(...(await Promise.all(asks)));
  }
  return seen;
}

/** How replicas can be told apart, and which were reached. */
export interface Spread {
  /** By what the replicas differ; `undefined` when they cannot be told apart from outside. */
  readonly by: 'certificate' | 'instance' | undefined;
  /** Names of the replicas that were reached through the balancer. */
  readonly reached: readonly string[];
  /** Identities seen through the balancer that no listed replica has. */
  readonly strangers: number;
  readonly tries: number;
  /** Connections that ended at a listed replica. */
  readonly recognised: number;
  /** Replicas that did not answer directly, with the reason. */
  readonly silent: readonly string[];
}

/**
 * Sends fresh connections through the balancer until two replicas were seen behind it, or enough were tried. A replica
 * is recognised by the certificate that it shows when it is addressed directly, or, where all show the same one, by
 * what its answers say of the process.
 */
export async function spread(
  tools: Tools,
  balancer: Endpoint,
  replicas: readonly Target[],
  client: string,
): Promise<Spread> {
  const direct = await Promise.all(
    replicas.map(async (replica) => ({ name: replica.name, ...(await identify(tools, replica, client)) })),
  );
  const silent = direct.filter(({ reached }) => !reached).map(({ name, reason }) => `${name}: ${reason}`);
  const by = difference(direct);
  if (by === undefined) return { by, reached: [], strangers: 0, tries: 0, recognised: 0, silent };
  const key = by === 'certificate' ? 'peer' : 'instance';
  const reached = new Set<string>();
  const strangers = new Set<string>();
  const most = Math.max(16, 4 * replicas.length);
  let tries = 0;
  let recognised = 0;
  while (tries < most && reached.size < Math.min(2, replicas.length)) {
    tries += 1;
    const seen = (await identify(tools, balancer, client))[key];
    const owner = direct.find((each) => each[key] !== undefined && each[key] === seen);
    if (owner !== undefined) {
      recognised += 1;
      reached.add(owner.name);
    } else if (seen !== undefined) strangers.add(seen);
  }
  return { by, reached: [...reached], strangers: strangers.size, tries, recognised, silent };
}

/** By what replicas differ: every one of those that answered must have an identity of its own. */
function difference(direct: readonly Identity[]): Spread['by'] {
  const answered = direct.filter(({ reached }) => reached);
  if (answered.length < 2) return undefined;
  const unique = (values: readonly (string | undefined)[]): boolean =>
    !values.includes(undefined) && new Set(values).size === values.length;
  if (unique(answered.map(({ peer }) => peer))) return 'certificate';
  return unique(answered.map(({ instance }) => instance)) ? 'instance' : undefined;
}
