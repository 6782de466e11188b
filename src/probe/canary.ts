import { Worker } from 'node:worker_threads';
import { macOf, reveal, type Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Endpoint } from '../fleet/fleet.ts';
import type { InertAnswer } from '../protocol/inert.ts';
import type { OutcomeRule } from '../protocol/outcome.ts';
import type { Protocol } from '../protocol/protocol.ts';
import type { Harm } from './brake.ts';
import type { CanaryCounts } from './canary-counts.ts';
import type { CanaryRequest } from './canary-load.ts';
import type { MacMade, MacWanted } from './canary-macs.ts';
import type { CanaryAsk, CanaryCall, CanarySetup, CanaryWord, SentSecret } from './canary-messages.ts';
import type { CanaryLimits, CanaryTls } from './canary-wire.ts';
import type { KeyIds } from './key-ids.ts';
import type { Identity } from './ports.ts';

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
  /** As `probe.inert` of the fleet. */
  readonly inert?: readonly InertAnswer[] | undefined;
  /** `replay.maxAge` of the fleet: a refusal for its age, of a request that was long under way, is a fault. */
  readonly maxAgeMs: number;
  readonly protocol: Protocol;
  /** Under which key ids secrets are sent, as it stands at each `setSecrets`. */
  readonly keyIds: KeyIds;
  /** The worker's bundled JavaScript: `dist/canary-worker.js`. */
  readonly workerUrl: URL;
  /** Called a few times a second while answers come in. */
  readonly onChange?: (counts: CanaryCounts) => void;
  /** Called once when the traffic has ended by itself, because an accepted request may have done harm. */
  readonly onHarm?: (harm: Harm) => void;
}

/** Steady signed traffic in a thread of its own. Every method rejects with `INTERNAL` when that thread has died. */
export interface CanaryHandle {
  /**
   * The secrets that every route must accept from now on, by client id; each client's are sent in turn, and a client
   * that is left out sends nothing. Resolves when no request is on its way that was signed with a secret withdrawn by
   * this call, so that the caller may go on to retire it.
   */
  setSecrets(secrets: ReadonlyMap<string, readonly Secret[]>): Promise<void>;
  /**
   * The certificates that every route must accept from now on, by client id: each connection presents one of them, and they
   * take turns; a client without any presents none. Resolves when no request is under way over a connection that was made
   * with a certificate withdrawn by this call, or that trusts another bundle, and those connections are closed. Rejects,
   * with nothing changed, for a chain and a key that do not fit.
   *
   * @param shown clients may share an identity; two that differ have two names
   * @param trust the PEM bundle that servers are checked against from now on; by default the one of before
   */
  setCertificates(shown: ReadonlyMap<string, readonly Identity[]>, trust?: string): Promise<void>;
  /** The present window so far. */
  snapshot(): Promise<CanaryCounts>;
  /** Opens a new counting window and resolves to the previous one, all of its requests settled. */
  mark(label: string): Promise<CanaryCounts>;
  /** Ends the traffic and the thread; resolves to the last window, all of its requests settled. */
  stop(): Promise<CanaryCounts>;
}

