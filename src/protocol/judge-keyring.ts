import { escapeForeign } from '../errors/escape.ts';
import { isRefusal, type Outcome, type OutcomeCode, type RefusalCode, unknown } from './outcome.ts';

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

/**
 * Judges a JSON answer of `keyring-v1` by its status and its `errorCode`.
 *
 * `STORE_FAILED` (503 `SIGNER_UNAVAILABLE`, 500 `INTERNAL_ERROR`) says only that nothing was accepted. It is evidence of
 * "fails closed" while the store is known to be down, and of nothing else at any other time.
 */
export function judgeKeyring(status: number, body: Readonly<Record<string, unknown>>): Outcome {
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
