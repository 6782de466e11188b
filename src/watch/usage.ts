import { escapeForeign } from '../errors/escape.ts';
import type { MetricsUsage, Replica } from '../fleet/fleet.ts';
import type { Clock, Transport } from '../probe/ports.ts';
import { type MetricsPage, parseMetrics, type Series } from './prometheus.ts';
import { digitsProblem } from './usage-fingerprint.ts';

/** Requests counted by client id and by the fingerprint of the secret that signed them. */
export type UsageCounts = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** What one replica's page said. */
export interface ReplicaReading {
  readonly read: true;
  readonly replica: string;
  /** Unix milliseconds, our clock. */
  readonly at: number;
  /** When the replica's process began, Unix milliseconds by its own clock, if the page tells. */
  readonly processStart: number | undefined;
  /** Accepted requests since the process began, without our own. */
  readonly counts: UsageCounts;
  /** Our own accepted requests, for noticing a restart. */
  readonly own: number;
  /** Client ids on the page that are not in the inventory. */
  readonly strangers: readonly string[];
}

/** A replica whose page could not be read, or does not say what is needed. */
export interface ReplicaSilence {
  readonly read: false;
  readonly replica: string;
  readonly at: number;
  readonly reason: string;
}

/** One look at every replica's page, in inventory order. */
export type UsageSample = readonly (ReplicaReading | ReplicaSilence)[];

/** What to look at. */
export interface UsageScope {
  readonly source: MetricsUsage;
  readonly replicas: readonly Replica[];
  /** The inventory's client ids. */
  readonly clients: readonly string[];
  /** Named in `User-Agent: rotctl/<run>`. */
  readonly runId: string;
  /** For each page, from connecting to its last byte, in milliseconds. */
  readonly deadlineMs: number;
}

const MAX_PAGE_BYTES = 4 * 1024 * 1024;
const START_METRIC = 'process_start_time_seconds';

/** Reads the page of every replica, all at once. Never throws for what a replica does: that is a silence with a reason. */
export async function takeUsage(scope: UsageScope, transport: Transport, clock: Clock): Promise<UsageSample> {
  return Promise.all(scope.replicas.map((replica) => readReplica(replica, scope, transport, clock)));
}

async function readReplica(
  replica: Replica,
  scope: UsageScope,
  transport: Transport,
  clock: Clock,
): Promise<ReplicaReading | ReplicaSilence> {
  const headers = { 'user-agent': `rotctl/${scope.runId}`, accept: 'text/plain;version=0.0.4' };
  const answer = await transport.send(
    replica,
    { method: 'GET', path: scope.source.path, headers, body: undefined },
    { fresh: false, certificate: true, deadlineMs: scope.deadlineMs, maxBytes: MAX_PAGE_BYTES },
  );
  const at = clock.now();
  const silent = (reason: string): ReplicaSilence => ({ read: false, replica: replica.name, at, reason });
  if (answer.kind === 'fault') return silent(escapeForeign(`${answer.code} ${answer.detail}`));
  if (answer.status !== 200) return silent(`${scope.source.path} answered ${answer.status}`);
  const page = parseMetrics(answer.body);
  if ('problem' in page) return silent(`line ${page.line} of ${scope.source.path}: ${page.problem}`);
  const usage = readUsage(page, scope);
  return typeof usage === 'string' ? silent(usage) : { read: true, replica: replica.name, at, ...usage };
}

type Usage = Omit<ReplicaReading, 'read' | 'replica' | 'at'>;

/** The usage that a page tells of, or what it lacks. */
function readUsage(page: MetricsPage, { source, clients }: UsageScope): Usage | string {
  const series = page.series.filter(({ name }) => name === source.metric);
  if (series.length === 0 && !page.announced.has(source.metric)) return `the page has no ${source.metric}`;
  const counts = new Map<string, Map<string, number>>();
  let own = 0;
  for (const one of series) {
    const defect = defectOf(one, source);
    if (defect !== undefined) return defect;
    const client = label(one, source.labels.client);
    const fingerprint = label(one, source.labels.fingerprint);
    if (label(one, source.labels.caller) === source.ownCaller) own += one.value;
    else add(counts, client, fingerprint, one.value);
  }
  const start = page.series.find(({ name }) => name === START_METRIC)?.value;
  const processStart = start === undefined ? undefined : start * 1000;
  return { processStart, counts, own, strangers: [...counts.keys()].filter((client) => !clients.includes(client)) };
}

/** Prometheus knows no difference between an empty label and none. */
function defectOf(series: Series, source: MetricsUsage): string | undefined {
  const { client, fingerprint, caller } = source.labels;
  if (label(series, caller) === '') {
    return `${source.metric} has a series without the label ${caller}: rotctl's own requests cannot be told apart`;
  }
  const missing = [client, fingerprint].find((name) => label(series, name) === '');
  if (missing !== undefined) return `${source.metric} has a series without the label ${missing}`;
  const digits = digitsProblem(label(series, fingerprint), source.fingerprint);
  if (digits !== undefined) return `${source.metric} has a label ${fingerprint} of ${digits}`;
  if (Number.isFinite(series.value) && series.value >= 0) return undefined;
  return `${source.metric} has the value ${series.value}, which no counter can have`;
}

function label(series: Series, name: string): string {
  return series.labels.get(name) ?? '';
}

function add(counts: Map<string, Map<string, number>>, client: string, fingerprint: string, value: number): void {
  const ofClient = counts.get(client) ?? new Map<string, number>();
  counts.set(client, ofClient.set(fingerprint, (ofClient.get(fingerprint) ?? 0) + value));
}
