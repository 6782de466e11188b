import type { IncomingMessage, ServerResponse } from 'node:http';
import { escapeForeign } from '../../errors/escape.ts';
import type { FaultName } from '../faults.ts';
import { log } from '../parent.ts';
import { answerHealth, answerJson, readBody } from '../replica/answers.ts';
import type { Leaving } from '../replica/drain.ts';
import { dawdle } from '../replica/pace.ts';
import type { AnswerCache } from './answer-cache.ts';
import { INVALID_SIGNATURE, type Judge, judge, type Passed, type Refusal, refusal } from './judge.ts';
import type { AcceptedLedger } from './ledger.ts';
import type { GateMetrics } from './metrics.ts';
import { type GateRequest, parseGateRequest, type SchemaProblem } from './request.ts';

const GATE_PATH = '/gate/request';
const BODY_LIMIT = 64 * 1024;
const SHOWN_AGENT = 120;
const SHOWN_ACTOR = 128;

/** A running gate's parts. The fields that change are read anew for each request. */
export interface Gate extends Judge, Leaving {
  faults: ReadonlySet<FaultName>;
  /** Whether `503-on-start` was planted when the process started. */
  readonly startedBroken: boolean;
  readonly cache: AnswerCache;
  readonly ledger: AcceptedLedger;
  readonly metrics: GateMetrics;
}

/** Answers one HTTP request of a gate. */
export async function serveGate(gate: Gate, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader('x-signer-instance', gate.config.name);
  if (gate.draining) response.setHeader('connection', 'close');
  const path = request.url ?? '';
  if (path === '/health') return answerHealth(response, gate);
  if (path === '/metrics') return answerJson(response, 200, gate.metrics.page());
  if (path === '/ledger') return answerJson(response, 200, { entries: gate.ledger.entries() });
  if (path !== GATE_PATH) return answerDetail(response, 404, 'not found');
  if (request.method !== 'POST') return answerDetail(response, 405, 'method not allowed');
  await serveRequest(gate, request, response);
}

/** Writes the protocol's error body: `{ detail }`. */
export function answerDetail(response: ServerResponse, status: number, detail: string | SchemaProblem): void {
  answerJson(response, status, { detail });
}

async function serveRequest(gate: Gate, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request, BODY_LIMIT);
  if (gate.faults.has('reset')) return void request.socket.destroy();
  if (body === undefined) return answerDetail(response, 413, 'request too large');
  const parsed = parseGateRequest(body.toString('utf8'));
  const judged = 'problem' in parsed ? parsed : await decide(gate, parsed);
  await dawdle(gate.faults);
  if ('problem' in judged) return end(gate, response, 422, { detail: judged.problem });
  if ('cached' in judged) return end(gate, response, 200, judged.cached);
  if (!judged.ok) {
    if (judged.detail === INVALID_SIGNATURE && 'actor' in parsed) logRefusal(parsed, request.headers['user-agent']);
    return end(gate, response, judged.status, { detail: judged.detail });
  }
  const { approved, reason } = judged;
  end(gate, response, 200, { approved, reason });
}

/** Judges, and keeps what was accepted. */
async function decide(gate: Gate, request: GateRequest): Promise<Passed | Refusal | { readonly cached: unknown }> {
  if (gate.startedBroken && gate.faults.has('503-on-start')) return refusal(503, 'temporarily unavailable');
  const caching = gate.faults.has('idempotency-cache');
  const cached = caching ? gate.cache.find(request) : undefined;
  if (cached !== undefined) return { cached };
  const judged = await judge(gate, request);
  if (!judged.ok) return judged;
  const { keyId = null, approved, reason } = judged;
  const { actor: actor_did, session: session_id, tool } = request;
  gate.ledger.add({ at: Date.now() / 1000, actor_did, session_id, tool, key_id: keyId, approved });
  if (caching) gate.cache.keep(request, { approved, reason });
  return judged;
}

function end(gate: Gate, response: ServerResponse, status: number, body: unknown): void {
  gate.metrics.answered(status);
  answerJson(response, status, body);
}

/** The actor is foreign text that must not be able to look like a caller's name. */
function logRefusal({ actor }: GateRequest, agent = '-'): void {
  const shown = actor.slice(0, SHOWN_ACTOR).replace(/[^A-Za-z0-9:._-]/g, '?');
  log(`401 ${INVALID_SIGNATURE} actor=${shown} agent=${escapeForeign(agent, SHOWN_AGENT)}`);
}
