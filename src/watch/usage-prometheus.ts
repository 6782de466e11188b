import { escapeForeign } from '../errors/escape.ts';
import type { PrometheusUsage } from '../fleet/evidence.ts';
import { askPrometheus, replicaSeenAs, type Sampled } from './prometheus-answer.ts';
import { compareUsage, type UsageDelta } from './usage-delta.ts';
import { countSeries } from './usage-page.ts';
import type { ReplicaReading, ReplicaSilence, UsageCounts, UsageSample } from './usage-reading.ts';
import type { UsageWindow, WatchPorts, WatchScope } from './usage-window.ts';

type Scope = WatchScope & { readonly source: PrometheusUsage };

/**
 * Watches what a Prometheus server knows. It may be behind by as much as it scrapes, at both ends, so that the window is
 * shorter by that; and a replica whose counters stand still although we send to it is not known.
 */
export async function openPrometheus(scope: Scope, ports: Pick<WatchPorts, 'servers' | 'clock'>): Promise<UsageWindow> {
  const { scrapeMs } = scope.source.server;
  const before = await look(scope, ports);
  return {
    blindMs: scrapeMs,
    poll: async () => undefined,
    async soFar() {
      const after = await look(scope, ports);
      const delta = compareUsage(before, after);
      const still = scope.expectOwn && scope.source.labels.caller !== undefined ? standing(before, after) : [];
      const gaps: UsageDelta['gaps'] = [...delta.gaps, ...still];
      return { ...delta, gaps, windowMs: Math.max(0, delta.windowMs - scrapeMs) };
    },
  };
}

async function look(scope: Scope, { servers, clock }: Pick<WatchPorts, 'servers' | 'clock'>): Promise<UsageSample> {
  const { source, replicas } = scope;
  const series = await askPrometheus(source, servers);
  const at = clock.now();
  const silent = (replica: string, reason: string): ReplicaSilence => ({ read: false, replica, at, reason });
  if (typeof series === 'string') return replicas.map(({ name }) => silent(name, series));
  const label = source.labels.replica;
  const known = new Map<string, Sampled[]>();
  const strangers = new Map<string, string>();
  for (const one of series) {
    const value = one.labels.get(label);
    const name = replicaSeenAs(value ?? '', replicas)?.name;
    if (name === undefined) strangers.set(value ?? '', whose(label, value));
    else known.set(name, [...(known.get(name) ?? []), one]);
  }
  const told = replicas.map(({ name }): ReplicaReading | ReplicaSilence => {
    const own = known.get(name);
    if (own === undefined) return silent(name, 'the query gives no series of it');
    const counted = countSeries(own, { ...source, name: 'the query' }, scope);
    if (typeof counted === 'string') return silent(name, counted);
    return { read: true, replica: name, at, shows: 'counts', processStart: undefined, ...counted };
  });
  return [...[...strangers].map(([value, reason]) => silent(value || 'a series', reason)), ...told];
}

/** What is wrong with a series that belongs to no replica. */
function whose(label: string, value: string | undefined): string {
  if (value === undefined) return `it has no label ${label}; keep it in the query, as in sum by (${label}, ...)`;
  return `${label}="${escapeForeign(value, 100)}" is no replica's name or address; list it, say whose it is with seenAs, or leave it out of the query`;
}

/** Replicas whose counters do not even show what we sent to them. */
function standing(before: UsageSample, after: UsageSample): UsageDelta['gaps'] {
  return after.flatMap((one) => {
    const first = before.find(({ replica }) => replica === one.replica);
    if (!one.read || one.shows !== 'counts' || first?.read !== true || first.shows !== 'counts') return [];
    if (one.own !== first.own || totalOf(one.counts) !== totalOf(first.counts)) return [];
    return [{ replica: one.replica, reason: "its counters show no request, not even rotctl's own: they stand still" }];
  });
}

function totalOf(counts: UsageCounts): number {
  return [...counts.values()].flatMap((names) => [...names.values()]).reduce((all, count) => all + count, 0);
}
