import { macOf, type Secret } from '../credential/secret.ts';
import type { GateProbe } from '../fleet/fleet.ts';
import type { PlaceholderName } from '../protocol/described/template.ts';
import { type GateRequest, gateSignature, gateSignedString } from '../protocol/gate-v1.ts';
import { type Call, type Completion, digestGiven, type Signed } from './call.ts';

/** Which field of the body carries what. */
const FIELD_OF: Readonly<Partial<Record<PlaceholderName, string>>> = {
  timestamp: 'ts',
  nonce: 'nonce',
  signature: 'signature',
};

/**
 * Completes and signs a call of `gate-v1`. It never bears an `idempotency_key`, which a gate may answer from a cache
 * before it looks at the signature. `timestamp` of the result is Unix milliseconds, as for every protocol.
 */
export async function signGateCall(call: Call, gate: GateProbe, completion: Completion): Promise<Signed> {
  const { settings, userAgent, now, freshNonce, keyIdOf } = completion;
  const nonce = call.nonce ?? freshNonce();
  const at = Math.round(now + (call.timestampOffsetMs ?? 0));
  const { tool, session, actor, conviction, params } = gate;
  const asked: GateRequest = { actor, session, tool, nonce, seconds: Math.floor(at / 1000) };
  const signed = { ...asked, ...call.signedInstead };
  const under = async (secret: Secret) => gateSignature(keyIdOf(secret), await digestOf(secret, signed));
  const also = await Promise.all((call.also ?? []).map(under));
  const signature = await signatureOf(call, signed, keyIdOf);
  const body: Record<string, unknown> = {
    tool,
    params,
    conviction,
    actor_did: actor,
    session_id: session,
    nonce,
    ts: at / 1000,
    ...(call.bare === true ? {} : { signature }),
    ...(also.length === 0 ? {} : { signatures: [signature, ...also] }),
  };
  for (const part of call.without ?? []) delete body[FIELD_OF[part] ?? ''];
  const headers = { 'content-type': 'application/json', accept: 'application/json', 'user-agent': userAgent };
  const { method, path } = settings;
  return {
    request: { method, path, headers, body: Buffer.from(JSON.stringify(body)) },
    nonce,
    timestamp: String(at),
  };
}

/** The first signature: made with the call's secret, or as the call overrides or alters its digest. */
async function signatureOf(call: Call, signed: GateRequest, keyIdOf: Completion['keyIdOf']): Promise<string> {
  const digest = digestGiven(call) ?? (call.secret === undefined ? '' : await digestOf(call.secret, signed));
  return gateSignature(call.keyId ?? keyIdOf(call.secret), call.alterSignature?.(digest) ?? digest);
}

async function digestOf(secret: Secret, signed: GateRequest): Promise<string> {
  return (await macOf(secret, gateSignedString(signed))).toString('hex');
}
