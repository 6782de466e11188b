import { randomBytes } from 'node:crypto';
import { type Key, keysOf } from '../gate/material.ts';
import { type GateFields, gateDigest } from '../gate/signature.ts';
import type { Dialect, RequestOutcome } from '../traffic/sender.ts';
import type { ServiceConfig } from './config.ts';

/** Answers that refuse the request itself; any other failure is a fault. */
const REFUSALS = [400, 401, 403, 409, 422];

/** How a signing service talks: `gate-v1`, with the secrets as they are at each request. */
export function gateDialect(config: ServiceConfig): Dialect {
  return {
    sign: () => ({
      headers: { 'content-type': 'application/json', 'user-agent': 'practice-service/1' },
      body: Buffer.from(JSON.stringify(signedRequest(config))),
    }),
    outcomeOf,
    stale: '401 request timestamp outside allowed window',
  };
}

function signedRequest(config: ServiceConfig): Record<string, unknown> {
  const { primary, previous } = keysOf(config.material);
  if (primary === undefined) throw Object.assign(new Error('it has no secret'), { code: 'NO_SECRET' });
  const { actor, session, tool } = config;
  const fields = { actor, session, tool, nonce: randomBytes(16).toString('hex'), ts: Date.now() / 1000 };
  const both = [primary, previous].filter((key) => key !== undefined).map((key) => signatureOf(key, fields));
  return {
    tool,
    params: { amount: 1 },
    conviction: 5,
    actor_did: actor,
    session_id: session,
    nonce: fields.nonce,
    ts: fields.ts,
    signature: both[0],
    ...(config.dualSign ? { signatures: both } : {}),
  };
}

function signatureOf({ id, secret }: Key, fields: GateFields): string {
  return `${id}:${gateDigest(secret, fields).toString('hex')}`;
}

function outcomeOf(status: number, text: string): RequestOutcome {
  if (status === 200) return { kind: 'accepted', code: 'ACCEPTED' };
  const detail = /"detail":"([a-zA-Z ]{1,64})"/.exec(text)?.[1];
  const code = detail === undefined ? `HTTP ${status}` : `${status} ${detail}`;
  return { kind: REFUSALS.includes(status) ? 'refused' : 'fault', code };
}
