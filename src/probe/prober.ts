import type { Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Endpoint, ProbeSettings } from '../fleet/fleet.ts';
import type { Lockout } from '../fleet/lockout.ts';
import { harmOf } from '../protocol/inert.ts';
import { judge } from '../protocol/judge.ts';
import type { Exchange, Outcome, OutcomeRule } from '../protocol/outcome.ts';
import type { Protocol } from '../protocol/protocol.ts';
import { Brake } from './brake.ts';
import type { Call, Signed } from './call.ts';
import { freshNonce as freshNonceOf } from './described-call.ts';
import { alertOf } from './handshake-fault.ts';
import type { IdentityWatch } from './identity-watch.ts';
import { idsOf, KeyIds } from './key-ids.ts';
import { LockoutBudget, type OnLockoutWait, type Refused } from './lockout.ts';
import { createPacer } from './pacer.ts';
import type { Clock, KeptLimits, Presented, Random, SendOptions, TlsVersion, Transport, WireRequest } from './ports.ts';
import { signCall } from './sign-call.ts';

/** Headers by which a signer may say which process answered. */
const INSTANCE_HEADERS = ['x-signer-instance', 'x-instance-id'] as const;

/** How one probe travels. */
export interface Travel {
  /** A new connection of its own; by default a warm one is used. Negative probes are sent fresh. */
  readonly fresh?: boolean;
  /** What to present in the handshake; by default our own certificate. */
  readonly certificate?: Presented;
  /** The only version of TLS that is offered; by default 1.2 and 1.3 are. */
  readonly version?: TlsVersion;
  /** The caller has already taken this request's turn from the pacer. */
  readonly paid?: boolean;
  /** What it goes over, where that is no connection of the transport's; `fresh` and `certificate` then say nothing. */
  readonly over?: (request: WireRequest, limits: KeptLimits) => Promise<Exchange>;
  /** It is sent to be refused: it waits while more refusals could lock out, unless the caller has claimed its turn. */
  readonly refusal?: 'due' | 'claimed';
}

/** A probe that was sent and judged. */
export interface ProbeResult {
  readonly outcome: Outcome;
  readonly nonce: string;
  readonly timestamp: string;
  /** Unix milliseconds at which it was handed to the network, and how long the exchange took. */
  readonly at: number;
  readonly ms: number;
  /** HTTP status; absent when a fault came instead of an answer. */
  readonly status?: number;
  readonly fault?: { readonly code: string; readonly sent: boolean; readonly alert?: string };
  /** SHA-256 fingerprint of the certificate of whoever answered. */
  readonly peer?: string;
  /** What the answer says of the process that gave it. */
  readonly instance?: string;
}

/** Everything about one fleet and one run that a probe needs. */
export interface ProberOptions {
  readonly settings: ProbeSettings;
  readonly outcomes: readonly OutcomeRule[];
  /** Replaces every known secret in a text: the reason of an outcome shows what services answer. */
  readonly redact?: (text: string) => string;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  /** By default `keyring-v1`. */
  readonly protocol?: Protocol;
  /** The key ids that secrets sign under, for a protocol that has them. */
  readonly keyIds?: KeyIds;
  /** Told who answered, after each exchange. */
  readonly identities?: Pick<IdentityWatch, 'saw'>;
  /** Appears in `User-Agent: rotctl/<runId>`, so that what we send can be told apart. */
  readonly runId: string;
  /** What locks a caller out; by default nothing does. */
  readonly lockout?: Lockout | 'none' | undefined;
  /** Told of waits for it. */
  readonly onLockoutWait?: OnLockoutWait;
  /** Pulled by an accepted probe whose answer is not inert; shared with whatever else sends. */
  readonly brake?: Brake;
}

/**
 * Sends signed requests to one fleet and judges the answers. A bad answer is an outcome, never a throw; only the one that
 * shows that a probe may have done harm is: then this and every later request rejects with `PROBE_NOT_INERT`.
 */
