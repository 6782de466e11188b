import type { Exchange } from '../protocol/outcome.ts';

type Fault = Pick<Extract<Exchange, { kind: 'fault' }>, 'code' | 'detail'>;

/** Alerts by which a peer refuses a certificate, or the lack of one (RFC 8446, section 6.2; `handshake failure` of TLS 1.2). */
const REFUSING: ReadonlySet<string> = new Set([
  'access denied',
  'bad certificate',
  'certificate expired',
  'certificate required',
  'certificate revoked',
  'certificate unknown',
  'decrypt error',
  'handshake failure',
  'unknown ca',
  'unsupported certificate',
]);

/** The library's words for not trusting what a server shows. */
const UNTRUSTED = /^(?:CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|INVALID_(?:CA|PURPOSE)|HOSTNAME_MISMATCH|ERR_TLS_CERT_)/;

/** The TLS alert that a fault tells of: `certificate required`, `unknown ca`; `undefined` where it tells of none. */
export function alertOf({ code, detail }: Fault): string | undefined {
  const [, inCode] = code.match(/_ALERT_([A-Z_]+)$/) ?? [];
  if (inCode !== undefined) return inCode.toLowerCase().replaceAll('_', ' ');
  return detail.match(/\balert ([a-z][a-z ]*[a-z])\b(?=:|$)/)?.[1];
}

/** Whether an alert refuses a certificate, or the lack of one. */
export function isRefusingAlert(alert: string | undefined): boolean {
  return alert !== undefined && REFUSING.has(alert);
}

/** Whether a fault is our own refusal of the certificate that a server shows. */
export function isUntrustedServer({ code }: Pick<Fault, 'code'>): boolean {
  return UNTRUSTED.test(code);
}

/** Whether a connection was broken off without an alert. */
export function isBrokenOff(fault: Fault): boolean {
  return ['ECONNRESET', 'EPIPE', 'EPROTO'].includes(fault.code) && alertOf(fault) === undefined;
}
