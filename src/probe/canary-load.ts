import type { Secret } from '../credential/secret.ts';
import type { ProbeSettings } from '../fleet/fleet.ts';
import { judge } from '../protocol/judge.ts';
import type { Exchange, OutcomeRule } from '../protocol/outcome.ts';
import type { Protocol } from '../protocol/protocol.ts';
import { type CanaryCoordinates, type CanaryCounts, CanaryTally } from './canary-counts.ts';
import { KeyIds } from './key-ids.ts';
import type { Clock, WireRequest } from './ports.ts';
import { signCall } from './sign-call.ts';

/** The request that the canary sends, as in the fleet's `probe` settings. */
export type CanaryRequest = Pick<ProbeSettings, 'method' | 'path' | 'body' | 'gate'>;

/** What to send, and how often. */
export interface CanaryPlan {
  readonly routes: readonly string[];
  readonly clients: readonly string[];
  readonly request: CanaryRequest;
  readonly protocol: Protocol;
  /** Requests a second, for each client on each route. */
  readonly ratePerSecond: number;
  /** Named in `User-Agent: rotctl/<run>`, so that the fleet's own gauges can leave the canary out. */
  readonly runId: string;
  readonly rules: readonly OutcomeRule[];
  /** The age, in milliseconds, at which the signers stop accepting a request. */
  readonly maxAgeMs: number;
}

/** What the load needs from outside. `send` never rejects; `nonce` gives 32 lower-case hex digits. */
export interface CanaryPorts {
  readonly clock: Clock;
  nonce(): string;
  send(route: string, request: WireRequest): Promise<Exchange>;
}

/** After a stop longer than this, requests that were due are counted as missed and not sent in a burst. */
const MAX_BACKLOG_MS = 1000;
/** After so many requests in a row the event loop gets its turn, however late they are. */
const MAX_BURST = 32;

interface Flight {
  readonly client: string;
  readonly secret: Secret;
  readonly tally: CanaryTally;
  readonly settled: Promise<void>;
}

/**
 * Open-loop traffic: request `n` is due at a fixed time, whatever became of those before it. Clients × routes take turns,
 * and each of them takes its client's secrets in turn. Latency runs from the time a request was due.
 */
export class CanaryLoad {
  readonly #plan: CanaryPlan;
  readonly #ports: CanaryPorts;
  readonly #streams: readonly { readonly client: string; readonly route: string }[];
  readonly #gapMs: number;
  readonly #flights = new Set<Flight>();
  readonly #halt = new AbortController();
  readonly #onSettled: () => void;
  #secrets: ReadonlyMap<string, readonly Secret[]> = new Map();
  #keyIds: KeyIds = new KeyIds();
  #tally: CanaryTally;
  #origin: number | undefined;
  #sequence = 0;
  #pacing: Promise<void> = Promise.resolve();

  /** `onSettled` is called after each answer. Nothing is sent before `setSecrets`. */
  constructor(plan: CanaryPlan, ports: CanaryPorts, onSettled: () => void = () => {}) {
    this.#plan = plan;
    this.#ports = ports;
    this.#onSettled = onSettled;
    this.#streams = plan.routes.flatMap((route) => plan.clients.map((client) => ({ client, route })));
    this.#gapMs = 1000 / (plan.ratePerSecond * Math.max(1, this.#streams.length));
    this.#tally = this.#openWindow('start');
  }

