import type { Endpoint, ProbeSettings } from '../fleet/fleet.ts';
import { judge } from '../protocol/judge.ts';
import type { Exchange, Outcome, OutcomeRule } from '../protocol/outcome.ts';
import { type Call, type Signed, signCall } from './call.ts';
import { createPacer } from './pacer.ts';
import type { Clock, Random, Transport } from './ports.ts';

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
}

/** Makes the prober of one run. */
export function createProber(options: ProberOptions): Prober {
  const { settings, transport, clock, random } = options;
  const pacer = createPacer(clock, settings.perSecond);
  const userAgent = `rotctl/${options.runId}`;
  const sign = (call: Call): Signed =>
    signCall(call, { settings, userAgent, now: clock.now(), freshNonce: () => random.hex(16) });

  const deliver = async (signed: Signed, endpoint: Endpoint, travel: Travel): Promise<ProbeResult> => {
    const at = clock.now();
    const exchange = await transport.send(endpoint, signed.request, {
      fresh: travel.fresh ?? false,
      certificate: travel.certificate ?? true,
      deadlineMs: settings.deadlineMs,
      maxBytes: settings.maxBytes,
    });
    const { nonce, timestamp } = signed;
    return { outcome: judge(exchange, options.outcomes), nonce, timestamp, at, ...trace(exchange) };
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
  };
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