/** Starts the thread. Traffic begins with the first `setSecrets`. Rejects when the TLS files are no use. */
export async function startCanary(options: CanaryOptions): Promise<CanaryHandle> {
  const link = new Link(new Worker(options.workerUrl, { env: {}, argv: [], execArgv: [] }), options);
  try {
    await link.ask({ ask: 'set-up', setup: setupOf(options) });
  } catch (error) {
    await link.end();
    throw error;
  }
  return {
    async setSecrets(secrets) {
      refuseStrangers(secrets, options.clients);
      link.learn([...secrets.values()].flat());
      const bytes = [...secrets].map(([client, list]) => [client, list.map(sent)] as const);
      const buffers = bytes.flatMap(([, list]) =>
        list.flatMap((item) => (typeof item === 'string' ? [] : item.buffer)),
      );
      await link.ask({ ask: 'secrets', secrets: bytes, keyIds: options.keyIds.entries() }, buffers);
    },
    async setCertificates(shown, trust) {
      refuseStrangers(shown, options.clients);
      const byName = new Map([...shown.values()].flat().map((identity) => [identity.name, identity]));
      const identities = [...byName.values()].map(({ name, chain, key }) => ({
        ...{ name, chain },
        key: Uint8Array.from(reveal(key)),
      }));
      const names = [...shown].map(([client, list]) => [client, list.map(({ name }) => name)] as const);
      const buffers = identities.map(({ key }) => key.buffer);
      await link.ask({ ask: 'certificates', identities, shown: names, trust }, buffers);
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
  const { method, path, body, gate, scheme, deadlineMs, maxBytes } = options.probe;
  const routes = options.routes.map(({ name, endpoint }) => ({
    name,
    url: endpoint.url.href,
    serverName: endpoint.serverName,
    ...(endpoint.address === undefined ? {} : { address: endpoint.address }),
  }));
  return {
    plan: {
      routes: routes.map((route) => route.name),
      clients: options.clients.map((client) => client.id),
      request: { method, path, body, gate, scheme },
      protocol: options.protocol,
      ratePerSecond: options.ratePerSecond,
      runId: options.runId,
      rules: options.rules,
      ...(options.inert === undefined ? {} : { inert: options.inert }),
      maxAgeMs: options.maxAgeMs,
    },
    routes,
    tls: options.tls,
    limits: { deadlineMs, maxBytes },
    notify: options.onChange !== undefined,
  };
}

function refuseStrangers(byClient: ReadonlyMap<string, unknown>, clients: CanaryOptions['clients']): void {
  const stranger = [...byClient.keys()].find((id) => clients.every((client) => client.id !== id));
  if (stranger !== undefined) throw new RotctlError('INTERNAL', `the canary has no client ${stranger}`);
}

/**
 * A copy in a buffer of its own: a `Buffer` may be a window on a pool, all of which would travel with it. Of a secret that
 * is held elsewhere the fingerprint, by which the thread has its MACs made here.
 */
function sent(secret: Secret): SentSecret {
  return secret.isHeldElsewhere ? secret.fingerprint : Uint8Array.from(reveal(secret));
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
  readonly #held = new Map<string, Secret>();
  #next = 1;
  #dead: RotctlError | undefined;

  constructor(worker: Worker, { onChange, onHarm }: Pick<CanaryOptions, 'onChange' | 'onHarm'>) {
    this.#worker = worker;
    worker.on('message', (word: CanaryWord) => {
      if (word.say === 'changed') onChange?.(word.counts);
      else if (word.say === 'mac-wanted') void this.#makeMac(word);
      else if (word.say === 'harmed') onHarm?.(word.harm);
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

  /** The secrets whose MACs the thread may ask for. */
  learn(secrets: readonly Secret[]): void {
    for (const secret of secrets) if (secret.isHeldElsewhere) this.#held.set(secret.fingerprint, secret);
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

  async #makeMac({ of, fingerprint, message }: MacWanted): Promise<void> {
    const answer = await this.#macBy(fingerprint, message).then(
      (mac): MacMade => ({ made: of, mac }),
      (error: unknown): MacMade => ({ made: of, failed: error instanceof Error ? error.message : String(error) }),
    );
    this.#worker.postMessage(answer);
  }

  async #macBy(fingerprint: string, message: Uint8Array): Promise<Uint8Array> {
    const secret = this.#held.get(fingerprint);
    if (secret === undefined) throw new RotctlError('INTERNAL', 'the canary asks for the MAC of an unknown key');
    return Uint8Array.from(await macOf(secret, message));
  }

  #settle(word: Extract<CanaryWord, { id: number }>): void {
    const waiting = this.#waiting.get(word.id);
    this.#waiting.delete(word.id);
    if (word.say === 'reply') waiting?.resolve(word.counts);
    else {
      const isInput = waiting?.ask === 'set-up' || waiting?.ask === 'certificates';
      const code = isInput ? 'INPUT_INVALID' : 'INTERNAL';
      waiting?.reject(new RotctlError(code, `the canary cannot run: ${word.reason}`));
    }
  }

  #die(message: string, cause?: unknown): void {
    this.#dead ??= new RotctlError('INTERNAL', message, cause === undefined ? {} : { cause });
    for (const waiting of this.#waiting.values()) waiting.reject(this.#dead);
    this.#waiting.clear();
  }
}
