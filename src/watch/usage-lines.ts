import type { CommandUsage, LogUsage } from '../fleet/evidence.ts';
import { CommandFeed, commandFor, isByReplica } from './command-feed.ts';
import { requestIn } from './line-shape.ts';
import { type LineFeed, LogTail } from './log-tail.ts';
import type { UsageDelta } from './usage-delta.ts';
import { instanceKey, nameOfActor, strangersAmong } from './usage-reading.ts';
import type { UsageWindow, WatchPorts, WatchScope } from './usage-window.ts';

type Source = LogUsage | CommandUsage;
type Scope = WatchScope & { readonly source: Source };

/**
 * Watches lines of accepted requests as they are written: the log file of each replica, or one feed of them all. What is
 * lost at a rotation begins the window anew; what was counted before stays counted, because a straggler is one.
 */
export async function openLines(scope: Scope, ports: WatchPorts): Promise<UsageWindow> {
  const openedAt = ports.clock.now();
  const feeds = feedsOf(scope, ports).map((feed) => new Watched(feed, scope, openedAt));
  await Promise.all(feeds.map((feed) => feed.begin()));
  const poll = async (): Promise<void> => {
    const now = ports.clock.now();
    await Promise.all(feeds.map((feed) => feed.look(now)));
  };
  return {
    blindMs: scope.source.lagMs,
    poll,
    async soFar() {
      await poll();
      return deltaOf(feeds, scope, ports.clock.now());
    },
  };
}

interface Feed {
  readonly name: string;
  readonly lines: LineFeed;
}

/** What stands for all replicas, where one feed shows them all. */
const ALL = 'the log of the fleet';

function feedsOf({ source, replicas }: Scope, { files, commands }: WatchPorts): Feed[] {
  if (source.from === 'log') {
    if (source.file !== undefined) return [{ name: ALL, lines: new LogTail(source.file, files) }];
    return replicas.map(({ name, log = '' }) => ({ name, lines: new LogTail(log, files) }));
  }
  if (!isByReplica(source)) return [{ name: ALL, lines: new CommandFeed(source, commands) }];
  return replicas.map(({ name }) => ({ name, lines: new CommandFeed(commandFor(source, name), commands) }));
}

type Counts = Map<string, Map<string, number>>;

/** One feed, and what it has shown. */
class Watched {
  readonly name: string;
  readonly counts: Counts = new Map();
  readonly instances: Counts = new Map();
  own = 0;
  /** From when on it is known whole. */
  since: number;
  /** Why it is not known up to now. */
  trouble: string | undefined;
  /** Why its window began anew. */
  anew: string | undefined;
  readonly #lines: LineFeed;
  readonly #scope: Scope;
  readonly #openedAt: number;

  constructor({ name, lines }: Feed, scope: Scope, openedAt: number) {
    this.name = name;
    this.#lines = lines;
    this.#scope = scope;
    this.#openedAt = openedAt;
    this.since = openedAt;
  }

  begin(): Promise<void> {
    return this.#lines.begin();
  }

  async look(now: number): Promise<void> {
    const appended = await this.#lines.next();
    if (!appended.read) {
      this.trouble = appended.reason;
      if (appended.lost) this.#again(now, appended.reason);
      return;
    }
    this.trouble = undefined;
    if (appended.anew !== undefined) this.#again(now, appended.anew);
    for (const line of appended.lines) {
      const problem = this.#count(line);
      if (problem !== undefined) this.#again(now, problem);
    }
  }

  #again(now: number, why: string): void {
    this.since = now;
    this.anew = why;
  }

  #count(line: string): string | undefined {
    const { source, clients, ownActor, clockErrorMs } = this.#scope;
    const request = requestIn(line, source);
    if (typeof request === 'string') return request;
    // What was accepted before the window may be written in it.
    if (request === undefined || (request.at !== undefined && request.at < this.#openedAt - clockErrorMs))
      return undefined;
    const { client, key, instance, isOwn } = request;
    if (isOwn || client === ownActor) {
      this.own += 1;
      return undefined;
    }
    const name = nameOfActor(client, clients);
    add(this.counts, name, key, 1);
    if (instance !== undefined) add(this.instances, name, instanceKey(instance, key), 1);
    return undefined;
  }
}

/** Why a source that shows not even what we sent is not believed. */
export const BLIND =
  "it shows no accepted request, not even rotctl's own: it is not this replica's, or the pattern does not fit";

function deltaOf(feeds: readonly Watched[], { clients, source, expectOwn }: Scope, now: number): UsageDelta {
  const counts: Counts = new Map();
  const instances: Counts = new Map();
  for (const feed of feeds) {
    addAll(counts, feed.counts);
    addAll(instances, feed.instances);
  }
  const isBlind = ({ own, counts: seen }: Watched) => expectOwn && own === 0 && seen.size === 0 && tells(source);
  const reasonOf = (feed: Watched) => feed.trouble ?? (isBlind(feed) ? BLIND : undefined);
  const windows = feeds.map(({ since }) => now - since - source.lagMs);
  return {
    counts,
    ...(/\(\?<instance>/.test(source.pattern.source) ? { instances } : {}),
    windowMs: Math.max(0, Math.min(...windows)),
    gaps: feeds.flatMap((feed) => {
      const reason = reasonOf(feed);
      return reason === undefined ? [] : [{ replica: feed.name, reason }];
    }),
    resets: feeds.flatMap(({ name, anew }) => (anew === undefined ? [] : [`${name} (${anew})`])),
    cut: [],
    strangers: strangersAmong(counts.keys(), clients),
  };
}

function tells({ own, pattern }: Source): boolean {
  return own !== undefined || /\(\?<caller>/.test(pattern.source);
}

function addAll(counts: Counts, more: ReadonlyMap<string, ReadonlyMap<string, number>>): void {
  for (const [client, names] of more) for (const [name, count] of names) add(counts, client, name, count);
}

function add(counts: Counts, client: string, name: string, more: number): void {
  const ofClient = counts.get(client) ?? new Map<string, number>();
  counts.set(client, ofClient.set(name, (ofClient.get(name) ?? 0) + more));
}
