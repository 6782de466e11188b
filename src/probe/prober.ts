import type { Secret } from '../credential/secret.ts';
import type { Endpoint, ProbeSettings } from '../fleet/fleet.ts';
import { judge } from '../protocol/judge.ts';
import type { Exchange, Outcome, OutcomeRule } from '../protocol/outcome.ts';
import type { Protocol } from '../protocol/protocol.ts';
import type { Call, Signed } from './call.ts';
import { KeyIds } from './key-ids.ts';
import { createPacer } from './pacer.ts';
import type { Clock, Random, Transport } from './ports.ts';
import { signCall } from './sign-call.ts';

/** Headers by which a signer may say which process answered. */
const INSTANCE_HEADERS = ['x-signer-instance', 'x-instance-id'] as const;

/** How one probe travels. */
export interface Travel {
  /** A new connection of its own; by default a warm one is used. Negative probes are sent fresh. */
  readonly fresh?: boolean;
  /** Whether to present our client certificate; by default yes. */
  readonly certificate?: boolean;
  /** The caller has already taken this request's turn from the pacer. */
  readonly paid?: boolean;
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
  readonly fault?: { readonly code: string; readonly sent: boolean };
  /** SHA-256 fingerprint of the certificate of whoever answered. */
  readonly peer?: string;
  /** What the answer says of the process that gave it. */
  readonly instance?: string;
}

/** Everything about one fleet and one run that a probe needs. */
export interface ProberOptions {
  readonly settings: ProbeSettings;
  readonly outcomes: readonly OutcomeRule[];
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  /** By default `keyring-v1`. */
  readonly protocol?: Protocol;
  /** The key ids that secrets sign under, for a protocol that has them. */
  readonly keyIds?: KeyIds;
  /** Appears in `User-Agent: rotctl/<runId>`, so that what we send can be told apart. */
  readonly runId: string;
}

/** Sends signed requests to one fleet and judges the answers. A bad answer is an outcome, never a throw. */
export interface Prober {
  /** Waits for the pacer's turn, signs with the time of that moment, sends, judges. */
  probe(call: Call & Travel & { readonly endpoint: Endpoint }): Promise<ProbeResult>;
  /** Completes and signs a call now, to be sent once or several times with the same bytes. */
  sign(call: Call): Signed;
  /** Sends what was signed before. */
  send(signed: Signed, endpoint: Endpoint, travel?: Travel): Promise<ProbeResult>;
  /** Takes the turns of `count` requests that will be sent at once with `paid`. */
  reserve(endpoint: Endpoint, count: number): Promise<void>;
  /** The key id that a secret signs under; `undefined` where the protocol has none. */
  keyIdOf(secret: Secret): string | undefined;
  /** Every key id under which a refusal of a secret must be seen, its own first; none where the protocol has none. */
  keyIdsFor(secret: Secret): readonly string[];
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
  const refusals = new Map<string, RefusalCount>();
  const pacer = createPacer(clock, settings.perSecond);
  const userAgent = `rotctl/${options.runId}`;
  const sign = (call: Call): Signed =>
    signCall(call, {
      settings,
      userAgent,
      now: clock.now(),
      freshNonce: () => random.hex(16),
      keyIdOf: (secret) => keyIds.of(secret),
    });

  const deliver = async (signed: Signed, endpoint: Endpoint, travel: Travel): Promise<ProbeResult> => {
    const at = clock.now();
    const exchange = await transport.send(endpoint, signed.request, {
      fresh: travel.fresh ?? false,
      certificate: travel.certificate ?? true,
      deadlineMs: settings.deadlineMs,
      maxBytes: settings.maxBytes,
    });
    const { nonce, timestamp } = signed;
    const outcome = judge(exchange, options.outcomes, protocol);
    count(refusals, endpoint.url.host, exchange, outcome);
    return { outcome, nonce, timestamp, at, ...trace(exchange) };
  };

  return {
    sign,
    async send(signed, endpoint, travel = {}) {
      if (travel.paid !== true) await pacer.turn(endpoint.url.host);
      return deliver(signed, endpoint, travel);
    },
    async probe({ endpoint, fresh, certificate, paid, ...call }) {
      if (paid !== true) await pacer.turn(endpoint.url.host);
      return deliver(sign(call), endpoint, { fresh: fresh ?? false, certificate: certificate ?? true });
    },
    reserve: (endpoint, count) => pacer.turn(endpoint.url.host, count),
    keyIdOf: (secret) => (protocol === 'gate-v1' ? keyIds.of(secret) : undefined),
    keyIdsFor: (secret) => (protocol === 'gate-v1' ? keyIds.every(secret) : []),
    refusals: ({ url }) => refusals.get(url.host) ?? { least: 0, most: 0 },
  };
}

function count(refusals: Map<string, RefusalCount>, host: string, exchange: Exchange, outcome: Outcome): void {
  const surely = outcome.code === 'AUTH_INVALID_HMAC' ? 1 : 0;
  const maybe = exchange.kind === 'fault' && exchange.sent ? 1 : surely;
  const { least, most } = refusals.get(host) ?? { least: 0, most: 0 };
  refusals.set(host, { least: least + surely, most: most + maybe });
}

function trace(exchange: Exchange): Pick<ProbeResult, 'ms' | 'status' | 'fault' | 'peer' | 'instance'> {
  const { ms } = exchange;
  if (exchange.kind === 'fault') return { ms, fault: { code: exchange.code, sent: exchange.sent } };
  const instance = INSTANCE_HEADERS.map((name) => exchange.headers[name]).find((value) => value !== undefined);
  return {
    ms,
    status: exchange.status,
    ...(exchange.peer === undefined ? {} : { peer: exchange.peer }),
    ...(instance === undefined ? {} : { instance }),
  };
}
