import {
  type CountsReading,
  type EntriesReading,
  instanceKey,
  type ReplicaReading,
  type UsageCounts,
  type UsageSample,
} from './usage-reading.ts';

/** What was used between two looks. */
export interface UsageDelta {
  /** Accepted requests in between, over all replicas, by client and by the secret's name; only what is above 0. */
  readonly counts: UsageCounts;
  /** The same requests by client and by `instanceKey`; absent where not every replica tells instances apart. */
  readonly instances?: UsageCounts | undefined;
  /** The longest time, ending at the second look, that is covered on every replica, in milliseconds. */
  readonly windowMs: number;
  /** Replicas that prove nothing, each with its reason: with one of them no absence is proven. */
  readonly gaps: readonly { readonly replica: string; readonly reason: string }[];
  /** Replicas whose counters began again in between. */
  readonly resets: readonly string[];
  /** Replicas whose list does not reach back to the first look: they hold a few entries only, or have just begun. */
  readonly cut: readonly string[];
  /** Clients that are not in the inventory and had requests accepted in between. */
  readonly strangers: readonly string[];
}

/** Exporters that compute the start time for each page give one that wobbles by some milliseconds. */
const START_TOLERANCE_MS = 50;

/** The difference of two looks at the same replicas. */
export function compareUsage(before: UsageSample, after: UsageSample): UsageDelta {
  const counts: Counts = new Map();
  let instances: Counts | undefined = new Map();
  const gaps: UsageDelta['gaps'][number][] = [];
  const [resets, cut]: [string[], string[]] = [[], []];
  const strangers = new Set<string>();
  let windowMs = Number.POSITIVE_INFINITY;
  for (const replica of new Set([...before, ...after].map((reading) => reading.replica))) {
    const passage = passageOf(replica, before, after);
    if (typeof passage === 'string') {
      gaps.push({ replica, reason: passage });
      continue;
    }
    if (passage.short === 'reset') resets.push(replica);
    if (passage.short === 'cut') cut.push(replica);
    windowMs = Math.min(windowMs, passage.windowMs);
    addAll(counts, passage.counts);
    if (passage.instances === undefined) instances = undefined;
    else if (instances !== undefined) addAll(instances, passage.instances);
    for (const client of passage.strangers) if (counts.has(client)) strangers.add(client);
  }
  const whole = { windowMs: Number.isFinite(windowMs) ? windowMs : 0, strangers: [...strangers] };
  return { counts, ...(instances === undefined ? {} : { instances }), ...whole, gaps, resets, cut };
}

function addAll(counts: Counts, more: UsageCounts): void {
  for (const [client, names] of more) for (const [name, count] of names) add(counts, client, name, count);
}

/**
 * How much of the time between this look and a next one cannot be judged, in milliseconds: entries so close to the look
 * that clocks do not tell on which side of it they are, and as many at the end. 0 for counters.
 */
export function blindMs(sample: UsageSample): number {
  return Math.max(
    0,
    ...sample.map((one) => (one.read && one.shows === 'entries' ? 2 * one.clockErrorMs + one.stepMs : 0)),
  );
}

type Counts = Map<string, Map<string, number>>;

/** What one replica shows of the time between two looks; `short` says why that may be less than all of it. */
interface Passage {
  readonly counts: UsageCounts;
  readonly instances: UsageCounts | undefined;
  readonly windowMs: number;
  readonly strangers: readonly string[];
  readonly short: 'reset' | 'cut' | undefined;
}

function passageOf(replica: string, before: UsageSample, after: UsageSample): Passage | string {
  const first = before.find((reading) => reading.replica === replica);
  const second = after.find((reading) => reading.replica === replica);
  if (first === undefined || second === undefined) return 'it was looked at only once';
  if (!first.read) return `at the first look: ${first.reason}`;
  if (!second.read) return second.reason;
  return between(first, second);
}

function between(first: ReplicaReading, second: ReplicaReading): Passage | string {
  if (second.shows === 'entries') return enteredSince(first.at, second);
  return first.shows === 'counts' ? countedBetween(first, second) : 'it showed a list and then a page of counters';
}

/**
 * A counter that fell, a series that vanished or another process start mean that the replica began again: from then on
 * everything counts, and what it had counted between the first look and its end is lost, so that its window begins with
 * the new process (or is nothing, when the page does not tell when that was).
 */
function countedBetween(first: CountsReading, second: CountsReading): Passage {
  const reset = beganAgain(first, second);
  const since = (before: UsageCounts, now: UsageCounts): Counts => {
    const counts: Counts = new Map();
    for (const [client, names] of now)
      for (const [name, count] of names) add(counts, client, name, count - (reset ? 0 : countOf(before, client, name)));
    return counts;
  };
  const counts = since(first.counts, second.counts);
  const instances = second.instances === undefined ? undefined : since(first.instances ?? new Map(), second.instances);
  const windowMs = second.at - (reset ? startOf(first, second) : first.at);
  return { counts, instances, windowMs, strangers: second.strangers, short: reset ? 'reset' : undefined };
}

/**
 * Clocks differ, so only what is later than the first look by more than their error was surely accepted after it; the
 * rest speaks neither for nor against anybody. The window is what is covered by the slowest clock that is allowed: it
 * begins at the oldest entry where the list reaches no further back, and an empty list covers nothing.
 */
function enteredSince(look: number, second: EntriesReading): Passage {
  const { askedAt, clockErrorMs, stepMs, oldest = Number.POSITIVE_INFINITY, strangers } = second;
  const from = look + clockErrorMs;
  const counts: Counts = new Map();
  let instances: Counts | undefined = new Map();
  for (const { at, client, keyId, instance } of second.entries) {
    if (at <= from) continue;
    add(counts, client, keyId, 1);
    if (instance === undefined) instances = undefined;
    else if (instances !== undefined) add(instances, client, instanceKey(instance, keyId), 1);
  }
  const covered = askedAt - clockErrorMs - (Math.max(from, oldest) + stepMs);
  const windowMs = Math.max(0, Math.floor(covered));
  return { counts, instances, windowMs, strangers, short: oldest > from ? 'cut' : undefined };
}

function beganAgain(first: CountsReading, second: CountsReading): boolean {
  if (anotherStart(first, second) || second.own < first.own) return true;
  return [...first.counts].some(([client, names]) =>
    [...names].some(([name, count]) => countOf(second.counts, client, name) < count),
  );
}

function anotherStart(first: CountsReading, second: CountsReading): boolean {
  if (first.processStart === undefined || second.processStart === undefined) return false;
  return Math.abs(first.processStart - second.processStart) > START_TOLERANCE_MS;
}

/** From when on the second look's counts are whole: its process's start, or its own time when that start cannot be true. */
function startOf(first: CountsReading, second: CountsReading): number {
  const start = second.processStart;
  if (start === undefined || start <= first.at || start > second.at) return second.at;
  return start;
}

function add(counts: Counts, client: string, name: string, more: number): void {
  if (more === 0) return;
  const ofClient = counts.get(client) ?? new Map<string, number>();
  counts.set(client, ofClient.set(name, (ofClient.get(name) ?? 0) + more));
}

/** How often a client's requests under exactly this name are in the counts. */
function countOf(counts: UsageCounts, client: string, name: string): number {
  return counts.get(client)?.get(name) ?? 0;
}
