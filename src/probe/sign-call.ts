import { reveal, type Secret } from '../credential/secret.ts';
import { KEYRING_HEADERS, keyringSignature } from '../protocol/keyring-v1.ts';
import type { Call, Completion, Signed } from './call.ts';
import { signGateCall } from './gate-call.ts';

/** Completes and signs a call by the fleet's protocol. */
export function signCall(call: Call, completion: Completion): Signed {
  const { gate } = completion.settings;
  return gate === undefined ? signKeyringCall(call, completion) : signGateCall(call, gate, completion);
}

function signKeyringCall(call: Call, { settings, userAgent, now, freshNonce }: Completion): Signed {
  const nonce = call.nonce ?? freshNonce();
  const timestamp = call.timestampText ?? String(Math.round(now + (call.timestampOffsetMs ?? 0)));
  const method = call.method ?? settings.method;
  const path = call.path ?? settings.path;
  const body = Buffer.from(call.body ?? settings.body);
  const signed = call.overrideSignature ?? signatureOf(call.secret, { timestamp, nonce, method, path, body });
  const signature = call.alterSignature?.(signed) ?? signed;
  const sent = call.sentBody === undefined ? body : Buffer.from(call.sentBody);
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json',
    'user-agent': userAgent,
    ...(call.bare === true ? {} : keyringHeaders(call.client, timestamp, nonce, signature)),
  };
  const request = { method: call.sentMethod ?? method, path: call.sentPath ?? path, headers, body: sent };
  return { request, nonce, timestamp };
}

function signatureOf(secret: Secret | undefined, request: Parameters<typeof keyringSignature>[1]): string {
  return secret === undefined ? '' : keyringSignature(reveal(secret), request);
}

function keyringHeaders(client: string, timestamp: string, nonce: string, signature: string): Record<string, string> {
  return {
    [KEYRING_HEADERS.clientId]: client,
    [KEYRING_HEADERS.timestamp]: timestamp,
    [KEYRING_HEADERS.nonce]: nonce,
    [KEYRING_HEADERS.signature]: signature,
  };
}
