import { Secret } from '../credential/secret.ts';
import { askPresenting, type Control } from './certificate-refusal.ts';
import type { Cell } from './finding.ts';
import type { Presented, Random, TlsVersion } from './ports.ts';
import type { ProbeResult } from './prober.ts';
import { ask } from './retry.ts';
import { judgeRound, type Seen } from './round-verdict.ts';
import type { Target, Tools } from './tools.ts';

export type { Target, Tools } from './tools.ts';

/** What one client's generation is to meet on the replica. */
export interface Expected {
  readonly generation: 'current' | 'next';
  readonly secret: Secret;
  readonly expect: 'ACCEPTED' | Refused;
  /** The client id that it is sent under, where that is another than the client's. */
  readonly id?: string;
  /** What is presented with it; by default what the whole round presents. */
  readonly certificate?: Presented;
}

/**
 * How a generation is refused: its client id is known and it is none of its secrets, the id is not known any more, or it is
 * the certificate that is refused.
 */
export type Refused = 'AUTH_INVALID_HMAC' | 'AUTH_INVALID_CLIENT' | 'AUTH_MTLS_REQUIRED';

/** One client's secrets, with what is expected of each. */
export interface RoundClient {
  readonly id: string;
  readonly secrets: readonly Expected[];
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
  /** What is presented where an expectation does not say; by default our own certificate. */
  readonly certificate?: Presented;
  /** The only version of TLS that is offered; by default 1.2 and 1.3 are. */
  readonly version?: TlsVersion;
}

/** A secret that nobody has. */
export function wrongSecret(random: Random): Secret {
  return Secret.fromText(random.hex(32));
}

/**
 * Takes one replica's part of the evidence matrix: every client, every generation, and a wrong secret for each client.
 *
 * Everything goes over fresh connections, so that an old process that still holds a connection is not the only one
 * asked. A certificate that is refused in the handshake counts as refused by the rule of `askPresenting`; what it is compared
 * with is another generation of the same client that is accepted. The accepted secrets come first, then the wrong one, then those that must be refused, where the protocol has
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
  const { tries = 3, acceptTries = 1, keyId: given } = options;
  const seen: Seen[] = [];
  const wanted = client.secrets.filter(({ expect }) => expect === 'ACCEPTED');
  const unwanted = client.secrets.filter(({ expect }) => expect !== 'ACCEPTED');
  const probe = async (each: Expected | Wrong, keyIds: readonly (string | undefined)[]) => {
    const results = [];
    for (const keyId of keyIds) {
      const control = wanted.find(({ certificate }) => certificate !== each.certificate);
      const result = await send(tools, replica, { ...each, id: each.id ?? client.id, keyId, control }, client, options);
      results.push(result);
      if (result.outcome.code !== each.expect) break;
    }
    const { generation, expect, id } = each;
    seen.push({ generation, expect, results, ...(id === undefined || id === client.id ? {} : { id }) });
  };
  const own = (secret: Secret | undefined, times: number): (string | undefined)[] =>
    Array.from({ length: times }, () => given ?? (secret === undefined ? undefined : tools.prober.keyIdOf(secret)));
  for (const each of wanted) await probe(each, own(each.secret, acceptTries));
  // No request that is to be refused goes through a balancer: others may be refused for it there.
  if (options.many !== true) {
    const { secret, ...like } =
      (wanted[0]?.certificate === undefined ? undefined : taken(wanted, seen)) ?? wanted[0] ?? {};
    const wrong = {
      ...like,
      generation: 'wrong',
      secret: wrongSecret(tools.random),
      expect: 'AUTH_INVALID_HMAC',
    } as const;
    await probe(wrong, own(secret, 1));
  }
  for (const each of unwanted) {
    const others = tools.prober.keyIdsFor(each.secret, each.id ?? client.id).slice(1);
    await probe(each, [...own(each.secret, tries), ...others]);
  }
  return judgeRound(client.id, replica.name, seen, options.many);
}

/** The first generation that was accepted: a certificate that is refused would hide what becomes of a wrong secret. */
function taken(wanted: readonly Expected[], seen: readonly Seen[]): Expected | undefined {
  return wanted.find((_, index) => seen[index]?.results.at(-1)?.outcome.code === 'ACCEPTED');
}

/** A secret that nobody has, sent as an accepted one is. */
type Wrong = Omit<Expected, 'generation' | 'expect'> & {
  readonly generation: 'wrong';
  readonly expect: 'AUTH_INVALID_HMAC';
};

async function send(
  tools: Tools,
  replica: Target,
  each: Omit<Expected | Wrong, 'id'> & Sent,
  client: RoundClient,
  options: RoundOptions,
): Promise<ProbeResult> {
  const { faults = 2, version } = options;
  const { id, secret, keyId, expect, certificate = options.certificate ?? true, control } = each;
  const travel = { certificate, ...(version === undefined ? {} : { version }) };
  const refusal = expect === 'ACCEPTED' ? {} : { refusal: 'due' as const };
  const call = { client: id, secret, keyId, ...travel, ...refusal };
  if (each.certificate === undefined) {
    return ask(tools.prober, tools.clock, { ...call, endpoint: replica, fresh: true }, { faults });
  }
  const known: Control | undefined = control && {
    client: control.id ?? client.id,
    secret: control.secret,
    ...travel,
    certificate: control.certificate ?? options.certificate ?? true,
  };
  return (await askPresenting(tools, replica, call, known, faults)).result;
}

/** What one request of a round is sent with, and what it is compared with when it is refused in the handshake. */
interface Sent {
  readonly id: string;
  readonly keyId: string | undefined;
  readonly control: Expected | undefined;
}
