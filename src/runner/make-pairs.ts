import { generateSecret } from '../credential/generate.ts';
import type { Secret } from '../credential/secret.ts';
import { requireForm } from '../credential/secret-form.ts';
import { judgeCurrent, judgeNext, requireUsable, type SecretProblem } from '../credential/strength.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Client } from '../fleet/fleet.ts';
import type { Entry } from '../ledger/entry.ts';
import { clientIn } from './configurations.ts';
import type { Journal } from './journal.ts';
import { ownerOf } from './left-alone.ts';
import { nextSecretOf } from './next-secret.ts';
import type { Pair, Pairs } from './pair.ts';
import { idsNow } from './second-id.ts';
import type { Tools } from './tools.ts';

/** What the secrets of a new rotation are made by. */
export interface PairParts {
  readonly tools: Tools;
  readonly journal: Pick<Journal, 'note'>;
  readonly entries: readonly Entry[];
  readonly clients: readonly string[];
  /** Fresh secrets that the operator brought, by client id. */
  readonly brought: ReadonlyMap<string, Secret>;
  /** The present secret of every client of the fleet. */
  readonly present: ReadonlyMap<string, Secret>;
}

/** The secrets of a new rotation, and the key ids of those that are held elsewhere. */
export interface MadePairs {
  readonly pairs: Pairs;
  readonly keyIds: KeyIdsByClient;
}

/** Ids of keys that are held elsewhere, by client id. */
export type KeyIdsByClient = Readonly<Record<string, { readonly current?: string; readonly next?: string }>>;

/** Reads or makes `next` of each client, and judges both. @throws RotctlError `SECRET_REFUSED`, `SECRET_UNAVAILABLE` */
export async function makePairs(parts: PairParts): Promise<MadePairs> {
  const { tools, present, clients, brought, journal, entries } = parts;
  const retired = await retiredOf(parts);
  const form = tools.fleet.probe.scheme?.secret;
  const referenced = await tools.readNext(clients.filter((id) => !brought.has(id)));
  const making = { tools, form, journal, entries, given: new Map([...referenced, ...brought]) };
  const pairs = new Map<string, Pair>();
  const keyIds: Record<string, { current?: string; next?: string }> = {};
  for (const id of clients) {
    const current = present.get(id);
    if (current === undefined) throw new RotctlError('USAGE', `the fleet has no client ${id}`);
    const others = [...present].filter(([other]) => other !== id);
    requireForm(current, form, `current of ${id}`);
    judge(tools, judgeCurrent(current, others, form, retired), `current of ${id}`);
    const client = clientIn(tools.fleet, id);
    requireGiven(client, making.given);
    const { secret: next, keyId } = await nextSecretOf(making, client);
    requireForm(next, form, `next of ${id}`);
    const taken = [...others, ...[...pairs].map(([other, pair]) => [other, pair.next] as const)];
    requireUsable(judgeNext(next, { current, retired, others: taken }, form), `next of ${id}`);
    const ids = await idsNow(tools.driver, client);
    pairs.set(id, { current, next, ...(ids === undefined ? {} : { ids }) });
    if (client.signer !== undefined) keyIds[id] = named(client.signer.keyIds.current, keyId);
  }
  return { pairs, keyIds };
}

/** One pair for all: the services of a gate sign with one secret. @throws RotctlError `SECRET_REFUSED` */
export async function sharedPairs(parts: PairParts): Promise<MadePairs> {
  const { tools, present } = parts;
  const retired = await retiredOf(parts);
  const [current] = present.values();
  if (current === undefined) throw new RotctlError('INTERNAL', 'a fleet without clients');
  judge(tools, judgeCurrent(current, [], undefined, retired), 'current');
  const referenced = parts.brought.size > 0 ? parts.brought : await tools.readNext([...present.keys()]);
  const [given, another] = [...referenced.values()];
  if (given !== undefined && another?.signsLike(given) === false) {
    throw new RotctlError('USAGE', 'the services of a gate share one secret; bring one');
  }
  const next = given ?? generateSecret(tools.random);
  requireUsable(judgeNext(next, { current, retired, others: [] }), 'next');
  return { pairs: new Map([...present.keys()].map((client) => [client, { current, next }])), keyIds: {} };
}

/** A client that its owner moves needs a secret that the owner has too. @throws RotctlError `USAGE` */
function requireGiven(client: Client, given: ReadonlyMap<string, Secret>): void {
  if (client.movable !== 'owner' || client.signer !== undefined || given.has(client.id)) return;
  throw new RotctlError('USAGE', `${client.id} is moved by ${ownerOf(client)}, who needs its next secret as well`, {
    hint: `bring one that they have: --secret-file ${client.id}=FILE`,
  });
}

function judge(tools: Pick<Tools, 'progress'>, problems: readonly SecretProblem[], whose: string): void {
  requireUsable(problems, whose);
  for (const { message } of problems) tools.progress.note(`${whose}: ${message}`);
}

function named(current: string | undefined, next: string | undefined): { current?: string; next?: string } {
  return { ...(current === undefined ? {} : { current }), ...(next === undefined ? {} : { next }) };
}

/**
 * Fingerprints that may not come back: of secrets that were destroyed here, and, should the vault's list be lost, of all
 * that earlier rotations in the ledger began with or led to, save those that are in force.
 */
async function retiredOf({ tools, entries, present }: PairParts): Promise<ReadonlySet<string>> {
  const inForce = new Set([...present.values()].map((secret) => secret.fingerprint));
  const recorded = entries
    .filter(({ kind, data }) => kind === 'header' && 'material' in data)
    .flatMap(({ data }) =>
      [...JSON.stringify(data.material).matchAll(/"([0-9a-f]{16})"/g)].map(([, name = '']) => name),
    )
    .filter((fingerprint) => !inForce.has(fingerprint));
  return new Set([...(await tools.vault.retiredFingerprints()), ...recorded]);
}
