import { Worker } from 'node:worker_threads';
import { reveal, type Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Endpoint } from '../fleet/fleet.ts';
import type { OutcomeRule } from '../protocol/outcome.ts';
import type { Protocol } from '../protocol/protocol.ts';
import type { CanaryCounts } from './canary-counts.ts';
import type { CanaryRequest } from './canary-load.ts';
import type { CanaryAsk, CanaryCall, CanarySetup, CanaryWord } from './canary-messages.ts';
import type { CanaryLimits, CanaryTls } from './canary-wire.ts';
import type { KeyIds } from './key-ids.ts';

/** What a canary sends, where, and for whom. */
export interface CanaryOptions {
  /** Each replica under its name, and the balancer as `balancer`. */
  readonly routes: readonly { readonly name: string; readonly endpoint: Endpoint }[];
  readonly clients: readonly { readonly id: string }[];
  readonly tls: CanaryTls;
  readonly probe: CanaryRequest & CanaryLimits;
  /** Requests a second, for each client on each route. */
  readonly ratePerSecond: number;
  readonly runId: string;
  readonly rules: readonly OutcomeRule[];
  /** `replay.maxAge` of the fleet: a refusal for its age, of a request that was long under way, is a fault. */
  readonly maxAgeMs: number;
  readonly protocol: Protocol;
  /** Under which key ids secrets are sent, as it stands at each `setSecrets`. */
  readonly keyIds: KeyIds;
  /** The worker's bundled JavaScript: `dist/canary-worker.js`. */
  readonly workerUrl: URL;
  /** Called a few times a second while answers come in. */
  readonly onChange?: (counts: CanaryCounts) => void;
}

/** Steady signed traffic in a thread of its own. Every method rejects with `INTERNAL` when that thread has died. */
export interface CanaryHandle {
  /**
   * The secrets that every route must accept from now on, by client id; each client's are sent in turn, and a client
   * that is left out sends nothing. Resolves when no request is on its way that was signed with a secret withdrawn by
   * this call, so that the caller may go on to retire it.
   */
  setSecrets(secrets: ReadonlyMap<string, readonly Secret[]>): Promise<void>;
  /** The present window so far. */
  snapshot(): Promise<CanaryCounts>;
  /** Opens a new counting window and resolves to the previous one, all of its requests settled. */
  mark(label: string): Promise<CanaryCounts>;
  /** Ends the traffic and the thread; resolves to the last window, all of its requests settled. */
  stop(): Promise<CanaryCounts>;
}

/** Starts the thread. Traffic begins with the first `setSecrets`. Rejects when the TLS files are no use. */
export async function startCanary(options: CanaryOptions): Promise<CanaryHandle> {
  const link = new Link(new Worker(options.workerUrl, { env: {}, argv: [], execArgv: [] }), options.onChange);
  try {
    await link.ask({ ask: 'set-up', setup: setupOf(options) });
  } catch (error) {
    await link.end();
    throw error;
  }
  return {
    async setSecrets(secrets) {
      refuseStrangers(secrets, options.clients);
      const bytes = [...secrets].map(([client, list]) => [client, list.map(ownBytes)] as const);
      const buffers = bytes.flatMap(([, list]) => list.map((item) => item.buffer));
      await link.ask({ ask: 'secrets', secrets: bytes, keyIds: options.keyIds.entries() }, buffers);
    },
    snapshot: () => link.count({ ask: 'snapshot' }),
    mark: (label) => link.count({ ask: 'mark', label }),
    async stop() {
      const counts = await link.count({ ask: 'stop' });
      await link.end();
      return counts;
    },
  };
}

function setupOf(options: CanaryOptions): CanarySetup {
  const { method, path, body, gate, deadlineMs, maxBytes } = options.probe;
  const routes = options.routes.map(({ name, endpoint }) => ({
    name,
    url: endpoint.url.href,
    serverName: endpoint.serverName,
  }));
  return {
    plan: {
      routes: routes.map((route) => route.name),
      clients: options.clients.map((client) => client.id),
      request: { method, path, body, gate },
      protocol: options.protocol,
      ratePerSecond: options.ratePerSecond,
      runId: options.runId,
      rules: options.rules,
      maxAgeMs: options.maxAgeMs,
    },
    routes,
    tls: options.tls,
    limits: { deadlineMs, maxBytes },
    notify: options.onChange !== undefined,
  };
}

function refuseStrangers(secrets: ReadonlyMap<string, unknown>, clients: CanaryOptions['clients']): void {
  const stranger = [...secrets.keys()].find((id) => clients.every((client) => client.id !== id));
  if (stranger !== undefined) throw new RotctlError('INTERNAL', `the canary has no client ${stranger}`);
}

/** A copy in a buffer of its own: a `Buffer` may be a window on a pool, all of which would travel with it. */
function ownBytes(secret: Secret): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(reveal(secret));
}

interface Waiting {
  readonly ask: CanaryAsk['ask'];
  resolve(counts: CanaryCounts | undefined): void;
  reject(error: Error): void;
}

/** Numbered questions and answers between the two threads. */
class Link {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended: Promise<void>;
  #next = 1;
  #dead: RotctlError | undefined;

  constructor(worker: Worker, onChange: CanaryOptions['onChange']) {
    this.#worker = worker;
    worker.on('message', (word: CanaryWord) => {
      if (word.say === 'changed') onChange?.(word.counts);
      else this.#settle(word);
    });
    worker.on('error', (cause) => this.#die('the canary thread failed', cause));
    this.#ended = new Promise((resolve) => {
      worker.once('exit', () => {
        this.#die('the canary thread has ended');
        resolve();
      });
    });
  }

  async ask(question: CanaryAsk, moved: readonly ArrayBuffer[] = []): Promise<CanaryCounts | undefined> {
    if (this.#dead !== undefined) throw this.#dead;
    const call: CanaryCall = { ...question, id: this.#next++ };
    return new Promise((resolve, reject) => {
      this.#waiting.set(call.id, { ask: call.ask, resolve, reject });
      this.#worker.postMessage(call, moved);
    });
  }

  async count(question: CanaryAsk): Promise<CanaryCounts> {
    const counts = await this.ask(question);
    if (counts === undefined) throw new RotctlError('INTERNAL', `the canary thread gave no counts for ${question.ask}`);
    return counts;
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
    await this.#ended;
  }

  #settle(word: Exclude<CanaryWord, { say: 'changed' }>): void {
    const waiting = this.#waiting.get(word.id);
    this.#waiting.delete(word.id);
    if (word.say === 'reply') waiting?.resolve(word.counts);
    else {
      const code = waiting?.ask === 'set-up' ? 'INPUT_INVALID' : 'INTERNAL';
      waiting?.reject(new RotctlError(code, `the canary cannot run: ${word.reason}`));
    }
  }

  #die(message: string, cause?: unknown): void {
    this.#dead ??= new RotctlError('INTERNAL', message, cause === undefined ? {} : { cause });
    for (const waiting of this.#waiting.values()) waiting.reject(this.#dead);
    this.#waiting.clear();
  }
}