export interface Prober {
  /** Waits for the pacer's turn, signs with the time of that moment, sends, judges. */
  probe(call: Call & Travel & { readonly endpoint: Endpoint }): Promise<ProbeResult>;
  /**
   * Completes and signs a call now, to be sent once or several times with the same bytes. A key whose holder does not
   * answer gives a `Signed` that says so, and that `send` answers with a fault.
   */
  sign(call: Call): Promise<Signed>;
  /** Sends what was signed before. */
  send(signed: Signed, endpoint: Endpoint, travel?: Travel): Promise<ProbeResult>;
  /** Takes the turns of `count` requests that will be sent at once with `paid`. */
  reserve(endpoint: Endpoint, count: number): Promise<void>;
  /**
   * Takes the turns of refusals that will be met with `refusal: claimed`, one at each address, as soon as that locks nobody
   * out. What is to be refused within a short time of something else must not wait in between.
   *
   * @param holdMs how much later they will be met, in milliseconds
   */
  claim(client: string, endpoints: readonly Endpoint[], holdMs?: number): Promise<void>;
  /** The most refusals that may be met at a time. */
  readonly mostRefusals: number;
  /** The key id that a secret signs under; `undefined` where the protocol has none. */
  keyIdOf(secret: Secret): string | undefined;
  /** Every key id under which a refusal of a secret must be seen, its own first; none where the protocol has none. */
  keyIdsFor(secret: Secret, client?: string): readonly string[];
  /** Whether all probing has been stopped. */
  readonly brake: Brake;
  /** A nonce that nobody has sent, in the form that the fleet's services take; of these hex digits, where some are given. */
  nonce(core?: string): string;
  /** How many of our requests to this address were refused for their signature until now. */
  refusals(endpoint: Endpoint): RefusalCount;
}

/** Counted refusals for a signature. A request that came to nothing may have been refused or not: `most` has it. */
export interface RefusalCount {
  readonly least: number;
  readonly most: number;
}

/** Makes the prober of one run. */
export function createProber(options: ProberOptions): Prober {
  const { settings, transport, clock, random, protocol = 'keyring-v1', keyIds = new KeyIds() } = options;
  const { brake = new Brake() } = options;
  const refusals = new Map<string, RefusalCount>();
  const budget = new LockoutBudget(
    clock,
    options.lockout,
    3 * settings.deadlineMs,
    brake.signal,
    options.onLockoutWait,
  );
  const pacer = createPacer(clock, settings.perSecond);
  const userAgent = `rotctl/${options.runId}`;
  const ids = idsOf(settings.scheme, protocol, keyIds);
  const sign = (call: Call): Promise<Signed> => {
    const now = clock.now();
    const freshNonce = () => random.hex(16);
    ids.learn(call);
    return signCall(call, { settings, userAgent, now, freshNonce, keyIdOf: (secret) => keyIds.of(secret) })
      .catch((error: unknown) => unsignedOr(error, now))
      .then((signed) => ({ ...signed, client: call.client }));
  };

  const deliver = async (signed: Signed, endpoint: Endpoint, travel: Travel): Promise<ProbeResult> => {
    brake.check();
    const at = clock.now();
    const { deadlineMs, maxBytes } = settings;
    const how: SendOptions = {
      fresh: travel.fresh ?? false,
      certificate: travel.certificate ?? true,
      ...(travel.version === undefined ? {} : { version: travel.version }),
      deadlineMs,
      maxBytes,
    };
    const over = travel.over ?? ((request) => transport.send(endpoint, request, how));
    const exchange = unsent(signed) ?? (await over(signed.request, { deadlineMs, maxBytes }));
    const { nonce, timestamp } = signed;
    const outcome = judge(exchange, options.outcomes, protocol, options.redact);
    if (travel.refusal === undefined) budget.met(refusedAt(endpoint, signed), outcome.code);
    count(refusals, endpoint.url.host, exchange, outcome);
    const judged = outcome.code === 'ACCEPTED' && !isAstray(signed, settings);
    const harm = judged ? harmOf(exchange, settings.inert, protocol) : undefined;
    if (harm !== undefined) brake.pull({ at: nameOf(endpoint), client: signed.client ?? '', answer: harm });
    brake.check();
    const traced = trace(exchange);
    options.identities?.saw(endpoint, traced);
    return { outcome, nonce, timestamp, at, ...traced };
  };

  return {
    sign,
    async send(signed, endpoint, travel = {}) {
      if (travel.paid !== true) await pacer.turn(endpoint.url.host);
      if (travel.refusal === 'due') await budget.claim([refusedAt(endpoint, signed)]);
      return deliver(signed, endpoint, travel);
    },
    async probe({ endpoint, fresh = false, certificate = true, version, over, paid, refusal, ...call }) {
      if (paid !== true) await pacer.turn(endpoint.url.host);
      if (refusal === 'due') await budget.claim([refusedAt(endpoint, call)]);
      const way = { ...(version === undefined ? {} : { version }), ...(over === undefined ? {} : { over }) };
      const travel = { fresh, certificate, ...way };
      return deliver(await sign(call), endpoint, { ...travel, ...(refusal === undefined ? {} : { refusal }) });
    },
    claim: (client, endpoints, holdMs) =>
      budget.claim(
        endpoints.map((endpoint) => refusedAt(endpoint, { client })),
        holdMs,
      ),
    mostRefusals: budget.most,
    reserve: (endpoint, count) => pacer.turn(endpoint.url.host, count),
    keyIdOf: ids.of,
    keyIdsFor: ids.every,
    brake,
    nonce(core) {
      const { scheme } = settings;
      const hex = (): string => core ?? random.hex(16);
      return scheme === undefined ? hex() : freshNonceOf(scheme, hex);
    },
    refusals: ({ url }) => refusals.get(url.host) ?? { least: 0, most: 0 },
  };
}

