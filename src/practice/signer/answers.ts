import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { answerJson } from '../replica/answers.ts';

const MESSAGES: Readonly<Record<string, string>> = {
  AUTH_INVALID_CLIENT: 'unknown client',
  AUTH_MTLS_REQUIRED: 'a verified client certificate is required',
  AUTH_TIMESTAMP_SKEW: 'timestamp outside the allowed window',
  AUTH_INVALID_NONCE: 'invalid nonce',
  AUTH_INVALID_SIGNATURE_FORMAT: 'invalid signature format',
  AUTH_INVALID_HMAC: 'signature does not match',
  REPLAY_NONCE_USED: 'nonce was used before',
  POLICY_SELECTOR_DENIED: 'the policy does not allow this call',
  SIGNER_UNAVAILABLE: 'temporarily unavailable',
};

/** Writes the protocol's error body: `{ error, errorCode, requestId, retryable }`. */
export function answerError(response: ServerResponse, status: number, errorCode: string): void {
  const retryable = status === 429 || status >= 500;
  const error = MESSAGES[errorCode] ?? 'request refused';
  answerJson(response, status, { error, errorCode, requestId: randomUUID(), retryable });
}
