import { reveal, type Secret } from '../credential/secret.ts';
import type { GateProbe } from '../fleet/fleet.ts';
import { type GateRequest, gateDigest, gateSignature } from '../protocol/gate-v1.ts';
import type { Call, Completion, Signed } from './call.ts';

/**
 * Completes and signs a call of `gate-v1`. It never bears an `idempotency_key`, which a gate may answer from a cache
 * before it looks at the signature. `timestamp` of the result is Unix milliseconds, as for every protocol.
 */
export function signGateCall(call: Call, gate: GateProbe, completion: Completion): Signed {
  const { settings, userAgent, now, freshNonce, keyIdOf } = completion;
  const nonce = call.nonce ?? freshNonce();
  const at = Math.round(now + (call.timestampOffsetMs ?? 0));
  const { tool, session, actor, conviction, params } = gate;
  const asked: GateRequest = { actor, session, tool, nonce, seconds: Math.floor(at / 1000) };
  const signed = { ...asked, ...call.signedInstead };
  const under = (secret: Secret, keyId = keyIdOf(secret)) => gateSignature(keyId, gateDigest(reveal(secret), signed));
  const also = (call.also ?? []).map((secret) => under(secret));
  const signature = signatureOf(call, signed, keyIdOf);
  const body = {
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
  const headers = { 'content-type': 'application/json', accept: 'application/json', 'user-agent': userAgent };
  const { method, path } = settings;
  return {
    request: { method, path, headers, body: Buffer.from(JSON.stringify(body)) },
    nonce,
    timestamp: String(at),
  };
}

/** The first signature: made with the call's secret, or as the call overrides or alters its digest. */
function signatureOf(call: Call, signed: GateRequest, keyIdOf: Completion['keyIdOf']): string {
  const made = call.secret === undefined ? '' : gateDigest(reveal(call.secret), signed);
  const digest = call.overrideSignature ?? made;
  return gateSignature(call.keyId ?? keyIdOf(call.secret), call.alterSignature?.(digest) ?? digest);
}
