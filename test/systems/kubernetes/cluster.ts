import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import {
  applySecret,
  DISCOVERY,
  type StoredSecret,
  type StoredWorkload,
  secretObject,
  workloadObject,
} from './objects.ts';
import { openApi } from './openapi.ts';

/** A request that the stand-in got. Of a body, what was applied. */
export interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly type: string;
  readonly body: string;
  readonly status: number;
}

/** How the stand-in misbehaves, for the tests to set. */
export interface Knobs {
  /** `METHOD /path` prefixes that are answered 403. */
  forbid: string[];
  /** Names of workloads whose rollout never ends. */
  stuck: string[];
  /** Names of workloads whose rollout exceeds its deadline. */
  failing: string[];
  /** Names of workloads whose pods start anew with what they had. */
  stale: string[];
}

/** A workload, and what starts its pods anew with the data of the cluster's Secrets. */
export interface WorkloadOptions {
  readonly kind: StoredWorkload['kind'];
  readonly replicas?: number;
  readonly start: (secrets: ReadonlyMap<string, Readonly<Record<string, string>>>) => Promise<void>;
}

/** What a cluster is made of. */
export interface ClusterOptions {
  readonly port: number;
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  /** In place of a client certificate. */
  readonly token?: string;
  readonly namespace: string;
  /** Name → key → value. */
  readonly secrets: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** The field manager that has made the Secrets. */
  readonly manager?: string;
  readonly workloads: Readonly<Record<string, WorkloadOptions>>;
}

/** A stand-in for the API of a cluster, and for what runs its workloads. */
export interface Cluster {
  readonly requests: readonly Recorded[];
  readonly knobs: Knobs;
  /** A Secret's values as text. */
  values(secret: string): Record<string, string>;
  secret(name: string): StoredSecret;
  workload(name: string): StoredWorkload;
  stop(): Promise<void>;
}

