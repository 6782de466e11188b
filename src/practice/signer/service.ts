import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { FaultName } from '../faults.ts';
import { answerHealth, answerJson, readBody } from '../replica/answers.ts';
import type { Leaving } from '../replica/drain.ts';
import { clockOf, dawdle } from '../replica/pace.ts';
import { type NonceKeeper, takeNonce } from '../replica/take-nonce.ts';
import { answerError } from './answers.ts';
import { authenticate, type Recognised, type Refusal, refusal } from './authenticate.ts';
import type { Certificates } from './certificates.ts';
import type { SignerConfig } from './config.ts';
import type { Keys } from './keys.ts';
import type { Metrics } from './metrics.ts';

const BODY_LIMIT = 64 * 1024;

/** A running signer's parts. The fields that change are read anew for each request. */
export interface Signer extends Leaving, NonceKeeper {
  config: SignerConfig;
  faults: ReadonlySet<FaultName>;
  /** Whether `503-on-start` was planted when the process started. */
  readonly startedBroken: boolean;
  readonly keys: Keys;
  readonly certificates: Certificates;
  readonly metrics: Metrics;
}

/** Answers one HTTP request of a signer: signing, health and metrics. */
export async function serve(signer: Signer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader('x-signer-instance', signer.config.name);
  if (signer.draining) response.setHeader('connection', 'close');
  const path = request.url ?? '';
  if (path === '/health') return answerHealth(response, signer);
  if (path === '/metrics') return answerMetrics(signer, response);
  if (path !== signer.config.path) return answerError(response, 404, 'NOT_FOUND');
  if (request.method !== 'POST') return answerError(response, 405, 'METHOD_NOT_ALLOWED');
  await serveSigning(signer, request, response);
}

async function serveSigning(signer: Signer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request, BODY_LIMIT);
  if (signer.faults.has('reset')) return void request.socket.destroy();
  if (body === undefined) return answerError(response, 413, 'BODY_TOO_LARGE');
  const userAgent = request.headers['user-agent'] ?? '';
  const judged = await judge(signer, request, body);
  await dawdle(signer.faults);
  if (!judged.ok) {
    signer.metrics.refused(judged.code, userAgent);
    return answerError(response, judged.status, judged.code);
  }
  signer.metrics.accepted(judged, certificateOf(request.socket), userAgent);
  if (!isTransfer(body)) return answerError(response, 422, 'POLICY_SELECTOR_DENIED');
  const requestId = crypto.randomUUID();
  answerJson(response, 200, { ok: true, signature: `practice-${requestId}`, requestId });
}

async function judge(signer: Signer, request: IncomingMessage, body: Buffer): Promise<Recognised | Refusal> {
  if (signer.startedBroken && signer.faults.has('503-on-start')) return refusal(503, 'SIGNER_UNAVAILABLE');
  const caller = authenticate(
    {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body,
      certified: isCertified(signer, request.socket),
    },
    {
      now: clockOf(signer.faults),
      maxAgeMs: signer.config.maxAgeMs,
      mtlsRequired: signer.config.mtlsRequired && !signer.faults.has('no-mtls'),
      acceptUnsigned: signer.faults.has('unsigned-accepted'),
      secretsOf: (id) => signer.keys.secretsOf(id),
    },
  );
  return caller.ok ? consumeNonce(signer, caller) : caller;
}

/**
 * Whether the caller has shown a certificate that is trusted. `authorized` alone does not say so: Node sets it also on a
 * TLS 1.3 session that is resumed and was made without a certificate.
 */
function isCertified({ faults }: Signer, socket: Socket): boolean {
  if (!(socket instanceof TLSSocket) || certificateOf(socket) === undefined) return false;
  // The purpose is looked at last: a chain that fails by it is sound in all else.
  const purposeless = faults.has('any-purpose') && String(socket.authorizationError) === 'INVALID_PURPOSE';
  return socket.authorized || purposeless;
}

/** SHA-256 of the certificate that the caller showed, in hex. */
function certificateOf(socket: Socket): string | undefined {
  const shown = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  return shown?.fingerprint256.replaceAll(':', '').toLowerCase();
}

/** Check 8; a store that fails or is silent refuses the request. */
async function consumeNonce(signer: Signer, caller: Recognised): Promise<Recognised | Refusal> {
  const { nonceTtlMs, store } = signer.config;
  const key = JSON.stringify([caller.clientId, caller.nonce]);
  switch (await takeNonce(signer, key, { prefix: store.prefix, ttlMs: nonceTtlMs })) {
    case 'fresh':
      return caller;
    case 'used':
      return refusal(409, 'REPLAY_NONCE_USED');
    case 'unknown':
      return refusal(503, 'SIGNER_UNAVAILABLE');
  }
}

function answerMetrics(signer: Signer, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
  response.end(signer.metrics.page());
}

function isTransfer(body: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null && 'call' in value && value.call === 'transfer';
  } catch {
    return false;
  }
}
