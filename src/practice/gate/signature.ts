import { createHmac } from 'node:crypto';

/** What `gate-v1` signs. `ts` is Unix seconds, of which only the whole ones are signed. */
export interface GateFields {
  readonly actor: string;
  readonly session: string;
  readonly tool: string;
  readonly nonce: string;
  readonly ts: number;
}

/** HMAC-SHA256 of the signed string, under the secret's UTF-8 bytes. */
export function gateDigest(secret: string, { actor, session, tool, nonce, ts }: GateFields): Buffer {
  const signed = [actor, session, tool, nonce, String(Math.trunc(ts))].join('|');
  return createHmac('sha256', Buffer.from(secret, 'utf8')).update(signed, 'utf8').digest();
}
