import type { Fleet } from '../../fleet/fleet.ts';
import { isForward, type MovingPhase, type Phase } from '../../machine/phase.ts';
import type { Task } from '../../machine/roll.ts';
import type { Proof, ProofScope } from '../../machine/step.ts';
import { drainMs } from '../drain.ts';
import { ACCEPTED_AFTER } from '../signed-with.ts';

/**
 * What steps cost in requests and time, worked out and not tried. The numbers of requests are those of a fleet that answers
 * each of them as expected at the first try; what does not is asked again, a round each 100 ms, until the readiness deadline
 * (`repeats`). A test compares them with what a real rotation sends.
 */
export interface Cost {
  /** Requests to replicas and to the balancer, pages of usage evidence among them; the canary's are not in it. */
  readonly requests: number;
  /** Least and longest time, in milliseconds. The longest has every answer, command and wait at its deadline. */
  readonly leastMs: number;
  readonly mostMs: number;
}

/** The numbers of a fleet that costs come of. */
export interface Sizes {
  readonly fleet: Fleet;
  readonly replicas: number;
  /** Clients in whose name replicas are probed: those whose secrets rotate, or one that stands for all (`probedOf`). */
  readonly clients: number;
}

/** Fresh connections on which a refusal must be seen, and the wrong secret beside every round (`probe/round.ts`). */
const REFUSAL_TRIES = 3;
const WRONG_SECRET = 1;
/** Earlier nonces that are tried again at each replica (`replay.namespace`). */
const NAMESPACE_READS = 4;
/** Windows of usage evidence: one is enough where a client is heard at once (`prove-usage.ts`). */
const USAGE_WINDOWS = 4;
const WINDOW_SHARE = 1.2;
/** The pause between rounds that are taken again (`prove-rounds.ts`). */
const PAUSE_MS = 100;

/** How often a round of probes may be taken again at one place, while a replica comes round. */
export function repeats({ readiness }: Pick<Fleet, 'readiness'>): number {
  return Math.ceil(readiness.deadlineMs / PAUSE_MS);
}

/** A task's own cost: nonces burned before it, replicas asked whether they are up, its effect, and its proofs. */
export function taskCost(sizes: Sizes, { step, targets }: Task): Cost {
  const loads = step.action === 'reload' || step.action === 'restart';
  const overReplicas = step.over === 'replicas';
  const burnt = overReplicas ? sizes.clients : 0;
  const asked = overReplicas && loads && isForward(step.phase) ? sizes.replicas - targets.length : 0;
  const before = probing(sizes, burnt + asked);
  const effect = effectCost(sizes, { step, targets });
  const ready = overReplicas && loads ? readyCost(sizes, step.phase, targets.length) : NOTHING;
  return sum([
    before,
    effect,
    ready,
    ...step.proofs.map((proof) => proofCost(sizes, proof, step.phase, targets.length)),
  ]);
}

function effectCost({ fleet }: Sizes, { step, targets }: Task): Cost {
  const [effect] = step.effects;
  if (effect?.of === 'flight') return waiting(drainMs(fleet));
  if (step.action !== 'reload' && step.action !== 'restart') return NOTHING;
  const deadlines = [...fleet.replicas.map(({ name, deploy }) => ({ name, deploy })), ...fleet.clients.map(named)]
    .filter(({ name }) => targets.includes(name))
    .map(({ deploy }) => deploy.deadlineMs);
  return { requests: 0, leastMs: 0, mostMs: total(deadlines) };
}

function named({ id, deploy }: Fleet['clients'][number]): { name: string; deploy: typeof deploy } {
  return { name: id, deploy };
}

/** Until each client was accepted often enough in a row; `current` is offered first, which a narrowed replica refuses. */
function readyCost(sizes: Sizes, phase: MovingPhase, targets: number): Cost {
  const { deadlineMs, consecutive } = sizes.fleet.readiness;
  const tries = phase === 'retiring' || phase === 'destroying' ? 2 : 1;
  const requests = targets * sizes.clients * consecutive * tries;
  return { requests, leastMs: 0, mostMs: targets * sizes.clients * (deadlineMs + sizes.fleet.probe.deadlineMs) };
}

/** What one proof costs. @param changed how many targets its step has changed */
function proofCost(sizes: Sizes, proof: Proof, phase: MovingPhase, changed: number): Cost {
  const { fleet, replicas, clients } = sizes;
  const { consecutive } = fleet.readiness;
  switch (proof.proves) {
    case 'accepts':
      return rounds(sizes, placesOf(sizes, proof.on, changed), clients * (consecutive + WRONG_SECRET));
    case 'refuses':
      return rounds(
        sizes,
        placesOf(sizes, proof.on, changed),
        clients * (consecutive + WRONG_SECRET + REFUSAL_TRIES + otherKeyIds(fleet)),
      );
    case 'signs':
    case 'unused':
    case 'key-ids':
      return usageCost(sizes);
    case 'checklist':
      return again(
        sizes,
        fleet.protocol === 'gate-v1'
          ? gateChecklistRequests(sizes, phase)
          : checklistRequests(sizes, ACCEPTED_AFTER[phase].length),
      );
    case 'namespace':
      return again(sizes, (changed > 0 ? changed : replicas) * Math.min(clients, NAMESPACE_READS));
    case 'replay':
      return sum([again(sizes, replayRequests(replicas)), probing(sizes, replicas)]);
    default:
      return NOTHING;
  }
}

