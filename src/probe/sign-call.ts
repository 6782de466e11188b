import { macOf, type Secret } from '../credential/secret.ts';
import type { PlaceholderName } from '../protocol/described/template.ts';
import { KEYRING_HEADERS, type KeyringRequest, keyringCanonicalString } from '../protocol/keyring-v1.ts';
import { type Call, type Completion, digestGiven, type Signed } from './call.ts';
import { signDescribedCall } from './described-call.ts';
import { signGateCall } from './gate-call.ts';

/** Which header of `keyring-v1` carries what. */
const HEADER_OF: Readonly<Partial<Record<PlaceholderName, string>>> = {
  client: KEYRING_HEADERS.clientId,
  timestamp: KEYRING_HEADERS.timestamp,
  nonce: KEYRING_HEADERS.nonce,
  signature: KEYRING_HEADERS.signature,
};

/** Completes and signs a call by the fleet's protocol. */
export async function signCall(call: Call, completion: Completion): Promise<Signed> {
  const { gate, scheme } = completion.settings;
  if (scheme !== undefined) return signDescribedCall(call, scheme, completion);
  return gate === undefined ? signKeyringCall(call, completion) : signGateCall(call, gate, completion);
}

async function signKeyringCall(call: Call, { settings, userAgent, now, freshNonce }: Completion): Promise<Signed> {
  const nonce = call.nonce ?? freshNonce();
  const timestamp = call.timestampText ?? String(Math.round(now + (call.timestampOffsetMs ?? 0)));
  const method = call.method ?? settings.method;
  const path = call.path ?? settings.path;
  const body = Buffer.from(call.body ?? settings.body);
  const signed =
    digestGiven(call) ??
    (await signatureOf(call.secret, { timestamp, nonce: call.signedAs?.nonce ?? nonce, method, path, body }));
  const signature = call.alterSignature?.(signed) ?? signed;
  const sent = call.sentBody === undefined ? body : Buffer.from(call.sentBody);
  const own = keyringHeaders(call, timestamp, nonce, signature);
  for (const part of call.without ?? []) delete own[HEADER_OF[part] ?? ''];
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json',
    'user-agent': userAgent,
    ...(call.bare === true ? {} : own),
  };
  const request = { method: call.sentMethod ?? method, path: call.sentPath ?? path, headers, body: sent };
  return { request, nonce, timestamp };
}

async function signatureOf(secret: Secret | undefined, request: KeyringRequest): Promise<string> {
  return secret === undefined ? '' : (await macOf(secret, keyringCanonicalString(request))).toString('hex');
}

function keyringHeaders(
  { client, sentClient = client, anonymous = false }: Pick<Call, 'client' | 'sentClient' | 'anonymous'>,
  timestamp: string,
  nonce: string,
  signature: string,
): Record<string, string> {
  return {
    ...(anonymous ? {} : { [KEYRING_HEADERS.clientId]: sentClient }),
    [KEYRING_HEADERS.timestamp]: timestamp,
    [KEYRING_HEADERS.nonce]: nonce,
    [KEYRING_HEADERS.signature]: signature,
  };
}
