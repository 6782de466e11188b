import type { DeployDriver, PlacedText } from '../deploy/driver.ts';
import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Client, Fleet, Replica, Template } from '../fleet/fleet.ts';
import type { LedgerValue } from '../ledger/entry.ts';
import type { ReplicaSettings, RotatingGeneration } from '../machine/step.ts';
import type { Pair, Pairs } from './pair.ts';

/** Under which client id each generation of a client with two ids stands. */
export type GenerationIds = Readonly<Record<RotatingGeneration, string>>;

/** The client id under which a generation is sent and accepted: the client's own, where it has one only. */
export function wireId(client: string, { ids }: Pair, generation: RotatingGeneration): string {
  return ids?.[generation] ?? client;
}

/** Every client id that stands in configurations. */
export function wireIds(pairs: Pairs): string[] {
  return [...pairs].flatMap(([client, { ids }]) => (ids === undefined ? [client] : [ids.current, ids.next]));
}

/** Every client id of a fleet, the second ones too. */
export function clientIdsOf({ clients }: Pick<Fleet, 'clients'>): string[] {
  return clients.flatMap(({ id, second }) => (second === undefined ? [id] : [id, second]));
}

/** The two ids of each client that has two, each with the other. */
export function twinsOf({ clients }: Pick<Fleet, 'clients'>): ReadonlyMap<string, string> {
  return new Map(
    clients.flatMap(({ id, second }): [string, string][] =>
      second === undefined
        ? []
        : [
            [id, second],
            [second, id],
          ],
    ),
  );
}

/**
 * The ids of a client for a rotation that begins: `current` stands under the one that the client sends, `next` under the
 * other. `undefined` for a client with one id.
 *
 * @throws RotctlError `PRECONDITION_FAILED` when it sends neither, or none that can be read
 */
export async function idsNow(
  driver: Pick<DeployDriver, 'readText'>,
  client: Client,
): Promise<GenerationIds | undefined> {
  const { id, second, deploy } = client;
  if (second === undefined) return undefined;
  const sent = deploy.idAt === undefined ? undefined : await driver.readText(client, deploy.idAt);
  if (sent === id) return { current: id, next: second };
  if (sent === second) return { current: second, next: id };
  const what = sent === undefined || sent === '' ? 'no client id' : `the client id ${escapeForeign(sent, 128)}`;
  throw new RotctlError(
    'PRECONDITION_FAILED',
    `the configuration of client ${id} has ${what} where deploy.idVariable says, expected ${id} or ${second}`,
    { hint: 'let it send one of its two ids, by the place that idVariable (or idPointer) names' },
  );
}

/** What a client's configuration is to say of its id while it signs with a generation. */
export function idTexts({ deploy, id }: Client, pair: Pair, generation: RotatingGeneration): readonly PlacedText[] {
  if (pair.ids === undefined || deploy.idAt === undefined) return [];
  return [{ at: deploy.idAt, value: wireId(id, pair, generation) }];
}

/** The client of a rotation whose id this is, and its secrets. */
export function ownerOf(pairs: Pairs, id: string | undefined): Pair | undefined {
  return [...pairs.values()].find(({ ids }) => ids !== undefined && (ids.current === id || ids.next === id));
}

/**
 * What has to be written so that the default client id of a replica or template is the one that a generation stands under.
 * Nothing where it is so already, or is an id that this rotation is not about.
 */
export async function defaultTexts(
  driver: Pick<DeployDriver, 'readText'>,
  acceptor: Replica | Template,
  pairs: Pairs,
  generation: ReplicaSettings['defaultId'],
): Promise<readonly PlacedText[]> {
  const at = acceptor.deploy.defaultAt;
  if (at === undefined || generation === 'none') return [];
  const now = await driver.readText(acceptor, at);
  const value = ownerOf(pairs, now)?.ids?.[generation];
  return value === undefined || value === now ? [] : [{ at, value }];
}

/** The ids of a rotation's clients, for its header. */
export function idsRecord(pairs: Pairs): { [client: string]: LedgerValue } {
  return Object.fromEntries(
    [...pairs].flatMap(([client, { ids }]) => (ids === undefined ? [] : [[client, { ...ids }]])),
  );
}

/** The ids that a header names, by client. */
export function idsIn(record: LedgerValue | undefined): Readonly<Record<string, GenerationIds>> {
  if (record === null || typeof record !== 'object' || Array.isArray(record)) return {};
  const found: Record<string, GenerationIds> = {};
  for (const [client, ids] of Object.entries(record as Record<string, LedgerValue>)) {
    const { current, next } = ids as Record<string, LedgerValue>;
    if (typeof current === 'string' && typeof next === 'string') found[client] = { current, next };
  }
  return found;
}

/**
 * What must be so of clients with two ids where secrets are accepted: `current` stands under the id that the client
 * sends, alone, and the other id has no entry yet.
 *
 * @throws RotctlError `PRECONDITION_FAILED`
 */
export function requireFreeId(
  { name }: Pick<Replica | Template, 'name'>,
  client: string,
  { current, next }: GenerationIds,
  listed: ReadonlyMap<string, readonly unknown[]>,
): void {
  if ((listed.get(next) ?? []).length === 0) return;
  const what = `the configuration of ${name} has an entry for ${next} already, which next of ${client} is to get`;
  throw new RotctlError('PRECONDITION_FAILED', what, {
    hint: `see that nobody signs as ${next}, and remove the entry; ${client} sends ${current} now`,
  });
}

/** What to do where a signer holds one secret for each client id, in words that follow what was seen. */
export function secondIdHint(client: string): string {
  const id = escapeForeign(client, 128);
  const second = `${id}-b`;
  return `overlap by a second client id, which carries next: in rotctl.yaml write \`second: ${second}\` under the client ${id}, and in its deploy \`idVariable: NAME\`, the variable that it reads its client id from; where the signers have a default client id, write \`defaultClient: NAME\` in the deploy of each replica (README, "One secret for each client id")`;
}
