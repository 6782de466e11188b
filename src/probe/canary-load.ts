import type { Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { ProbeSettings } from '../fleet/fleet.ts';
import { harmOf, type InertAnswer } from '../protocol/inert.ts';
import { judge } from '../protocol/judge.ts';
import type { Exchange, OutcomeRule } from '../protocol/outcome.ts';
import type { Protocol } from '../protocol/protocol.ts';
import type { Harm } from './brake.ts';
import { type CanaryCoordinates, type CanaryCounts, CanaryTally } from './canary-counts.ts';
import { CanaryHandshakes, type CanaryTrace } from './canary-handshakes.ts';
import { KeyIds } from './key-ids.ts';
import type { Clock, WireRequest } from './ports.ts';
import { signCall } from './sign-call.ts';

/** The request that the canary sends, as in the fleet's `probe` settings. */
export type CanaryRequest = Pick<ProbeSettings, 'method' | 'path' | 'body' | 'gate' | 'scheme'>;

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
  /** Answers below 400 that an accepted request may get; any other ends the traffic at once. */
  readonly inert?: readonly InertAnswer[];
  /** The age, in milliseconds, at which the signers stop accepting a request. */
  readonly maxAgeMs: number;
}

/** What the load needs from outside. `send` never rejects; `nonce` gives 32 lower-case hex digits. */
export interface CanaryPorts {
  readonly clock: Clock;
  nonce(): string;
  /** @param certificate the name of the identity to present; `undefined` for what the wires began with */
  send(route: string, request: WireRequest, certificate?: string): Promise<Exchange & CanaryTrace>;
}

/** After a stop longer than this, requests that were due are counted as missed and not sent in a burst. */
const MAX_BACKLOG_MS = 1000;
/**
 * So many requests at most wait for holders of keys to sign them; what is due beyond is missed. Few, because the probes
 * wait for the same holders, and what is signed late is refused for its age.
 */
const MAX_SIGNING = 4;
/** After so many requests in a row the event loop gets its turn, however late they are. */
const MAX_BURST = 32;

interface Flight {
  readonly client: string;
  readonly secret: Secret;
  readonly certificate: string | undefined;
  readonly tally: CanaryTally;
  readonly settled: Promise<void>;
}

/**
 * Open-loop traffic: request `n` is due at a fixed time, whatever became of those before it. Clients × routes take turns,
 * and each of them takes its client's secrets in turn, and each secret the certificates in turn. Latency runs from the time a request was due.
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
  #certificates: ReadonlyMap<string, readonly string[]> | undefined;
  readonly #handshakes = new CanaryHandshakes();
  #tally: CanaryTally;
  #origin: number | undefined;
  #sequence = 0;
  #signing = 0;
  #harm: Harm | undefined;
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

  /**
   * Changes which certificates are presented for each client, by name, at once; resolves when no request is on its way that
   * was to present another one.
   */
  async setCertificates(names: ReadonlyMap<string, readonly string[]>): Promise<void> {
    this.#certificates = names;
    await this.#drain(
      ({ client, certificate }) => certificate === undefined || !names.get(client)?.includes(certificate),
    );
  }

  /** What the traffic was ended for, if so. */
  get harm(): Harm | undefined {
    return this.#harm;
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
    if (secret.isHeldElsewhere && this.#signing >= MAX_SIGNING) {
      tally.missed(1);
      return;
    }
    const certificates = this.#certificates?.get(stream.client) ?? [];
    const certificate = certificates[Math.floor(turn / secrets.length) % Math.max(1, certificates.length)];
    const at = {
      ...stream,
      fingerprint: secret.fingerprint,
      ...(certificate === undefined ? {} : { certificate }),
    };
    tally.sent(at, this.#ports.clock.monotonic() - due);
    const settled = this.#fly(at, secret, tally, due);
    const flight: Flight = { client: stream.client, secret, certificate, tally, settled };
    this.#flights.add(flight);
    void flight.settled.finally(() => this.#flights.delete(flight));
  }

  async #fly(at: CanaryCoordinates, secret: Secret, tally: CanaryTally, due: number): Promise<void> {
    const { clock } = this.#ports;
    const { rules, inert, maxAgeMs, protocol } = this.#plan;
    const signedAt = clock.now();
    const exchange = await this.#exchange(at, secret, signedAt);
    const now = clock.now();
    const times = { latencyMs: clock.monotonic() - due, agedMs: now - signedAt, maxAgeMs };
    const outcome = judge(exchange, rules, protocol);
    const refusal = this.#handshakes.judge(at, exchange, { due, now: clock.monotonic() }, (refused) =>
      tally.recount(at, exchange, outcome, refused, now),
    );
    if (refusal === undefined) tally.settled(at, exchange, outcome, times, now);
    else tally.refusedEarly(at, refusal, times, now);
    const answer = outcome.code === 'ACCEPTED' ? harmOf(exchange, inert, protocol) : undefined;
    if (answer !== undefined) this.#stopFor({ at: at.route, client: at.client, answer });
    this.#onSettled();
  }

  /** Nothing more is sent: what an accepted request was answered may mean that it did something. */
  #stopFor(harm: Harm): void {
    this.#harm ??= harm;
    this.#halt.abort();
  }

  async #exchange(
    { client, route, certificate }: CanaryCoordinates,
    secret: Secret,
    at: number,
  ): Promise<Exchange & CanaryTrace> {
    this.#signing += 1;
    const signed = await this.#signed(client, secret, at).finally(() => {
      this.#signing -= 1;
    });
    if (this.#harm !== undefined) return signerFault('the traffic has ended');
    return typeof signed === 'string' ? signerFault(signed) : this.#ports.send(route, signed, certificate);
  }

  /** The request, or why the key's holder gave no signature. */
  async #signed(client: string, secret: Secret, at: number): Promise<WireRequest | string> {
    const completion = {
      settings: this.#plan.request,
      userAgent: `rotctl/${this.#plan.runId}`,
      now: Math.trunc(at),
      freshNonce: this.#ports.nonce,
      keyIdOf: (one: Secret | undefined) => this.#keyIds.of(one),
    };
    try {
      return (await signCall({ client, secret }, completion)).request;
    } catch (error) {
      if (error instanceof RotctlError && error.code === 'SECRET_UNAVAILABLE') return error.message;
      throw error;
    }
  }
}

function signerFault(detail: string): Exchange {
  return { kind: 'fault', code: 'SIGNER_UNAVAILABLE', detail, sent: false, ms: 0 };
}
