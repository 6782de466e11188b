import type { LogWatch, RefusalQuery } from '../fleet/evidence.ts';
import type { Replica } from '../fleet/fleet.ts';
import { CommandFeed, commandFor, isByReplica } from './command-feed.ts';
import { type LineFeed, LogTail } from './log-tail.ts';
import { isOwnCaller } from './own-caller.ts';
import type { LineCommands, LogFiles, PrometheusServers } from './ports.ts';
import { askPrometheus, replicaSeenAs } from './prometheus-answer.ts';

/** Refused signatures that came to be known since the last look, or why they are not. */
export type Refused =
  | {
      readonly read: true;
      readonly all: number;
      /** Those of others; absent where nobody can tell whose they are. */
      readonly others?: number;
      /** Why what came before this was not seen. */
      readonly anew: string | undefined;
    }
  | { readonly read: false; readonly reason: string; readonly lost: boolean };

/** Tells of refused signatures as they are written or counted. */
export interface RefusalFeed {
  /** Of a replica, or `fleet` where one feed shows them all. */
  readonly target: string;
  begin(): Promise<void>;
  next(): Promise<Refused>;
}

/** A feed, or why a replica has none. */
export type Fed = RefusalFeed | { readonly target: string; readonly why: string };

/** What feeds are made of. */
export interface RefusalSources {
  readonly files: LogFiles;
  readonly commands?: LineCommands | undefined;
  readonly servers?: PrometheusServers | undefined;
}

type Watched = Pick<Replica, 'name' | 'log'> & Partial<Pick<Replica, 'url' | 'seenAs'>>;

/** The feeds of a fleet: one of each replica, or one of them all. */
export function refusalFeeds(
  logs: LogWatch | undefined,
  replicas: readonly Watched[],
  { files, commands, servers }: RefusalSources,
): readonly Fed[] {
  if (logs === undefined)
    return replicas.map(({ name }) => ({ target: name, why: 'rotctl.yaml declares no logs to watch' }));
  const { prometheus, command } = logs;
  if (prometheus !== undefined && servers !== undefined) {
    return replicas.map((replica) => new CounterFeed(replica, replicas, prometheus, servers));
  }
  if (command !== undefined && commands !== undefined) {
    if (!isByReplica(command)) return [new LinesFeed('fleet', new CommandFeed(command, commands), logs)];
    return replicas.map(({ name }) => new LinesFeed(name, new CommandFeed(commandFor(command, name), commands), logs));
  }
  return replicas.map(({ name, log }) =>
    log === undefined
      ? { target: name, why: 'rotctl.yaml names no log of this replica' }
      : new LinesFeed(name, new LogTail(log, files), logs),
  );
}

/** Lines, of a file or of a command. */
class LinesFeed implements RefusalFeed {
  readonly target: string;
  readonly #feed: LineFeed;
  readonly #shape: Pick<LogWatch, 'refused' | 'own'>;

  constructor(target: string, feed: LineFeed, shape: Pick<LogWatch, 'refused' | 'own'>) {
    this.target = target;
    this.#feed = feed;
    this.#shape = shape;
  }

  begin(): Promise<void> {
    return this.#feed.begin();
  }

  async next(): Promise<Refused> {
    const { refused, own } = this.#shape;
    const appended = await this.#feed.next();
    if (!appended.read) return appended;
    const lines = appended.lines.filter((line) => line.search(refused) !== -1);
    const told = own === undefined ? {} : { others: lines.filter((line) => line.search(own) === -1).length };
    return { read: true, all: lines.length, ...told, anew: appended.anew };
  }
}

type Counts = { readonly all: number; readonly others: number };

/** A counter that a Prometheus server has of a replica. */
class CounterFeed implements RefusalFeed {
  readonly target: string;
  readonly #replicas: readonly Watched[];
  readonly #query: RefusalQuery;
  readonly #servers: PrometheusServers;
  #before: Counts | string = 'nobody has begun to watch it';

  constructor(replica: Watched, replicas: readonly Watched[], query: RefusalQuery, servers: PrometheusServers) {
    this.target = replica.name;
    this.#replicas = replicas;
    this.#query = query;
    this.#servers = servers;
  }

  async begin(): Promise<void> {
    this.#before = await this.#look();
  }

  async next(): Promise<Refused> {
    const before = this.#before;
    const now = await this.#look();
    if (typeof now === 'string') return { read: false, reason: now, lost: false };
    this.#before = now;
    if (typeof before === 'string') return { read: false, reason: `at the look before: ${before}`, lost: true };
    const began = now.all < before.all || now.others < before.others;
    const since = began ? { all: 0, others: 0 } : before;
    const told = this.#query.caller === undefined ? {} : { others: now.others - since.others };
    return { read: true, all: now.all - since.all, ...told, anew: began ? 'its counters began again' : undefined };
  }

  /** No series is no refusal yet: a counter with a label has none before its first. */
  async #look(): Promise<Counts | string> {
    const { caller, ownCaller, replica } = this.#query;
    const series = await askPrometheus(this.#query, this.#servers);
    if (typeof series === 'string') return series;
    const known = this.#replicas.map((one) => ({ url: new URL('http://none.invalid'), seenAs: undefined, ...one }));
    const own = series.filter(({ labels }) => replicaSeenAs(labels.get(replica) ?? '', known)?.name === this.target);
    if (series.length > 0 && own.length === 0 && series.every(({ labels }) => !labels.has(replica))) {
      return `its series have no label ${replica}; keep it in the query`;
    }
    const others = own.filter(
      ({ labels }) => caller === undefined || !isOwnCaller(labels.get(caller) ?? '', ownCaller),
    );
    const bad = own.find(({ value }) => !Number.isFinite(value) || value < 0);
    if (bad !== undefined) return `it has the value ${bad.value}, which no counter can have`;
    const sum = (list: typeof own) => list.reduce((all, { value }) => all + value, 0);
    return { all: sum(own), others: sum(others) };
  }
}
