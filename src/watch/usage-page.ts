import type { MetricsUsage } from '../fleet/fleet.ts';
import { parseMetrics, type Series } from './prometheus.ts';
import { digitsProblem } from './usage-fingerprint.ts';
import { type CountsReading, nameOfActor, strangersAmong, type UsageScope } from './usage-reading.ts';

const START_METRIC = 'process_start_time_seconds';

/** The usage that a page of counters tells of, or what it lacks. */
export function readCounts(
  text: string,
  source: MetricsUsage,
  { clients }: Pick<UsageScope, 'clients'>,
): Pick<CountsReading, 'shows' | 'processStart' | 'counts' | 'own' | 'strangers'> | string {
  const page = parseMetrics(text);
  if ('problem' in page) return `line ${page.line} of ${source.path}: ${page.problem}`;
  const series = page.series.filter(({ name }) => name === source.metric);
  if (series.length === 0 && !page.announced.has(source.metric)) return `the page has no ${source.metric}`;
  const counts = new Map<string, Map<string, number>>();
  let own = 0;
  for (const one of series) {
    const defect = defectOf(one, source);
    if (defect !== undefined) return defect;
    const client = nameOfActor(label(one, source.labels.client), clients);
    const fingerprint = label(one, source.labels.fingerprint);
    if (label(one, source.labels.caller) === source.ownCaller) own += one.value;
    else add(counts, client, fingerprint, one.value);
  }
  const start = page.series.find(({ name }) => name === START_METRIC)?.value;
  const processStart = start === undefined ? undefined : start * 1000;
  return { shows: 'counts', processStart, counts, own, strangers: strangersAmong(counts.keys(), clients) };
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