function placesOf({ fleet, replicas }: Sizes, scope: ProofScope, changed: number): number {
  switch (scope) {
    case 'target':
      return changed;
    case 'every-replica':
      return replicas;
    case 'balancer':
      return fleet.balancer === undefined ? 0 : 1;
  }
}

/**
 * A page of each replica before and after a window that is a little longer than the longest silence of a client. A list
 * is by the replicas' clocks, so that as much more is waited as they may differ, and a second where it tells no fractions.
 */
function usageCost({ fleet, replicas }: Sizes): Cost {
  const window = Math.max(...fleet.clients.map(({ cadenceMs }) => cadenceMs)) * WINDOW_SHARE;
  const pages = 2 * replicas;
  const isList = fleet.usage?.from === 'ledger';
  const leastMs = window + (isList ? 2 * fleet.replay.clockErrorMs : 0);
  const mostMs = USAGE_WINDOWS * (leastMs + (isList ? 1000 : 0) + 2 * fleet.probe.deadlineMs);
  return { requests: pages, leastMs, mostMs };
}

/**
 * The eight vectors on each replica, each with its control. Two are taken for every client, one of them only where two
 * generations are accepted; a caller without a certificate is refused by the signer (its handshake may be tried thrice).
 *
 * @param accepted how many generations every replica accepts
 */
export function checklistRequests({ fleet, replicas, clients }: Sizes, accepted: number): number {
  const valid = 2 * clients;
  const rotated = accepted > 1 ? 3 * clients : 0;
  const replayed = 3;
  const refused = 10 + (fleet.tls.required ? 2 : 0);
  return replicas * (valid + rotated + replayed + refused);
}

/** Key ids beside its own under which a withdrawn secret must be refused: the other generation's, and the two defaults. */
function otherKeyIds({ protocol }: Pick<Fleet, 'protocol'>): number {
  return protocol === 'gate-v1' ? 3 : 0;
}

/**
 * The checklist of gates, each check with its control: every secret by itself and beside a wrong one, two wrong ones, two
 * stale times; from the moving on each secret under an invented key id and the others', and at the end a revoked one.
 */
function gateChecklistRequests({ fleet, replicas }: Sizes, phase: MovingPhase): number {
  const accepted = ACCEPTED_AFTER[phase].length;
  const bound = phase === 'opening' ? 0 : accepted * (1 + otherKeyIds(fleet)) + 1;
  const revoked = phase === 'destroying' ? 2 : 0;
  return replicas * (2 * accepted + 1 + 2 + 3 + bound + revoked);
}

/**
 * The three replay checks: four requests for the same replica, 3R − 2 across, and bursts of copies over connections that
 * are warmed up first, two bursts to each replica alone and five, or one for each replica, spread over all.
 */
export function replayRequests(replicas: number): number {
  const copies = Math.min(16, Math.max(8, 4 * replicas));
  const bursts = 2 * replicas + Math.max(5, replicas);
  const across = replicas < 2 ? 0 : 3 * replicas - 2;
  return 4 * replicas + across + bursts * 2 * copies;
}

/** Finishing the after-TTL checks: each burned nonce is used once more and then read at every replica. */
export function settleCost({ fleet, replicas }: Sizes, owed: number): Cost {
  return probing({ fleet }, owed * (1 + replicas));
}

/** The canary's requests a second: every client on every route. */
export function canaryRate({ fleet, replicas, clients }: Sizes): number {
  return fleet.canary.ratePerSecond * clients * (replicas + (fleet.balancer === undefined ? 0 : 1));
}

/** How long a phase lasts at least before a move may leave it, in milliseconds. */
export function gateMs({ policy }: Fleet, trigger: string): { readonly since: Phase; readonly ms: number } | undefined {
  if (trigger === 'retire') return { since: 'switched', ms: policy.minOverlapMs };
  return trigger === 'destroy' ? { since: 'retired', ms: policy.soakMs } : undefined;
}

const NOTHING: Cost = { requests: 0, leastMs: 0, mostMs: 0 };

/** Several costs, one after the other. */
function sum(costs: readonly Cost[]): Cost {
  return {
    requests: total(costs.map(({ requests }) => requests)),
    leastMs: total(costs.map(({ leastMs }) => leastMs)),
    mostMs: total(costs.map(({ mostMs }) => mostMs)),
  };
}

function waiting(ms: number): Cost {
  return { requests: 0, leastMs: ms, mostMs: ms };
}

/** Requests one after the other, each answered by its deadline. */
function probing({ fleet }: Pick<Sizes, 'fleet'>, requests: number): Cost {
  return { requests, leastMs: 0, mostMs: requests * fleet.probe.deadlineMs };
}

/** Rounds at some places: one begun just before the readiness deadline may last for as long as its probes. */
function rounds({ fleet }: Sizes, places: number, each: number): Cost {
  const mostMs = places * (fleet.readiness.deadlineMs + each * fleet.probe.deadlineMs);
  return { requests: places * each, leastMs: 0, mostMs };
}

/** Checks that are tried again until the readiness deadline. */
function again({ fleet }: Sizes, requests: number): Cost {
  return { requests, leastMs: 0, mostMs: fleet.readiness.deadlineMs + requests * fleet.probe.deadlineMs };
}

function total(list: readonly number[]): number {
  return list.reduce((all, one) => all + one, 0);
}
