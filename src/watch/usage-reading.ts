import { escapeForeign } from '../errors/escape.ts';
import type { Client, LedgerUsage, MetricsUsage, Replica } from '../fleet/fleet.ts';

/** What to look at: pages that each replica shows. */
export interface UsageScope {
  readonly source: MetricsUsage | LedgerUsage;
  readonly replicas: readonly Replica[];
  /** The inventory. What is shown names a client by its actor, which is its id where the protocol knows no actors. */
  readonly clients: readonly Caller[];
  /** The actor of everything that `rotctl` sends, by which a ledger tells it apart; a page of counters has a label for that. */
  readonly ownActor: string | undefined;
  /** How far a replica's clock may be off ours, in milliseconds. */
  readonly clockErrorMs: number;
  /** Named in `User-Agent: rotctl/<run>`. */
  readonly runId: string;
  /** For each page, from connecting to its last byte, in milliseconds. */
  readonly deadlineMs: number;
}

/** A client as evidence knows it. */
export type Caller = Pick<Client, 'id' | 'actor' | 'second'>;

/** Requests counted by client and by the name of the secret that signed them: its fingerprint, or its key id. */
export type UsageCounts = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** One look at every replica's page, in inventory order. */
export type UsageSample = readonly (ReplicaReading | ReplicaSilence)[];

/** What one replica showed. */
export type ReplicaReading = CountsReading | EntriesReading;

/** A replica whose page could not be read, or does not say what is needed. */
export interface ReplicaSilence {
  readonly read: false;
  readonly replica: string;
  readonly at: number;
  readonly reason: string;
}

interface Read {
  readonly read: true;
  readonly replica: string;
  /** When the answer was there, Unix milliseconds, our clock. */
  readonly at: number;
  /** Callers on the page that are not in the inventory. */
  readonly strangers: readonly string[];
}

/** A page of counters (`usage.from: metrics`). */
export interface CountsReading extends Read {
  readonly shows: 'counts';
  /** When the replica's process began, Unix milliseconds by its own clock, if the page tells. */
  readonly processStart: number | undefined;
  /** Accepted requests since the process began, without our own. */
  readonly counts: UsageCounts;
  /** The same requests by client and by `instanceKey`; absent where the page does not tell instances apart. */
  readonly instances?: UsageCounts | undefined;
  /** Our own accepted requests, for noticing a restart. */
  readonly own: number;
}

/** A list of accepted requests (`usage.from: ledger`). Its times are by the replica's own clock. */
export interface EntriesReading extends Read {
  readonly shows: 'entries';
  /** When the list was asked for, Unix milliseconds, our clock: what was accepted later may be missing. */
  readonly askedAt: number;
  /** Without our own. */
  readonly entries: readonly AcceptedRequest[];
  /** The earliest time in the list, our own requests included; what came before it may have been dropped. */
  readonly oldest: number | undefined;
  /** What its times are cut down to: 1000 where all of them are whole seconds, else 0. */
  readonly stepMs: number;
  /** How far its clock may be off ours. */
  readonly clockErrorMs: number;
}

/** One accepted request in a list. */
export interface AcceptedRequest {
  /** Unix milliseconds, by the replica's clock. */
  readonly at: number;
  /** The client's id; for a stranger, as in `EntriesReading.strangers`. */
  readonly client: string;
  readonly keyId: string;
  /** Which of the client's instances it was; absent where the list does not tell them apart. */
  readonly instance?: string | undefined;
}

/** The key of requests of one instance of a client that were signed with one secret. */
export function instanceKey(instance: string, name: string): string {
  return JSON.stringify([instance, name]);
}

/** What `instanceKey` was made of. */
export function instanceOf(key: string): { readonly instance: string; readonly name: string } {
  const [instance = '', name = ''] = JSON.parse(key) as readonly string[];
  return { instance, name };
}

/** What the evidence calls a caller: a client's id, or for a stranger its own name, distinct from every id and printable. */
export function nameOfActor(actor: string, clients: readonly Caller[]): string {
  const client = clients.find((one) => one.actor === actor || one.second === actor);
  if (client !== undefined) return client.id;
  return clients.some(({ id }) => id === actor) ? `actor ${actor}` : escapeForeign(actor);
}

/** Those of the names that are not in the inventory. */
export function strangersAmong(names: Iterable<string>, clients: readonly Caller[]): string[] {
  return [...new Set(names)].filter((name) => !clients.some(({ id }) => id === name));
}
