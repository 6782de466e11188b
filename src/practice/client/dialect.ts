import { randomBytes } from 'node:crypto';
import { KEYRING_HEADERS, keyringSignature } from '../../protocol/keyring-v1.ts';
import type { Dialect, RequestOutcome } from '../traffic/sender.ts';
import type { ClientConfig } from './config.ts';

/** How a client of signers talks: `keyring-v1`, a transfer in each request. */
export function keyringDialect(config: ClientConfig): Dialect {
  return {
    sign: () => {
      const body = Buffer.from(JSON.stringify({ call: 'transfer', amount: 1, to: 'practice' }));
      return { headers: signedHeaders(config, body), body };
    },
    outcomeOf,
    stale: 'AUTH_TIMESTAMP_SKEW',
  };
}

function signedHeaders(config: ClientConfig, body: Buffer): Record<string, string> {
  const timestamp = String(Date.now());
  const nonce = randomBytes(16).toString('hex');
  const signed = { timestamp, nonce, method: 'POST', path: config.path, body };
  return {
    'content-type': 'application/json',
    'user-agent': 'practice-client/1',
    [KEYRING_HEADERS.clientId]: config.id,
    [KEYRING_HEADERS.timestamp]: timestamp,
    [KEYRING_HEADERS.nonce]: nonce,
    [KEYRING_HEADERS.signature]: keyringSignature(Buffer.from(config.secret), signed),
  };
}

function outcomeOf(status: number, text: string): RequestOutcome {
  if (status === 200) return { kind: 'accepted', code: 'ACCEPTED' };
  const code = /"errorCode":"([A-Z_]{1,64})"/.exec(text)?.[1] ?? `HTTP ${status}`;
  return { kind: /^(AUTH|REPLAY)_/.test(code) ? 'refused' : 'fault', code };
}
