import { randomBytes } from 'node:crypto';
import { Agent, request } from 'node:https';
import { KEYRING_HEADERS, keyringSignature } from '../../protocol/keyring-v1.ts';
import type { OutcomeKind } from '../messages.ts';
import type { ClientConfig } from './config.ts';

const TIMEOUT_MS = 2000;
/** A new connection each so many requests, as a pool that retires its connections does. */
const REQUESTS_PER_CONNECTION = 5;
const ANSWER_LIMIT = 64 * 1024;

/** How one request ended; `code` is the signer's code, `HTTP <status>`, or the transport's error code. */
export interface RequestOutcome {
  readonly kind: OutcomeKind;
  readonly code: string;
}

/** Sends a client's signed requests. */
export interface Sender {
  /** Sends one; resolves when it ended, however it ended. */
  send(): Promise<void>;
  /** Resolves when no request is open. */
  finish(): Promise<void>;
}

/** Makes a sender that reports each request's end. */
export function makeSender(config: ClientConfig, report: (outcome: RequestOutcome) => void): Sender {
  const agent = new Agent({ keepAlive: true, servername: config.serverName, ...config.tls });
  const open = new Set<Promise<void>>();
  let count = 0;
  return {
    send: () => {
      count += 1;
      const last = count % REQUESTS_PER_CONNECTION === 0;
      const sent = exchange(config, agent, last)
        .then(report)
        .finally(() => open.delete(sent));
      open.add(sent);
      return sent;
    },
    finish: async () => {
      await Promise.all(open);
      agent.destroy();
    },
  };
}

function exchange(config: ClientConfig, agent: Agent, last: boolean): Promise<RequestOutcome> {
  const body = Buffer.from(JSON.stringify({ call: 'transfer', amount: 1, to: 'practice' }));
  const headers = { ...signedHeaders(config, body), ...(last ? { connection: 'close' } : {}) };
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  return new Promise((resolve) => {
    const failed = (error: Error): void => resolve({ kind: 'fault', code: signal.aborted ? 'TIMEOUT' : codeOf(error) });
    const sent = request(config.target, { agent, method: 'POST', path: config.path, headers, signal }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        if (text.length < ANSWER_LIMIT) text += chunk;
      });
      response.on('error', failed);
      response.on('end', () => resolve(outcomeOf(response.statusCode ?? 0, text)));
    });
    sent.on('error', failed);
    sent.end(body);
  });
}

function signedHeaders(config: ClientConfig, body: Buffer): Record<string, string> {
  const timestamp = String(Date.now());
  const nonce = randomBytes(16).toString('hex');
  const signed = { timestamp, nonce, method: 'POST', path: config.path, body };
  return {
    'content-type': 'application/json',
    'content-length': String(body.length),
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

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