  /**
   * Changes which secrets are sent, at once, and resolves when no request is on its way that was signed with a secret
   * that was in use and no longer is. Each is sent under its key id, where the protocol has them.
   */
  async setSecrets(secrets: ReadonlyMap<string, readonly Secret[]>, keyIds = new KeyIds()): Promise<void> {
    this.#secrets = secrets;
    this.#keyIds = keyIds;
    const kept = (flight: Flight): boolean =>
      secrets.get(flight.client)?.some((secret) => secret.fingerprint === flight.secret.fingerprint) ?? false;
    if (this.#origin === undefined && !this.#halt.signal.aborted) this.#pacing = this.#pace();
    await this.#drain((flight) => !kept(flight));
  }

  /** The present window so far. */
  snapshot(): CanaryCounts {
    return this.#tally.counts(this.#ports.clock.monotonic());
  }

  /** Opens a new window and resolves to the previous one, when its last request has settled. */
  async mark(label: string): Promise<CanaryCounts> {
    const closed = this.#tally;
    this.#tally = this.#openWindow(label);
    return this.#finish(closed);
  }

  /** Sends no more, and resolves to the present window, when its last request has settled. */
  async stop(): Promise<CanaryCounts> {
    this.#halt.abort();
    await this.#pacing;
    return this.#finish(this.#tally);
  }

  async #finish(tally: CanaryTally): Promise<CanaryCounts> {
    tally.close(this.#ports.clock.monotonic());
    await this.#drain((flight) => flight.tally === tally);
    return tally.counts(this.#ports.clock.monotonic());
  }

  async #drain(matches: (flight: Flight) => boolean): Promise<void> {
    await Promise.all([...this.#flights].filter(matches).map((flight) => flight.settled));
  }

  #openWindow(label: string): CanaryTally {
    return new CanaryTally(label, this.#ports.clock.now(), this.#ports.clock.monotonic());
  }

  async #pace(): Promise<void> {
    const { clock } = this.#ports;
    const origin = clock.monotonic();
    this.#origin = origin;
    let burst = 0;
    while (!this.#halt.signal.aborted) {
      const due = origin + this.#sequence * this.#gapMs;
      const early = due - clock.monotonic();
      if (early > 0 || burst >= MAX_BURST) {
        burst = 0;
        await clock.sleep(Math.max(0, early), this.#halt.signal).catch(() => undefined);
        continue;
      }
      if (-early > MAX_BACKLOG_MS) this.#skip(-early);
      else this.#launch(due);
      burst += 1;
    }
  }

  #skip(lateMs: number): void {
    const skipped = Math.max(1, Math.floor(lateMs / this.#gapMs));
    this.#sequence += skipped;
    this.#tally.missed(skipped);
  }

  #launch(due: number): void {
    const stream = this.#streams[this.#sequence % this.#streams.length];
    const turn = Math.floor(this.#sequence / Math.max(1, this.#streams.length));
    this.#sequence += 1;
    const secrets = stream === undefined ? [] : (this.#secrets.get(stream.client) ?? []);
    const secret = secrets[turn % Math.max(1, secrets.length)];
    if (stream === undefined || secret === undefined) return;
    const tally = this.#tally;
    const at = { ...stream, fingerprint: secret.fingerprint };
    tally.sent(at, this.#ports.clock.monotonic() - due);
    const flight: Flight = { client: stream.client, secret, tally, settled: this.#fly(at, secret, tally, due) };
    this.#flights.add(flight);
    void flight.settled.finally(() => this.#flights.delete(flight));
  }

  async #fly(at: CanaryCoordinates, secret: Secret, tally: CanaryTally, due: number): Promise<void> {
    const { clock } = this.#ports;
    const { rules, maxAgeMs, protocol } = this.#plan;
    const signedAt = clock.now();
    const exchange = await this.#ports.send(at.route, this.#signed(at.client, secret, signedAt));
    const now = clock.now();
    const times = { latencyMs: clock.monotonic() - due, agedMs: now - signedAt, maxAgeMs };
    tally.settled(at, exchange, judge(exchange, rules, protocol), times, now);
    this.#onSettled();
  }

  #signed(client: string, secret: Secret, at: number): WireRequest {
    const completion = {
      settings: this.#plan.request,
      userAgent: `rotctl/${this.#plan.runId}`,
      now: Math.trunc(at),
      freshNonce: this.#ports.nonce,
      keyIdOf: (one: Secret | undefined) => this.#keyIds.of(one),
    };
    return signCall({ client, secret }, completion).request;
  }
}
