import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { PrometheusServer } from '../fleet/evidence.ts';
import type { Replica } from '../fleet/fleet.ts';
import type { PrometheusServers } from './ports.ts';
import type { Series } from './prometheus.ts';

/** One series of an answer. */
export type Sampled = Pick<Series, 'labels' | 'value'>;

/**
 * Asks a Prometheus server for an instant vector (`/api/v1/query`), and gives its series, or in words why there are none to
 * rely on: no answer, an error, another type, or a warning, with which an answer may be a part of the whole.
 */
export async function askPrometheus(
  { server, query }: { readonly server: PrometheusServer; readonly query: string },
  servers: PrometheusServers,
): Promise<readonly Sampled[] | string> {
  const path = `/api/v1/query?query=${encodeURIComponent(query)}`;
  try {
    const answer = await servers.get(server, path);
    if (answer.kind === 'fault') return `the Prometheus server: ${escapeForeign(`${answer.code} ${answer.detail}`)}`;
    const told = read(answer.body);
    if (typeof told !== 'string' && answer.status === 200) return told;
    return `the Prometheus server answered ${answer.status}${typeof told === 'string' ? `: ${told}` : ''}`;
  } catch (error) {
    if (error instanceof RotctlError && error.kind !== 'bug') return error.message;
    throw error;
  }
}

function read(text: string): readonly Sampled[] | string {
  const answer = parse(text);
  if (!isObject(answer)) return 'no JSON document';
  if (answer.status !== 'success') return escapeForeign(`${said(answer.errorType)}: ${said(answer.error)}`, 200);
  if (Array.isArray(answer.warnings) && answer.warnings.length > 0) {
    return escapeForeign(`with a warning, so that it may be a part only: ${said(answer.warnings[0])}`, 200);
  }
  const { data } = answer;
  if (!isObject(data) || data.resultType !== 'vector' || !Array.isArray(data.result)) {
    return `a ${isObject(data) ? escapeForeign(said(data.resultType), 40) : 'nothing'} where an instant vector is needed`;
  }
  const series = data.result.map(seriesOf);
  return series.every((one) => one !== undefined) ? series : 'a series that cannot be read';
}

function seriesOf(value: unknown): Sampled | undefined {
  if (!isObject(value) || !isObject(value.metric) || !Array.isArray(value.value)) return undefined;
  const [, number] = value.value;
  if (typeof number !== 'string' || number.trim() === '') return undefined;
  const labels = Object.entries(value.metric).map(([name, text]) => [name, said(text)] as const);
  return { labels: new Map(labels), value: Number(number) };
}

/** The replica that a label's value names: by its `seenAs`, its name, its host and port, or its host where no other has it. */
export function replicaSeenAs<Known extends Pick<Replica, 'name' | 'url' | 'seenAs'>>(
  value: string,
  replicas: readonly Known[],
): Known | undefined {
  const named = replicas.find(
    ({ seenAs, name, url }) => value === (seenAs ?? name) || (seenAs === undefined && value === url.host),
  );
  if (named !== undefined) return named;
  const host = value.replace(/:\d+$/, '');
  const there = replicas.filter(({ seenAs, url }) => seenAs === undefined && url.hostname === host);
  return there.length === 1 ? there[0] : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function said(value: unknown): string {
  return typeof value === 'string' ? value : 'nothing';
}