/** Starts it; resolves when it listens. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const cluster = new StandIn(options);
  await cluster.listen();
  return cluster;
}

interface Answer {
  readonly status: number;
  readonly body: object;
}

class StandIn implements Cluster {
  readonly requests: Recorded[] = [];
  readonly knobs: Knobs = { forbid: [], stuck: [], failing: [], stale: [] };
  readonly #options: ClusterOptions;
  readonly #server: Server;
  readonly #secrets = new Map<string, StoredSecret>();
  readonly #workloads = new Map<string, StoredWorkload>();
  readonly #watches = new Set<{ readonly name: string; readonly response: ServerResponse }>();
  readonly #running = new Set<Promise<void>>();

  constructor(options: ClusterOptions) {
    this.#options = options;
    for (const [name, values] of Object.entries(options.secrets)) {
      const data = Object.fromEntries(
        Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
      );
      const manager = {
        manager: options.manager ?? 'kubectl-create',
        operation: 'Update' as const,
        keys: Object.keys(data),
      };
      this.#secrets.set(name, { name, data, version: 100, immutable: false, managers: [manager], annotations: {} });
    }
    for (const [name, { kind, replicas = 1 }] of Object.entries(options.workloads)) {
      const state = { generation: 1, observed: 1, version: 100, template: {}, paused: false };
      this.#workloads.set(name, { kind, name, replicas, ...state });
    }
    const { ca, cert, key } = options.tls;
    const mutual = options.token === undefined;
    this.#server = createServer(
      { ca, cert, key, requestCert: mutual, rejectUnauthorized: false },
      (request, response) => void this.#serve(request, response),
    );
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(this.#options.port, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#running);
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  secret(name: string): StoredSecret {
    const found = this.#secrets.get(name);
    if (found === undefined) throw new Error(`the cluster has no Secret ${name}`);
    return found;
  }

  workload(name: string): StoredWorkload {
    const found = this.#workloads.get(name);
    if (found === undefined) throw new Error(`the cluster has no workload ${name}`);
    return found;
  }

  values(name: string): Record<string, string> {
    const entries = Object.entries(this.secret(name).data);
    return Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'https://x');
    const { method = 'GET' } = request;
    let body = '';
    for await (const chunk of request) body += chunk;
    const type = request.headers['content-type'] ?? '';
    const query = Object.fromEntries(url.searchParams);
    if (query.watch === 'true' || query.watch === '1') {
      this.requests.push({ method, path: url.pathname, query, type, body, status: 200 });
      return this.#watch(query, response);
    }
    if (url.pathname === '/openapi/v2' && this.#isKnown(request)) {
      response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(openApi());
      return;
    }
    const answer = this.#isKnown(request)
      ? this.#answer(method, url.pathname, query, body)
      : status(401, 'Unauthorized', 'Unauthorized');
    this.requests.push({ method, path: url.pathname, query, type, body, status: answer.status });
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
  }

  #isKnown(request: IncomingMessage): boolean {
    const { token } = this.#options;
    if (token !== undefined) return request.headers.authorization === `Bearer ${token}`;
    return (request.socket as TLSSocket).authorized;
  }

  #answer(method: string, path: string, query: Readonly<Record<string, string>>, body: string): Answer {
    const discovered = DISCOVERY[path];
    if (discovered !== undefined) return { status: 200, body: discovered };
    if (this.knobs.forbid.some((one) => `${method} ${path}`.startsWith(one))) {
      return status(
        403,
        'Forbidden',
        `${path.split('/').slice(-2).join(' ')} is forbidden: User "rotctl" cannot ${method}`,
      );
    }
    if (path.endsWith('/selfsubjectaccessreviews')) return this.#review(body);
    const [, kind = '', name] = /\/(secrets|deployments|statefulsets)(?:\/([^/]+))?$/.exec(path) ?? [];
    if (kind === 'secrets' && name !== undefined) return this.#secret(method, name, query, body);
    if (kind !== '') return this.#workload(method, kind, name, query, body);
    return status(404, 'NotFound', 'the server could not find the requested resource');
  }

  #review(body: string): Answer {
    const review = JSON.parse(body);
    const { verb, resource, name } = review.spec.resourceAttributes;
    const path = `/apis/apps/v1/namespaces/${this.#options.namespace}/${resource}/${name}`;
    const allowed = !this.knobs.forbid.some((one) => `${verb.toUpperCase()} ${path}`.startsWith(one));
    return { status: 201, body: { ...review, status: { allowed } } };
  }

  #secret(method: string, name: string, query: Readonly<Record<string, string>>, body: string): Answer {
    const { namespace } = this.#options;
    const found = this.#secrets.get(name);
    if (found === undefined) return status(404, 'NotFound', `secrets "${name}" not found`);
    if (method !== 'PATCH') return { status: 200, body: secretObject(found, namespace) };
    const applied = applySecret(found, JSON.parse(body), {
      manager: query.fieldManager ?? '',
      force: query.force === 'true',
    });
    if (!applied.ok) return status(applied.status, applied.reason, applied.message);
    if (query.dryRun === undefined) this.#secrets.set(name, applied.secret);
    return { status: 200, body: secretObject(applied.secret, namespace) };
  }

  #workload(
    method: string,
    kind: string,
    name: string | undefined,
    query: Readonly<Record<string, string>>,
    body: string,
  ): Answer {
    const { namespace } = this.#options;
    const wanted = name ?? /^metadata\.name=(.+)$/.exec(query.fieldSelector ?? '')?.[1] ?? '';
    const found = this.#workloads.get(wanted);
    if (found === undefined || `${found.kind}s` !== kind)
      return status(404, 'NotFound', `${kind}.apps "${wanted}" not found`);
    if (name === undefined) {
      const list = { kind: 'List', apiVersion: 'apps/v1', metadata: { resourceVersion: '100' } };
      return { status: 200, body: { ...list, items: [workloadObject(found, namespace)] } };
    }
    if (method === 'PATCH') this.#rollOut(found, JSON.parse(body));
    return { status: 200, body: workloadObject(found, namespace) };
  }

  /** A changed template is a rollout: the pods are started anew, and then the status says so. */
  #rollOut(workload: StoredWorkload, patch: { spec?: { template?: StoredWorkload['template'] } }): void {
    const annotations = { ...workload.template.metadata?.annotations, ...patch.spec?.template?.metadata?.annotations };
    if (JSON.stringify(annotations) === JSON.stringify(workload.template.metadata?.annotations)) return;
    workload.template = { metadata: { annotations } };
    workload.generation += 1;
    this.#changed(workload);
    const { name } = workload;
    if (this.knobs.stuck.includes(name)) return;
    if (this.knobs.failing.includes(name)) {
      workload.failed = 'ProgressDeadlineExceeded';
      this.#changed(workload);
      return;
    }
    const secrets = this.knobs.stale.includes(name)
      ? new Map<string, Record<string, string>>()
      : new Map([...this.#secrets.keys()].map((one) => [one, this.values(one)]));
    const { generation } = workload;
    const running = (this.#options.workloads[name]?.start(secrets) ?? Promise.resolve()).then(() => {
      workload.observed = generation;
      this.#changed(workload);
    });
    this.#running.add(running);
    void running.finally(() => this.#running.delete(running));
  }

  #changed(workload: StoredWorkload): void {
    workload.version += 1;
    for (const { name, response } of this.#watches) if (name === workload.name) this.#tell(workload, response);
  }

  #watch(query: Readonly<Record<string, string>>, response: ServerResponse): void {
    const name = /^metadata\.name=(.+)$/.exec(query.fieldSelector ?? '')?.[1] ?? '';
    const watch = { name, response };
    response.writeHead(200, { 'content-type': 'application/json' });
    this.#watches.add(watch);
    response.on('close', () => this.#watches.delete(watch));
    const workload = this.#workloads.get(name);
    if (workload !== undefined && String(workload.version) !== query.resourceVersion) this.#tell(workload, response);
  }

  #tell(workload: StoredWorkload, response: ServerResponse): void {
    response.write(
      `${JSON.stringify({ type: 'MODIFIED', object: workloadObject(workload, this.#options.namespace) })}\n`,
    );
  }
}

function status(code: number, reason: string, message: string): Answer {
  return {
    status: code,
    body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code },
  };
}
