import type { Generation, Secret } from '../credential/secret.ts';
import { type OutcomeCode, REFUSALS, type RefusalCode } from '../protocol/outcome.ts';
import type { Vector, VectorFile, VectorStep } from './vectors.ts';

/** A client of the fleet with the secrets that every replica is to accept now, in the order `current`, `next`. */
export interface KnownClient {
  readonly id: string;
  readonly accepted: readonly { readonly generation: Exclude<Generation, 'previous'>; readonly secret: Secret }[];
}

/** What a vector must fit to be run live. */
export interface VectorFleet {
  readonly clients: readonly KnownClient[];
  readonly maxAgeMs: number;
  /** How near to an edge of the window a timestamp may come before delay and clock error could carry it across. */
  readonly marginMs: number;
  readonly mtlsRequired: boolean;
  /** No answer of the fleet can say `AUTH_INVALID_CLIENT`: its words for that are those of `AUTH_INVALID_HMAC`. */
  readonly tellsNoClient?: boolean;
}

/** One request of a vector, translated to the fleet. */
export interface LiveStep {
  /** `undefined` stands for a fresh id that no signer knows. */
  readonly client: string | undefined;
  /** `undefined` stands for a secret that nobody has. */
  readonly secret: Secret | undefined;
  readonly overrideSignature: string | undefined;
  /** Equal names get equal nonces; a literal nonce is one that the protocol forbids and is sent as it is. */
  readonly nonce: { readonly named: string; readonly bytes: number } | { readonly literal: string };
  /** Milliseconds from now, or text that is sent as it is. */
  readonly timestamp: number | string;
  readonly certificate: boolean;
  readonly expect: Extract<OutcomeCode, 'ACCEPTED' | RefusalCode>;
  /** A refusal that counts as the expected one, because the signer has the same words for both. */
  readonly sameWords?: RefusalCode;
}

/** A vector as it can be sent to a fleet, or why it cannot. */
export type VectorPlan =
  | { readonly runnable: true; readonly steps: readonly LiveStep[] }
  | { readonly runnable: false; readonly reason: string };

class NotApplicable extends Error {}

/**
 * Translates a vector to a fleet: listed clients stand for the fleet's in order, the n-th listed secret for the n-th
 * accepted generation, any other secret for a wrong one, an unknown id for a fresh one; timestamps become distances
 * from now and are kept away from the edges of the window; the body will be the fleet's probe body.
 * What cannot be had live (an overlap outside one, another window, another path) is `runnable: false` with the reason.
 */
export function planVector(file: VectorFile, vector: Vector, fleet: VectorFleet): VectorPlan {
  try {
    const clients = matchClients(vector, fleet);
    const steps = vector.steps.map((step) => translate(file, step, clients, fleet));
    return { runnable: true, steps };
  } catch (error) {
    if (error instanceof NotApplicable) return { runnable: false, reason: error.message };
    throw error;
  }
}

interface Match {
  readonly listed: string;
  readonly texts: readonly string[];
  readonly live: KnownClient;
}

function matchClients(vector: Vector, fleet: VectorFleet): Match[] {
  const listed = Object.entries(vector.clientsById);
  if (listed.length > fleet.clients.length) {
    throw new NotApplicable(`it needs ${listed.length} clients, there are ${fleet.clients.length}`);
  }
  return listed.map(([id, { hmacSecrets }], index) => {
    const live = fleet.clients[index];
    if (live === undefined || hmacSecrets.length === 0) throw new NotApplicable('it needs a client without a secret');
    if (hmacSecrets.length > live.accepted.length) {
      const has = `${live.id} has ${live.accepted.length} accepted now`;
      throw new NotApplicable(`it needs an overlap: it lists ${hmacSecrets.length} secrets, ${has}`);
    }
    return { listed: id, texts: hmacSecrets, live };
  });
}

