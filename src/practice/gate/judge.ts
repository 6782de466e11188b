import { clockOf } from '../replica/pace.ts';
import { type NonceKeeper, takeNonce } from '../replica/take-nonce.ts';
import type { GateConfig } from './config.ts';
import type { GateKeys } from './keys.ts';
import type { GateRequest } from './request.ts';
import { verify } from './verify.ts';

/** The tool that policy never approves: its requests end after everything was verified, and cause nothing. */
const NOOP = 'practice.noop';

/** What a gate judges by. */
export interface Judge extends NonceKeeper {
  readonly config: GateConfig;
  readonly keys: GateKeys;
}

/** A refusal: HTTP status and `detail`. */
export interface Refusal {
  readonly ok: false;
  readonly status: number;
  readonly detail: string;
}

/** Let through; `keyId` labels the signature that was verified, and is `undefined` when none was. */
export interface Passed {
  readonly ok: true;
  readonly keyId: string | undefined;
  readonly approved: boolean;
  readonly reason: string;
}

/** The text of a refusal for the signature: it is also what the log says. */
export const INVALID_SIGNATURE = 'invalid request signature';

/** The checks of `gate-v1` from the tool on, in their order; the nonce is taken only after a good signature. */
export async function judge(gate: Judge, request: GateRequest): Promise<Passed | Refusal> {
  const { config, faults } = gate;
  if (request.tool === '') return refusal(400, 'tool must be named');
  if (!config.tools.has(request.tool)) return refusal(403, 'tool not allowed');
  if (!config.sessions.has(request.session)) return refusal(401, 'Session not trusted');
  if ((request.nonce === undefined) !== (request.ts === undefined)) {
    return refusal(400, 'nonce and ts must be provided together');
  }
  if (request.ts !== undefined && Math.abs(clockOf(faults) - request.ts * 1000) > config.skewMs) {
    return refusal(401, 'request timestamp outside allowed window');
  }
  const signed = judgeSignature(gate, request);
  if (!signed.ok) return signed;
  const replayed = await judgeNonce(gate, request);
  if (replayed !== undefined) return replayed;
  const approved = request.tool !== NOOP;
  return { ok: true, keyId: signed.keyId, approved, reason: approved ? 'allowed by policy' : 'denied by policy' };
}

/** A refusal with this status and detail. */
export function refusal(status: number, detail: string): Refusal {
  return { ok: false, status, detail };
}

function judgeSignature(gate: Judge, request: GateRequest): { ok: true; keyId: string | undefined } | Refusal {
  const { config, keys, faults } = gate;
  const required = config.signatureRequired && !faults.has('signature-not-required');
  if (request.candidates.length === 0)
    return required ? refusal(401, INVALID_SIGNATURE) : { ok: true, keyId: undefined };
  const accepted = keys.now();
  if (!accepted.ready) return refusal(500, 'internal error');
  const { nonce, ts, actor, session, tool } = request;
  const keyId =
    nonce === undefined || ts === undefined
      ? undefined
      : verify({ actor, session, tool, nonce, ts }, request.candidates, accepted);
  return keyId === undefined && required ? refusal(401, INVALID_SIGNATURE) : { ok: true, keyId };
}

async function judgeNonce(gate: Judge, { session, nonce }: GateRequest): Promise<Refusal | undefined> {
  if (nonce === undefined) return undefined;
  const { nonceTtlMs, store } = gate.config;
  const taken = await takeNonce(gate, JSON.stringify([session, nonce]), { prefix: store.prefix, ttlMs: nonceTtlMs });
  if (taken === 'fresh') return undefined;
  return taken === 'used' ? refusal(409, 'replay detected') : refusal(503, 'replay store unavailable');
}
