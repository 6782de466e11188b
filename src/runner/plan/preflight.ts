import type { Precondition } from '../../runbook/runbook.ts';
import { type Cost, checklistRequests, replayRequests, type Sizes } from './cost.ts';

/** Time left for a request's own journey at the end of its window (`replay-over-time.ts`). */
const JOURNEY_MS = 100;

/**
 * What a runbook's preconditions cost before a new rotation, tried live as the checks that they stand for (`preflight.ts`).
 * Checks that several of them stand for are made once.
 */
export function preflightCost(sizes: Sizes, preconditions: readonly Precondition[]): Cost {
  const { fleet, replicas } = sizes;
  const isGate = fleet.protocol === 'gate-v1';
  const has = (...some: Precondition[]): boolean => some.some((one) => preconditions.includes(one));
  const requests =
    (has('two-replicas') ? shapeRequests(sizes) : 0) +
    (has('clocks-agree') ? replicas * clockRequests(fleet.replay.maxAgeMs) : 0) +
    (has('signatures-enforced') ? replicas * (isGate ? GATE_CONTROLS : controlRequests(sizes.clients)) : 0) +
    acceptedRequests(sizes, has('vectors-green'), has('current-accepted')) +
    (has('shared-replay-store') ? replayRequests(replicas) + replicas * NONCE_REQUESTS : 0);
  const heard = has('current-signed') ? 2 * replicas : 0;
  const { maxAgeMs, clockErrorMs } = fleet.replay;
  const leastMs = has('shared-replay-store') ? Math.max(0, 2 * (maxAgeMs - clockErrorMs - JOURNEY_MS)) : 0;
  return { requests: requests + heard, leastMs, mostMs: leastMs + requests * fleet.probe.deadlineMs };
}

/** Six negative controls of a gate, with 16 requests, and a positive one for each. */
const GATE_CONTROLS = 22;
/** What a gate is asked to see that it accepts: its secret, alone and beside a wrong one, two wrong ones, and the controls. */
const GATE_ACCEPTS = 5;

function acceptedRequests(sizes: Sizes, vectors: boolean, accepted: boolean): number {
  if (vectors) return checklistRequests(sizes, 1);
  if (!accepted) return 0;
  return sizes.replicas * (sizes.fleet.protocol === 'gate-v1' ? GATE_ACCEPTS : 2 * sizes.clients);
}

/** What a refused request burns, nonces that differ in one character, and the end of the window: two, three and two. */
const NONCE_REQUESTS = 7;

/** Eight connections to each replica tell it from the others; behind the balancer two are soon met. */
function shapeRequests({ fleet, replicas }: Sizes): number {
  return 8 * replicas + (fleet.balancer === undefined ? 0 : replicas + 2);
}

/** Both edges of the window by bisection, from a quarter beyond the declared one down to four milliseconds or less. */
function clockRequests(maxAgeMs: number): number {
  const halvings = Math.ceil(Math.log2((1.25 * maxAgeMs) / Math.max(4, maxAgeMs / 2000)));
  return 2 + 2 * (1 + halvings);
}

/**
 * The negative controls of one replica, each with a positive one: 18 for each client, nine for the first one alone, and for
 * each client the secrets of up to three others.
 */
function controlRequests(clients: number): number {
  const foreign = clients < 2 ? 0 : clients * (Math.min(3, clients - 1) + 1);
  return 18 * clients + 9 + foreign;
}
