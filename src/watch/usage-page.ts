import type { FingerprintStyle, UsageLabels } from '../fleet/evidence.ts';
import type { MetricsUsage } from '../fleet/fleet.ts';
import { isOwnCaller } from './own-caller.ts';
import { parseMetrics, type Series } from './prometheus.ts';
import { digitsProblem } from './usage-fingerprint.ts';
import { type CountsReading, instanceKey, nameOfActor, strangersAmong, type UsageScope } from './usage-reading.ts';

const START_METRIC = 'process_start_time_seconds';

/** A counter of accepted requests, wherever it was read. */
export interface Counter {
  /** What it is called in words: its metric, or the query. */
  readonly name: string;
  readonly labels: UsageLabels;
  readonly fingerprint: FingerprintStyle;
  readonly ownCaller: string;
}

/** What a counter's series say. */
export type Counted = Pick<CountsReading, 'counts' | 'instances' | 'own' | 'strangers'>;

/** The usage that a page of counters tells of, or what it lacks. */
export function readCounts(
  text: string,
  source: MetricsUsage,
  { clients }: Pick<UsageScope, 'clients'>,
): (Counted & Pick<CountsReading, 'shows' | 'processStart'>) | string {
  const page = parseMetrics(text);
  if ('problem' in page) return `line ${page.line} of ${source.path}: ${page.problem}`;
  const series = page.series.filter(({ name }) => name === source.metric);
  if (series.length === 0 && !page.announced.has(source.metric)) return `the page has no ${source.metric}`;
  const counted = countSeries(series, { ...source, name: source.metric }, { clients });
  if (typeof counted === 'string') return counted;
  const start = page.series.find(({ name }) => name === START_METRIC)?.value;
  return { shows: 'counts', processStart: start === undefined ? undefined : start * 1000, ...counted };
}

/** Adds up the series of one counter, or tells what is wrong with one of them. */
export function countSeries(
  series: readonly Pick<Series, 'labels' | 'value'>[],
  counter: Counter,
  { clients }: Pick<UsageScope, 'clients'>,
): Counted | string {
  const counts = new Map<string, Map<string, number>>();
  const instances = new Map<string, Map<string, number>>();
  const { labels, ownCaller } = counter;
  let own = 0;
  for (const one of series) {
    const defect = defectOf(one, counter);
    if (defect !== undefined) return defect;
    const client = nameOfActor(label(one, labels.client), clients);
    const fingerprint = label(one, labels.fingerprint);
    if (labels.caller !== undefined && isOwnCaller(label(one, labels.caller), ownCaller)) own += one.value;
    else {
      add(counts, client, fingerprint, one.value);
      if (labels.instance !== undefined)
        add(instances, client, instanceKey(label(one, labels.instance), fingerprint), one.value);
    }
  }
  const told = labels.instance === undefined ? {} : { instances };
  return { counts, ...told, own, strangers: strangersAmong(counts.keys(), clients) };
}

/** Prometheus knows no difference between an empty label and none. */
function defectOf(series: Pick<Series, 'labels' | 'value'>, counter: Counter): string | undefined {
  const { name, labels } = counter;
  const { client, fingerprint, caller, instance } = labels;
  if (caller !== undefined && label(series, caller) === '') {
    return `${name} has a series without the label ${caller}: rotctl's own requests cannot be told apart`;
  }
  const missing = [client, fingerprint, instance].find((one) => one !== undefined && label(series, one) === '');
  if (missing !== undefined) return `${name} has a series without the label ${missing}`;
  const digits = digitsProblem(label(series, fingerprint), counter.fingerprint);
  if (digits !== undefined) return `${name} has a label ${fingerprint} of ${digits}`;
  if (Number.isFinite(series.value) && series.value >= 0) return undefined;
  return `${name} has the value ${series.value}, which no counter can have`;
}

function label(series: Pick<Series, 'labels'>, name: string): string {
  return series.labels.get(name) ?? '';
}

function add(counts: Map<string, Map<string, number>>, client: string, fingerprint: string, value: number): void {
  const ofClient = counts.get(client) ?? new Map<string, number>();
  counts.set(client, ofClient.set(fingerprint, (ofClient.get(fingerprint) ?? 0) + value));
}
