import { readFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:https';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { parseMetrics, type Series } from '../../src/watch/prometheus.ts';
import { freePorts } from '../systems/foreign/processes.ts';

/** A stand-in for a Prometheus server: scrapes real pages, and answers `/api/v1/query` as Prometheus 2 does. */
export interface PrometheusServer {
  /** `https://127.0.0.1:PORT`; there from the beginning, answered once `serve` was called. */
  readonly url: string;
  /** Serves with a certificate of that folder, to whoever has the token. */
  serve(how: { readonly folder: string; readonly name: string; readonly token: string }): Promise<void>;
  /** From now on these targets are scraped, at their `/metrics`. */
  scrape(instances: readonly string[]): void;
  /** One target shows what it showed last, for ever. */
  freeze(instance: string | undefined): void;
}

/** Takes a port; closed when the test is over. */
export async function openPrometheus({
  onTestFinished,
}: Pick<TestContext, 'onTestFinished'>): Promise<PrometheusServer> {
  const [port = 0] = await freePorts(1);
  let [targets, ca, frozen]: [readonly string[], Buffer, string | undefined] = [[], Buffer.of(), undefined];
  const pages = new Map<string, readonly Series[]>();
  const look = async (): Promise<readonly (readonly [string, Series])[]> => {
    for (const instance of targets) {
      if (instance === frozen && pages.has(instance)) continue;
      const page = parseMetrics(await get(instance, ca));
      if ('series' in page) pages.set(instance, page.series);
    }
    return targets.flatMap((instance) => (pages.get(instance) ?? []).map((one) => [instance, one] as const));
  };
  let server: Server | undefined;
  onTestFinished(() => {
    server?.closeAllConnections();
    server?.close();
  });
  return {
    url: `https://127.0.0.1:${port}`,
    scrape(instances) {
      targets = instances;
    },
    freeze(instance) {
      frozen = instance;
    },
    async serve({ folder, name, token }) {
      ca = readFileSync(join(folder, 'ca.pem'));
      const [cert, key] = ['pem', 'key'].map((end) => readFileSync(join(folder, `${name}.${end}`)));
      server = createServer({ cert, key }, async (asked, answer) => {
        const say = (status: number, body: unknown) =>
          answer.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
        const url = new URL(asked.url ?? '/', 'https://prometheus');
        if (asked.headers.authorization !== `Bearer ${token}`) return void answer.writeHead(401).end('Unauthorized');
        if (url.pathname !== '/api/v1/query') return void answer.writeHead(404).end('404 page not found');
        const query = url.searchParams.get('query') ?? '';
        try {
          const result = evaluate(query, await look());
          say(200, { status: 'success', data: { resultType: 'vector', result } });
        } catch (error) {
          say(503, { status: 'error', errorType: 'execution', error: String(error) });
        }
      });
      await new Promise<void>((resolve) => server?.listen(port, '127.0.0.1', resolve));
    },
  };
}

/** `metric`, or `sum by (a, b) (metric)`. */
function evaluate(query: string, series: readonly (readonly [string, Series])[]): object[] {
  const [, by, summed] = /^sum by \(([^)]*)\) \((\w+)\)$/.exec(query) ?? [];
  const metric = summed ?? query;
  const kept = by?.split(',').map((name) => name.trim());
  const at = Date.now() / 1000;
  const sums = new Map<string, number>();
  for (const [instance, { name, labels, value }] of series) {
    if (name !== metric) continue;
    const all: Record<string, string> = { __name__: name, instance, job: 'signers', ...Object.fromEntries(labels) };
    const own =
      kept === undefined ? all : Object.fromEntries(kept.flatMap((one) => (one in all ? [[one, all[one]]] : [])));
    const key = JSON.stringify(own);
    sums.set(key, (sums.get(key) ?? 0) + value);
  }
  return [...sums].map(([key, value]) => ({ metric: JSON.parse(key), value: [at, String(value)] }));
}

function get(instance: string, ca: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const [host = '', port] = instance.split(':');
    const asked = request(
      { host, port, path: '/metrics', ca, checkServerIdentity: () => undefined, agent: false },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => {
          text += chunk;
        });
        answer.on('end', () => resolve(text));
      },
    );
    asked.on('error', reject);
    asked.end();
  });
}
