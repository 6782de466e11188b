import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Endpoint } from '../../src/fleet/fleet.ts';
import type { TestPki } from '../support/test-pki.ts';

/** What a request came with, for the tests to look at. */
export interface Seen {
  readonly client: string;
  readonly secret: string | undefined;
  readonly agent: string;
  readonly connection: number;
  /** Unix milliseconds, at the request's arrival. */
  readonly at: number;
}

/** A signer of its own over real TLS: it checks signatures and nonces, and has knobs for going wrong. */
export interface TinySigner {
  readonly endpoint: Endpoint;
  readonly seen: Seen[];
  /** Accepted secrets by client id. */
  accepted: Map<string, string[]>;
  /** What to do instead of checking; `freeze` never answers. */
  mood: 'check' | 'freeze' | 'reset' | '429' | '503' | 'page' | 'huge' | 'slow';
  stop(): Promise<void>;
}

export async function startSigner(pki: TestPki, accepted: Map<string, string[]>): Promise<TinySigner> {
  const connections = new Map<Socket, number>();
  const nonces = new Set<string>();
  const seen: Seen[] = [];
  const server = createServer({
    ...(await pki.server('signer.test')),
    ca: pki.ca,
    requestCert: true,
    rejectUnauthorized: true,
  });
  server.on('secureConnection', (socket) => {
    connections.set(socket, connections.size + 1);
    socket.on('error', () => undefined);
  });
  server.on('request', async (request, response) => {
    const body = await readAll(request);
    const client = header(request, 'x-keyring-client-id');
    const secret = signer.accepted.get(client)?.find((candidate) => signedWith(candidate, request, body));
    const connection = connections.get(request.socket) ?? 0;
    seen.push({ client, secret, agent: header(request, 'user-agent'), connection, at: Date.now() });
    const say = (status: number, errorCode: string): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: 'refused', errorCode, requestId: 'r', retryable: false }));
    };
    const check = (): void => {
      const nonce = JSON.stringify([client, header(request, 'x-keyring-nonce')]);
      const used = nonces.has(nonce);
      if (secret === undefined) say(401, 'AUTH_INVALID_HMAC');
      else if (used) say(409, 'REPLAY_NONCE_USED');
      else say(422, 'POLICY_CALL_NOT_ALLOWED');
      if (secret !== undefined) nonces.add(nonce);
    };
    const page = (type: string, text: string): void => {
      response.writeHead(200, { 'content-type': type }).end(text);
    };
    const moods: Record<TinySigner['mood'], () => unknown> = {
      check,
      freeze: () => undefined,
      slow: () => setTimeout(check, 300),
      reset: () => request.socket.destroy(),
      429: () => say(429, 'RATE_LIMITED'),
      503: () => say(503, 'RATE_LIMITED'),
      page: () => page('text/html', '<html>welcome</html>'),
      huge: () => page('application/json', 'x'.repeat(200_000)),
    };
    moods[signer.mood]();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const signer: TinySigner = {
    endpoint: { url: new URL(`https://127.0.0.1:${port}`), serverName: 'signer.test' },
    seen,
    accepted,
    mood: 'check',
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return signer;
}

function header(request: IncomingMessage, name: string): string {
  return String(request.headers[name] ?? '');
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function signedWith(secret: string, request: IncomingMessage, body: Buffer): boolean {
  const digest = createHash('sha256').update(body).digest('hex');
  const text = [
    header(request, 'x-keyring-timestamp'),
    header(request, 'x-keyring-nonce'),
    request.method,
    request.url,
    digest,
  ].join('.');
  return createHmac('sha256', secret).update(text).digest('hex') === header(request, 'x-keyring-signature');
}
