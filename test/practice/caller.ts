import { createHash, createHmac, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import type { TestFleet } from './harness.ts';

/** One signed request of the test's own making, with everything that a row may want wrong. */
export interface Shot {
  readonly clientId?: string;
  readonly secret?: string;
  readonly timestamp?: string;
  readonly nonce?: string;
  readonly signature?: string;
  /** Put after the signature. */
  readonly tail?: string;
  readonly body?: string;
  readonly path?: string;
  readonly method?: string;
  readonly certificate?: boolean;
  /** Leave these headers out. */
  readonly without?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly agent?: Agent;
}

/** What came back; `code` is the body's `errorCode`, `OK`, or the transport's error. */
export interface Hit {
  readonly status: number;
  readonly code: string;
  readonly body: string;
  readonly instance: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly localPort: number | undefined;
  /** Whether the connection resumed a TLS session, and the session that it can be resumed by. */
  readonly reused: boolean;
  readonly session: Buffer | undefined;
  readonly ms: number;
}

export const PROBE = '{"probe":true}';
export const TRANSFER = '{"call":"transfer","amount":1}';
const SIGN_PATH = '/v1/sign/session-transaction';

/** The secret that a client's env file holds. */
export function secretOf(fleet: TestFleet, id = 'client-a'): string {
  const text = readFileSync(join(fleet.home, 'clients', `${id}.env`), 'utf8');
  return /^KEYRING_SECRET="(.*)"$/m.exec(text)?.[1] ?? '';
}

/** Writes a signer's list of allowed secrets for client-a into its env file; nothing is reloaded. */
export function writeSecrets(fleet: TestFleet, name: string, secrets: readonly string[]): void {
  const path = join(fleet.home, 'signers', `${name}.env`);
  const clients = { 'client-a': { hmacSecrets: secrets }, 'client-b': { hmacSecrets: [secretOf(fleet, 'client-b')] } };
  const line = `KEYRING_CLIENTS="${JSON.stringify(clients).replaceAll('"', '\\"')}"`;
  writeFileSync(
    path,
    readFileSync(path, 'utf8').replace(/^KEYRING_CLIENTS=.*$/m, () => line),
  );
}

export function freshNonce(): string {
  return randomBytes(16).toString('hex');
}

/** TLS options of a caller of this fleet, with or without its certificate. */
export function tlsOf(
  fleet: TestFleet,
  certificate = true,
): { ca: string; servername: string; cert?: string; key?: string } {
  const read = (file: string): string => readFileSync(join(fleet.home, 'tls', file), 'utf8');
  const own = certificate ? { cert: read('rotctl.pem'), key: read('rotctl.key') } : {};
  return { ca: read('ca.pem'), servername: 'signer.practice.internal', ...own };
}

/** Sends one request to a port and waits for its end; a transport error is a hit of status 0. */
export function shoot(fleet: TestFleet, target: string, shot: Shot = {}): Promise<Hit> {
  const {
    agent = new Agent(tlsOf(fleet, shot.certificate ?? true)),
    body = PROBE,
    path = SIGN_PATH,
    method = 'POST',
  } = shot;
  const began = performance.now();
  let session: Buffer | undefined;
  return new Promise((resolve) => {
    const fail = (error: NodeJS.ErrnoException): void =>
      resolve({
        status: 0,
        code: error.code ?? error.message,
        body: '',
        instance: '',
        headers: {},
        localPort: undefined,
        reused: false,
        session,
        ms: performance.now() - began,
      });
    const sent = request(
      {
        host: '127.0.0.1',
        port: fleet.port(target),
        agent,
        method,
        path,
        headers: headersOf(fleet, shot, { body, path, method }),
      },
      (response) => {
        let text = '';
        const { localPort } = response.socket;
        const reused = response.socket instanceof TLSSocket && response.socket.isSessionReused();
        response.on('error', fail);
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => {
          const instance = String(response.headers['x-signer-instance'] ?? '');
          const status = response.statusCode ?? 0;
          resolve({
            status,
            code: codeOf(text),
            body: text,
            instance,
            headers: response.headers,
            localPort,
            reused,
            session,
            ms: performance.now() - began,
          });
        });
      },
    );
    const note = (given: Buffer): void => {
      session = given;
    };
    sent.on('socket', (socket) => socket.on('session', note));
    // A connection that is kept carries other requests after this one.
    sent.on('close', () => sent.socket?.off('session', note));
    sent.on('error', fail);
    sent.end(method === 'GET' ? undefined : body);
  });
}

function headersOf(
  fleet: TestFleet,
  shot: Shot,
  { body, path, method }: { body: string; path: string; method: string },
): Record<string, string> {
  const { clientId = 'client-a', timestamp = String(Date.now()), nonce = freshNonce() } = shot;
  const digest = createHash('sha256').update(body).digest('hex');
  const text = `${timestamp}.${nonce}.${method}.${path}.${digest}`;
  const signature =
    shot.signature ??
    createHmac('sha256', shot.secret ?? secretOf(fleet))
      .update(text)
      .digest('hex');
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'x-keyring-client-id': clientId,
    'x-keyring-timestamp': timestamp,
    'x-keyring-nonce': nonce,
    'x-keyring-signature': signature + (shot.tail ?? ''),
    ...shot.headers,
  };
  for (const name of shot.without ?? []) delete headers[name];
  return headers;
}

function codeOf(text: string): string {
  try {
    const value = JSON.parse(text);
    return value.ok === true ? 'OK' : String(value.errorCode ?? '');
  } catch {
    return '';
  }
}