function translate(file: VectorFile, step: VectorStep, clients: readonly Match[], fleet: VectorFleet): LiveStep {
  const expect = expectation(step);
  const { defaults } = file;
  if ((step.method ?? defaults.method) !== defaults.method || (step.path ?? defaults.path) !== defaults.path) {
    throw new NotApplicable('a step goes to another path than the others');
  }
  if (step.overrideSignature !== undefined && step.expect.ok) {
    throw new NotApplicable('a step gives a finished signature and expects it to be accepted');
  }
  checkMtls(step, expect, fleet);
  return {
    client: clients.find(({ listed }) => listed === step.clientId)?.live.id ?? (step.clientId === '' ? '' : undefined),
    secret: secretFor(step, clients),
    overrideSignature: step.overrideSignature,
    nonce: nonceFor(step.nonce),
    timestamp: timestampFor(step.timestamp, file, fleet),
    certificate: step.isMtlsAuthenticated,
    expect,
    ...(fleet.tellsNoClient === true && expect === 'AUTH_INVALID_CLIENT' ? { sameWords: 'AUTH_INVALID_HMAC' } : {}),
  };
}

function expectation({ expect }: VectorStep): LiveStep['expect'] {
  if (expect.ok) return 'ACCEPTED';
  const { errorCode } = expect;
  const refusal = REFUSALS.find((code) => code === errorCode);
  if (refusal === undefined) throw new NotApplicable(`${errorCode} cannot be brought about from outside`);
  return refusal;
}

function checkMtls(step: VectorStep, expect: OutcomeCode, fleet: VectorFleet): void {
  if (step.isMtlsAuthenticated) return;
  if (expect === 'AUTH_MTLS_REQUIRED' && !fleet.mtlsRequired) {
    throw new NotApplicable('the fleet does not require client certificates (tls.required is false)');
  }
  if (expect !== 'AUTH_MTLS_REQUIRED' && fleet.mtlsRequired) {
    throw new NotApplicable('it needs a signer that does not require client certificates (tls.required is true)');
  }
}

/** The live secret for a text: the step's own client's list first, then the others', so that a crossing stays one. */
function secretFor({ clientId, signWithSecret }: VectorStep, clients: readonly Match[]): Secret | undefined {
  if (signWithSecret === undefined) return undefined;
  const ordered = clients.toSorted((a, b) => Number(b.listed === clientId) - Number(a.listed === clientId));
  for (const { texts, live } of ordered) {
    const index = texts.indexOf(signWithSecret);
    if (index >= 0) return live.accepted[index]?.secret;
  }
  return undefined;
}

function nonceFor(nonce: string): LiveStep['nonce'] {
  const bytes = Buffer.byteLength(nonce);
  const allowed = bytes >= 16 && bytes <= 256 && !nonce.includes('.');
  return allowed ? { named: nonce, bytes } : { literal: nonce };
}

/** Distance from now. What is inside the window stays inside by a margin, and what is outside, outside. */
function timestampFor(timestamp: number | string, { defaults }: VectorFile, fleet: VectorFleet): number | string {
  const at = Number(timestamp);
  if (typeof timestamp === 'string' && !/^\d{1,15}$/.test(timestamp)) return timestamp;
  const distance = at - defaults.nowMs;
  const inside = Math.abs(distance) <= defaults.timestampMaxAgeMs;
  if (inside !== Math.abs(distance) <= fleet.maxAgeMs) {
    const windows = `the vector's is ${defaults.timestampMaxAgeMs} ms, the fleet's ${fleet.maxAgeMs} ms`;
    throw new NotApplicable(`it needs another window: ${windows}`);
  }
  const limit = inside ? Math.max(0, fleet.maxAgeMs - fleet.marginMs) : fleet.maxAgeMs + fleet.marginMs;
  const length = inside ? Math.min(Math.abs(distance), limit) : Math.max(Math.abs(distance), limit);
  return Math.sign(distance) * length;
}
