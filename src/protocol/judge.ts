import { escapeForeign } from '../errors/escape.ts';
import type { Exchange, Outcome, OutcomeCode, OutcomeRule, RefusalCode } from './outcome.ts';
import { retryAfterMs } from './retry-after.ts';
import { matchRule } from './rules.ts';

type Answer = Extract<Exchange, { kind: 'answer' }>;

/** The statuses that may carry each refusal; anything else with that code is a contradiction and proves nothing. */
const REFUSAL_STATUS: Readonly<Record<RefusalCode, readonly number[]>> = {
  AUTH_INVALID_CLIENT: [401],
  AUTH_MTLS_REQUIRED: [403],
  AUTH_TIMESTAMP_SKEW: [400, 401],
  AUTH_INVALID_NONCE: [400, 401],
  AUTH_INVALID_SIGNATURE_FORMAT: [400, 401],
  AUTH_INVALID_HMAC: [401],
  REPLAY_NONCE_USED: [409],
};

/** A refusal by policy: it comes after the signature and the nonce, so it shows that both were found right. */
const POLICY_CODE = /^POLICY_[A-Z0-9]+(_[A-Z0-9]+)*$/;
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;

/**
 * Judges one `keyring-v1` answer. Pure, and denies by default: what is not recognised is `UNKNOWN` with the reason,
 * never accepted and never refused. The fleet's own rules come first; the first that matches wins.
 *
 * `STORE_FAILED` (503 `SIGNER_UNAVAILABLE`, 500 `INTERNAL_ERROR`) says only that nothing was accepted. It is evidence of
 * "fails closed" while the store is known to be down, and of nothing else at any other time.
 *
 * An `ACCEPTED` is a statement about one answer. That the signer checks signatures at all is shown only by a
 * wrong-secret control that it refuses; callers must send one.
 */
export function judge(exchange: Exchange, rules: readonly OutcomeRule[] = []): Outcome {
  const ruled = matchRule(exchange, rules);
  if (ruled !== undefined) return { code: ruled.outcome, reason: `${glimpse(exchange)} (rule of the fleet)` };
  if (exchange.kind === 'fault') return unknown(faultText(exchange));
  return judgeAnswer(exchange);
}

function judgeAnswer(answer: Answer): Outcome {
  const { status, headers } = answer;
  if (status === 429) return unknown('429 rate limited', retryAfterMs(headers));
  if (status >= 300 && status < 400) return unknown(`${status} redirect to ${shown(headers.location)}`);
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    return unknown(`${status} with content encoding ${shown(encoding)}`);
  }
  if (!JSON_TYPE.test(headers['content-type'] ?? '')) {
    return unknown(`${status} with content type ${shown(headers['content-type'])}`, retryAfterMs(headers));
  }
  const body = parseObject(answer.body);
  if (typeof body === 'string') return unknown(`${status} ${body}`);
  return Object.hasOwn(body, 'errorCode') ? judgeCode(status, body.errorCode) : judgeBare(status, body);
}

function judgeCode(status: number, errorCode: unknown): Outcome {
  if (typeof errorCode !== 'string') return unknown(`${status} with an errorCode that is not text`);
  const reason = `${status} ${escapeForeign(errorCode, 60)}`;
  if (isRefusal(errorCode)) return known(errorCode, reason, REFUSAL_STATUS[errorCode].includes(status));
  if (POLICY_CODE.test(errorCode)) return known('ACCEPTED', reason, status === 422);
  if (errorCode === 'SIGNER_UNAVAILABLE') return known('STORE_FAILED', reason, status === 503);
  if (errorCode === 'INTERNAL_ERROR') return known('STORE_FAILED', reason, status === 500);
  return unknown(`${reason} (not a code of the contract that proves anything)`);
}

/** An object without an `errorCode`: a success of the signer, or something else's page. */
function judgeBare(status: number, body: Readonly<Record<string, unknown>>): Outcome {
  if (status < 200 || status >= 300) return unknown(`${status} without an errorCode`);
  if (Object.keys(body).length === 0) return unknown(`${status} with an empty object`);
  if (Object.hasOwn(body, 'error')) return unknown(`${status} with an error and no errorCode`);
  return { code: 'ACCEPTED', reason: `${status}` };
}

function known(code: OutcomeCode, reason: string, statusFits: boolean): Outcome {
  return statusFits ? { code, reason } : unknown(`${reason} (this status does not belong to this code)`);
}

function unknown(reason: string, wait?: number): Outcome {
  return { code: 'UNKNOWN', reason, ...(wait === undefined ? {} : { retryAfterMs: wait }) };
}

function isRefusal(code: string): code is RefusalCode {
  return Object.hasOwn(REFUSAL_STATUS, code);
}

/** The body as an object, or why it is none, in words that follow a status. */
function parseObject(body: string): Readonly<Record<string, unknown>> | string {
  if (body.trim() === '') return 'with an empty body';
  try {
    const value: unknown = JSON.parse(body);
    if (Array.isArray(value)) return 'with an array for a body';
    if (typeof value !== 'object' || value === null) return 'with a body that is not an object';
    return value as Record<string, unknown>;
  } catch {
    return 'with a body that is not JSON';
  }
}

function glimpse(exchange: Exchange): string {
  return exchange.kind === 'fault' ? faultText(exchange) : `${exchange.status}`;
}

function faultText(fault: Extract<Exchange, { kind: 'fault' }>): string {
  return fault.detail === '' ? fault.code : `${fault.code}: ${escapeForeign(fault.detail, 120)}`;
}

function shown(value: string | undefined): string {
  return value === undefined ? 'none' : `"${escapeForeign(value, 60)}"`;
}