/** A request that could not be signed; anything else that was thrown is thrown on. */
function unsignedOr(error: unknown, now: number): Signed {
  if (!(error instanceof RotctlError) || error.code !== 'SECRET_UNAVAILABLE') throw error;
  const request = { method: 'POST', path: '/', headers: {}, body: undefined };
  return { request, nonce: '', timestamp: String(Math.round(now)), unsigned: error.message };
}

/** The fault that stands for sending what could not be signed; `undefined` for what was. */
function unsent({ unsigned }: Pick<Signed, 'unsigned'>): Exchange | undefined {
  if (unsigned === undefined) return undefined;
  return { kind: 'fault', code: 'SIGNER_UNAVAILABLE', detail: unsigned, sent: false, ms: 0 };
}

/** Whether a request went to another place than probes do: then what answers says nothing of them. */
function isAstray({ request }: Signed, { method, path }: ProbeSettings): boolean {
  return request.method !== method || request.path !== path;
}

function refusedAt({ url }: Endpoint, { client = '' }: { readonly client?: string }): Refused {
  return { client, host: url.host };
}

/** The name under which an address is reported, where it has one. */
function nameOf(endpoint: Endpoint): string {
  return 'name' in endpoint && typeof endpoint.name === 'string' ? endpoint.name : endpoint.url.host;
}

function count(refusals: Map<string, RefusalCount>, host: string, exchange: Exchange, outcome: Outcome): void {
  const surely = outcome.code === 'AUTH_INVALID_HMAC' ? 1 : 0;
  const maybe = exchange.kind === 'fault' && exchange.sent ? 1 : surely;
  const { least, most } = refusals.get(host) ?? { least: 0, most: 0 };
  refusals.set(host, { least: least + surely, most: most + maybe });
}

function trace(exchange: Exchange): Pick<ProbeResult, 'ms' | 'status' | 'fault' | 'peer' | 'instance'> {
  const { ms } = exchange;
  if (exchange.kind === 'fault') {
    const { code, sent } = exchange;
    const alert = alertOf(exchange);
    return { ms, fault: { code, sent, ...(alert === undefined ? {} : { alert }) } };
  }
  const instance = INSTANCE_HEADERS.map((name) => exchange.headers[name]).find((value) => value !== undefined);
  return {
    ms,
    status: exchange.status,
    ...(exchange.peer === undefined ? {} : { peer: exchange.peer }),
    ...(instance === undefined ? {} : { instance }),
  };
}
