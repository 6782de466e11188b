import type { ReplicaReading, UsageCounts, UsageSample } from './usage.ts';

/** What was used between two looks. */
export interface UsageDelta {
  /** Accepted requests in between, over all replicas, by client id and fingerprint; only what is above 0. */
  readonly counts: UsageCounts;
  /** The longest time, ending at the second look, that is covered on every replica, in milliseconds. */
  readonly windowMs: number;
  /** Replicas that prove nothing, each with its reason: with one of them no absence is proven. */
  readonly gaps: readonly { readonly replica: string; readonly reason: string }[];
  /** Replicas whose counters began again in between. */
  readonly resets: readonly string[];
  /** Clients that are not in the inventory and had requests accepted in between. */
  readonly strangers: readonly string[];
}

/** Exporters that compute the start time for each page give one that wobbles by some milliseconds. */
const START_TOLERANCE_MS = 50;

/**
 * The difference of two looks at the same replicas. A counter that fell, a series that vanished or another process
 * start mean that the replica began again: from then on everything counts, and what it had counted between the first
 * look and its end is lost, so that its window begins with the new process (or is nothing, when the page does not tell
 * when that was).
 */
export function compareUsage(before: UsageSample, after: UsageSample): UsageDelta {
  const counts = new Map<string, Map<string, number>>();
  const gaps: UsageDelta['gaps'][number][] = [];
  const resets: string[] = [];
  const strangers = new Set<string>();
  let windowMs = Number.POSITIVE_INFINITY;
  for (const replica of new Set([...before, ...after].map((reading) => reading.replica))) {
    const pair = readingsOf(replica, before, after);
    if ('reason' in pair) {
      gaps.push({ replica, reason: pair.reason });
      continue;
    }
    const reset = beganAgain(pair.first, pair.second);
    if (reset) resets.push(replica);
    windowMs = Math.min(windowMs, pair.second.at - (reset ? startOf(pair.first, pair.second) : pair.first.at));
    addDifference(counts, reset ? new Map() : pair.first.counts, pair.second.counts);
    for (const client of pair.second.strangers) if (counts.has(client)) strangers.add(client);
  }
  return { counts, windowMs: Number.isFinite(windowMs) ? windowMs : 0, gaps, resets, strangers: [...strangers] };
}

type Pair = { readonly first: ReplicaReading; readonly second: ReplicaReading } | { readonly reason: string };

function readingsOf(replica: string, before: UsageSample, after: UsageSample): Pair {
  const first = before.find((reading) => reading.replica === replica);
  const second = after.find((reading) => reading.replica === replica);
  if (first === undefined || second === undefined) return { reason: 'it was looked at only once' };
  if (!first.read) return { reason: `at the first look: ${first.reason}` };
  if (!second.read) return { reason: second.reason };
  return { first, second };
}

function beganAgain(first: ReplicaReading, second: ReplicaReading): boolean {
  if (anotherStart(first, second) || second.own < first.own) return true;
  return [...first.counts].some(([client, fingerprints]) =>
    [...fingerprints].some(([fingerprint, count]) => countOf(second.counts, client, fingerprint) < count),
  );
}

function anotherStart(first: ReplicaReading, second: ReplicaReading): boolean {
  if (first.processStart === undefined || second.processStart === undefined) return false;
  return Math.abs(first.processStart - second.processStart) > START_TOLERANCE_MS;
}

/** From when on the second look's counts are whole: its process's start, or its own time when that start cannot be true. */
function startOf(first: ReplicaReading, second: ReplicaReading): number {
  const start = second.processStart;
  if (start === undefined || start <= first.at || start > second.at) return second.at;
  return start;
}

function addDifference(counts: Map<string, Map<string, number>>, before: UsageCounts, after: UsageCounts): void {
  for (const [client, fingerprints] of after) {
    for (const [fingerprint, count] of fingerprints) {
      const more = count - countOf(before, client, fingerprint);
      if (more === 0) continue;
      const ofClient = counts.get(client) ?? new Map<string, number>();
      counts.set(client, ofClient.set(fingerprint, (ofClient.get(fingerprint) ?? 0) + more));
    }
  }
}

/** How often a client's requests under exactly this fingerprint are in the counts. */
function countOf(counts: UsageCounts, client: string, fingerprint: string): number {
  return counts.get(client)?.get(fingerprint) ?? 0;
}
