import type { Secret } from '../credential/secret.ts';
import type { Endpoint } from '../fleet/fleet.ts';
import { persist } from './retry.ts';
import type { Target, Tools } from './round.ts';

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

/** Who asks who is there: with a secret, by a valid request; without one, by a signature that no secret gives. */
export interface Asker {
  readonly client: string;
  readonly secret?: Secret | undefined;
}

/** Asks once, on a fresh connection. Without a secret nothing is burned and nothing accepted. */
async function identify(tools: Tools, endpoint: Endpoint, { client, secret }: Asker): Promise<Identity> {
  const bad = { secret: undefined, garbage: true as const, refusal: 'due' as const };
  const call = { endpoint, client, fresh: true, ...(secret === undefined ? bad : { secret }) };
  const { peer, instance, status, outcome } = await persist(tools.clock, { faults: 2 }, () => tools.prober.probe(call));
  return { peer, instance, reached: status !== undefined, reason: outcome.reason };
}

/** How many connections ask one address again, each number of them at once: balancers take turns, or count what is open. */
const WAVES = [3, 4];

/**
 * Asks an address on several fresh connections, so that several processes behind it can show themselves. An address that
 * does not answer is asked once.
 */
export async function identifyOften(tools: Tools, endpoint: Endpoint, asker: Asker): Promise<readonly Identity[]> {
  const seen = [await identify(tools, endpoint, asker)];
  for (const wave of seen[0]?.reached === true ? WAVES : []) {
    const asks = Array.from({ length: wave }, () => identify(tools, endpoint, asker));
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
 * what its answers say of the process. All are valid requests: one that is to be refused might, behind a balancer, have
 * others refused.
 */
export async function spread(
  tools: Tools,
  balancer: Endpoint,
  replicas: readonly Target[],
  asker: Required<Asker>,
): Promise<Spread> {
  const direct = await Promise.all(
    replicas.map(async (replica) => ({ name: replica.name, ...(await identify(tools, replica, asker)) })),
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
  let wave = 1;
  while (tries < most && reached.size < Math.min(2, replicas.length)) {
    const asks = Array.from({ length: Math.min(wave, most - tries) }, () => identify(tools, balancer, asker));
    for (const { [key]: seen } of await Promise.all(asks)) {
      const owner = direct.find((each) => each[key] !== undefined && each[key] === seen);
      if (owner !== undefined) {
        recognised += 1;
        reached.add(owner.name);
      } else if (seen !== undefined) strangers.add(seen);
    }
    tries += asks.length;
    // A balancer that takes turns may be asked by others in step with us: ever more at once are not all in step.
    if (tries >= 2) wave += 1;
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
