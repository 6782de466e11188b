import { Secret } from '../credential/secret.ts';
import type { Endpoint } from '../fleet/fleet.ts';
import type { Cell } from './finding.ts';
import type { Clock, Random } from './ports.ts';
import type { Prober } from './prober.ts';
import { ask, type Patience } from './retry.ts';
import { judgeRound, type Seen } from './round-verdict.ts';

/** A place to probe, with the name under which it is reported. */
export interface Target extends Endpoint {
  readonly name: string;
}

/** What one client's generation is to meet on the replica. */
export interface Expected {
  readonly generation: 'current' | 'next';
  readonly secret: Secret;
  readonly expect: 'ACCEPTED' | 'AUTH_INVALID_HMAC';
}

/** One client's secrets, with what is expected of each. */
export interface RoundClient {
  readonly id: string;
  readonly secrets: readonly Expected[];
}

/** What probing needs beside the fleet: who sends, time and randomness. */
export interface Tools {
  readonly prober: Prober;
  readonly clock: Clock;
  readonly random: Random;
}

/** How hard a round tries. */
export interface RoundOptions {
  /** On how many fresh connections a refusal must be seen; 3 by default. */
  readonly tries?: number;
  /** On how many fresh connections an acceptance must be seen; 1 by default. One of several workers may be stale. */
  readonly acceptTries?: number;
  /** How often a connection fault is tried again; 2 by default. */
  readonly faults?: number;
  /** The key id that accepted secrets are tried under; by default each one's own. */
  readonly keyId?: string;
  /** The address is a balancer's: several processes may answer in one round. */
  readonly many?: boolean;
}

/** A secret that nobody has. */
export function wrongSecret(random: Random): Secret {
  return Secret.fromText(random.hex(32));
}

/**
 * Takes one replica's part of the evidence matrix: every client, every generation, and a wrong secret for each client.
 *
 * Everything goes over fresh connections, so that an old process that still holds a connection is not the only one
 * asked. The accepted secrets come first, then the wrong one, then those that must be refused, where the protocol has
 * key ids under each of them; how the answers of a round bear on each other is `judgeRound`'s business.
 */
export async function round(
  tools: Tools,
  replica: Target,
  clients: readonly RoundClient[],
  options: RoundOptions = {},
): Promise<Cell[]> {
  const cells: Cell[] = [];
  for (const client of clients) cells.push(...(await clientRound(tools, replica, client, options)));
  return cells;
}

async function clientRound(
  tools: Tools,
  replica: Target,
  client: RoundClient,
  options: RoundOptions,
): Promise<readonly Cell[]> {
  const { tries = 3, acceptTries = 1, faults = 2, keyId: given } = options;
  const patience: Patience = { faults };
  const seen: Seen[] = [];
  const probe = async (
    generation: Seen['generation'],
    secret: Secret,
    expect: Seen['expect'],
    keyIds: readonly (string | undefined)[],
  ) => {
    const results = [];
    for (const keyId of keyIds) {
      const call = { endpoint: replica, client: client.id, secret, keyId, fresh: true };
      const result = await ask(tools.prober, tools.clock, call, patience);
      results.push(result);
      if (result.outcome.code !== expect) break;
    }
    seen.push({ generation, expect, results });
  };
  const wanted = client.secrets.filter(({ expect }) => expect === 'ACCEPTED');
  const unwanted = client.secrets.filter(({ expect }) => expect !== 'ACCEPTED');
  const own = (secret: Secret | undefined, times: number): (string | undefined)[] =>
    Array.from({ length: times }, () => given ?? (secret === undefined ? undefined : tools.prober.keyIdOf(secret)));
  for (const { generation, secret } of wanted) await probe(generation, secret, 'ACCEPTED', own(secret, acceptTries));
  await probe('wrong', wrongSecret(tools.random), 'AUTH_INVALID_HMAC', own(wanted[0]?.secret, 1));
  for (const { generation, secret } of unwanted) {
    const others = tools.prober.keyIdsFor(secret).slice(1);
    await probe(generation, secret, 'AUTH_INVALID_HMAC', [...own(secret, tries), ...others]);
  }
  return judgeRound(client.id, replica.name, seen, options.many);
}
