import { fingerprintOf } from '../../credential/secret.ts';
import type { Recognised } from './authenticate.ts';

/** So many hex digits of a certificate's SHA-256 name it. */
const CERTIFICATE_DIGITS = 16;

/** Counters of one signer, for `GET /metrics`. */
export interface Metrics {
  /** `certificate` is the fingerprint of the one that the caller showed. */
  accepted(caller: Recognised, certificate: string | undefined, userAgent: string): void;
  refused(code: string, userAgent: string): void;
  /** The page, in Prometheus' text format. */
  page(): string;
}

/** Counters that begin at nought. `startedAt` is Unix milliseconds. */
export function makeMetrics(startedAt: number): Metrics {
  const accepted = new Map<string, number>();
  const handshakes = new Map<string, number>();
  const refused = new Map<string, number>();
  return {
    accepted: ({ clientId: client, secret }, fingerprint, userAgent) => {
      const key = secret === undefined ? 'none' : fingerprintOf(Buffer.from(secret));
      const certificate = fingerprint?.slice(0, CERTIFICATE_DIGITS) ?? 'none';
      const caller = callerOf(userAgent);
      bump(accepted, labels({ client, key, caller }));
      bump(handshakes, labels({ client, certificate, caller }));
    },
    refused: (code, userAgent) => bump(refused, labels({ code, caller: callerOf(userAgent) })),
    page: () =>
      [
        ...family('process_start_time_seconds', 'gauge', 'Start of the process, Unix seconds.'),
        `process_start_time_seconds ${startedAt / 1000}`,
        ...family('keyring_accepted_requests_total', 'counter', 'Requests whose signature and nonce were accepted.'),
        ...[...accepted].map(([key, count]) => `keyring_accepted_requests_total${key} ${count}`),
        ...family(
          'keyring_accepted_handshakes_total',
          'counter',
          'Accepted requests by the certificate of their connection, the first digits of its SHA-256.',
        ),
        ...[...handshakes].map(([key, count]) => `keyring_accepted_handshakes_total${key} ${count}`),
        ...family('keyring_refused_requests_total', 'counter', 'Requests that were refused, by code.'),
        ...[...refused].map(([key, count]) => `keyring_refused_requests_total${key} ${count}`),
        '',
      ].join('\n'),
  };
}

function family(name: string, type: string, help: string): readonly string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

function labels(values: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(values).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return `{${pairs.join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function callerOf(userAgent: string): string {
  return userAgent.startsWith('rotctl/') ? 'rotctl' : 'other';
}

function bump(counters: Map<string, number>, key: string): void {
  counters.set(key, (counters.get(key) ?? 0) + 1);
}
