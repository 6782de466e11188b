import type { Fleet } from '../../fleet/fleet.ts';
import { isSparing } from '../../fleet/lockout.ts';
import { isForward, type MovingPhase, type Phase } from '../../machine/phase.ts';
import type { Task } from '../../machine/roll.ts';
import type { Proof, ProofScope } from '../../machine/step.ts';
import { type Answers, NO_ANSWERS, sumOf, times, totalOf } from '../../probe/answers.ts';
import { checksOf } from '../../probe/checks/list.ts';
import { budgetOf } from '../../probe/checks/sends.ts';
import { mostOf } from '../../probe/lockout.ts';
import { drainMs } from '../drain.ts';
import { isOwnFile } from '../prove-apart.ts';
import { ACCEPTED_AFTER } from '../signed-with.ts';
import { isControlled, SHOWN_MS } from '../usage-control.ts';

/**
 * What steps cost in requests and time, worked out and not tried. The numbers of requests are those of a fleet that answers
 * each of them as expected at the first try; what does not is asked again, a round each 100 ms, until the readiness deadline
 * (`repeats`). A test compares them with what a real rotation sends.
 */
export interface Cost {
  /** Requests to replicas and to the balancer, pages of usage evidence among them; the canary's are not in it. */
  readonly requests: number;
  /** The same by what each is expected to come to. */
  readonly answers: Answers;
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
  /** Whether certificates rotate, of which evidence is not tried with requests of ours. */
  readonly certificates?: boolean;
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
const REPLAY_NOW = ['replay.same-replica', 'replay.cross-replica', 'replay.concurrent'];

/** How often a round of probes may be taken again at one place, while a replica comes round. */
export function repeats({ readiness }: Pick<Fleet, 'readiness'>): number {
  return Math.ceil(readiness.deadlineMs / PAUSE_MS);
}

/** A task's own cost: nonces burned before it, replicas asked whether they are up, its effect, and its proofs. */
export function taskCost(sizes: Sizes, { step, targets }: Task): Cost {
  const loads = step.action === 'reload' || step.action === 'restart';
  const overReplicas = step.over === 'replicas';
  const burnt = overReplicas && sizes.fleet.probe.scheme?.singleUse !== false ? sizes.clients : 0;
  const asked = overReplicas && loads && isForward(step.phase) ? sizes.replicas - targets.length : 0;
  const before = probing(sizes, { ACCEPTED: burnt + asked, AUTH_INVALID_HMAC: isSetApart(sizes, step) ? 1 : 0 });
  const effect = effectCost(sizes, { step, targets });
  const ready = overReplicas && loads ? readyCost(sizes, step.phase, targets.length) : NOTHING;
  return sum([
    before,
    effect,
    ready,
    ...step.proofs.map((proof) => proofCost(sizes, proof, step.phase, targets.length)),
  ]);
}

/** Whether the step has given a replica `next`, after which another one is asked whether it has it too (`prove-apart.ts`). */
function isSetApart({ fleet, certificates }: Sizes, { phase, over, action }: Task['step']): boolean {
  const [first] = fleet.replicas;
  const isGiven = phase === 'opening' && over === 'replicas' && action === 'write' && certificates !== true;
  return isGiven && first !== undefined && isOwnFile(first.deploy, fleet.replicas);
}

function effectCost({ fleet }: Sizes, { step, targets }: Task): Cost {
  const [effect] = step.effects;
  if (effect?.of === 'flight') return waiting(drainMs(fleet));
  if (step.action !== 'reload' && step.action !== 'restart') return NOTHING;
  const deadlines = [...fleet.replicas.map(({ name, deploy }) => ({ name, deploy })), ...fleet.clients.map(named)]
    .filter(({ name }) => targets.includes(name))
    .map(({ deploy }) => deploy.deadlineMs);
  return { ...NOTHING, mostMs: total(deadlines) };
}

function named({ id, deploy }: Fleet['clients'][number]): { name: string; deploy: typeof deploy } {
  return { name: id, deploy };
}

/** Until each client was accepted often enough in a row; `current` is offered first, which a narrowed replica refuses once. */
function readyCost(sizes: Sizes, phase: MovingPhase, targets: number): Cost {
  const { deadlineMs, consecutive } = sizes.fleet.readiness;
  const isNarrowed = phase === 'retiring' || phase === 'destroying';
  const once: Answers = { ACCEPTED: consecutive, AUTH_INVALID_HMAC: isNarrowed ? 1 : 0 };
  const answers = times(once, targets * sizes.clients);
  return {
    ...counted(answers),
    leastMs: 0,
    mostMs: targets * sizes.clients * (deadlineMs + sizes.fleet.probe.deadlineMs),
  };
}

/** What one proof costs. @param changed how many targets its step has changed */
function proofCost(sizes: Sizes, proof: Proof, phase: MovingPhase, changed: number): Cost {
  const { fleet, replicas, clients } = sizes;
  const { consecutive } = fleet.readiness;
  switch (proof.proves) {
    case 'accepts':
      // Nothing that is to be refused goes through the balancer.
      return rounds(sizes, placesOf(sizes, proof.on, changed), {
        ACCEPTED: clients * consecutive,
        AUTH_INVALID_HMAC: proof.on === 'balancer' ? 0 : clients * WRONG_SECRET,
      });
    case 'refuses':
      return rounds(sizes, placesOf(sizes, proof.on, changed), {
        ACCEPTED: clients * consecutive,
        AUTH_INVALID_HMAC: clients * (WRONG_SECRET + REFUSAL_TRIES + otherKeyIds(fleet)),
      });
    case 'default-id':
      return rounds(sizes, placesOf(sizes, proof.on, changed), { ACCEPTED: 1, AUTH_INVALID_HMAC: 1 });
    case 'signs':
    case 'key-ids':
      return usageCost(sizes);
    case 'unused':
      return sum([controlCost(sizes), usageCost(sizes)]);
    case 'checklist':
      return again(sizes, checklistAnswers(sizes, phase));
    case 'namespace':
      if (fleet.probe.scheme?.singleUse === false) return NOTHING;
      return again(sizes, {
        REPLAY_NONCE_USED: (changed > 0 ? changed : replicas) * Math.min(clients, NAMESPACE_READS),
      });
    case 'replay':
      if (fleet.probe.scheme?.singleUse === false) return NOTHING;
      return sum([again(sizes, checkAnswers(sizes, REPLAY_NOW)), probing(sizes, { ACCEPTED: replicas })]);
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
  const sources = fleet.clients.flatMap(({ usage }) => usage);
  const isList = sources.some(({ from }) => from === 'ledger');
  const leastMs = window + Math.max(isList ? 2 * fleet.replay.clockErrorMs : 0, ...sources.map(lateMsOf));
  const pages = sources.some(({ from }) => from === 'metrics' || from === 'ledger') ? 2 * replicas : 0;
  const mostMs = USAGE_WINDOWS * (leastMs + (isList ? 1000 : 0) + 2 * fleet.probe.deadlineMs);
  return { ...counted({ PAGE: pages }), leastMs, mostMs };
}

/** Requests of ours by which sources show that they name what signed, and the pages that show them (`usage-control.ts`). */
function controlCost(sizes: Sizes): Cost {
  const { fleet, replicas, clients } = sizes;
  const sources = fleet.clients
    .flatMap(({ usage }) => usage)
    .filter((source) => source.from !== 'confirmation' && isControlled(source, fleet));
  if (sizes.certificates === true || sources.length === 0) return NOTHING;
  const pages = sources.some(({ from }) => from === 'metrics') ? 2 * replicas : 0;
  const lateMs = Math.max(...sources.map(lateMsOf));
  const sent = probing(sizes, { ACCEPTED: replicas * clients });
  const asked = { ...counted({ PAGE: pages }), leastMs: lateMs, mostMs: 2 * (2 * lateMs + SHOWN_MS) };
  return sum([sent, asked]);
}

/** How late a source may be. */
function lateMsOf(source: Fleet['clients'][number]['usage'][number]): number {
  if (source.from === 'prometheus') return source.server.scrapeMs;
  return 'lagMs' in source ? source.lagMs : 0;
}

/** What some checks send while every replica accepts so many generations. */
export function checkAnswers(sizes: Sizes, ids: readonly string[], accepted = 1, strict = false, revoked = 0): Answers {
  const { fleet } = sizes;
  const mostRefusals = mostOf(fleet.lockout);
  return budgetOf(ids, { ...sizes, accepted, strict, revoked, sparing: isSparing(fleet), mostRefusals }).answers;
}

/** The checklist at the end of a phase: of gates, key ids are enforced from the moving on, and one is revoked at the end. */
function checklistAnswers(sizes: Sizes, phase: MovingPhase): Answers {
  const { fleet } = sizes;
  const accepted = ACCEPTED_AFTER[phase].length;
  const ids = checksOf(fleet, 'checklist').map(({ id }) => id);
  return checkAnswers(sizes, ids, accepted, phase !== 'opening', phase === 'destroying' ? 1 : 0);
}

/** Key ids beside its own under which a withdrawn secret must be refused: the other generation's, and the two defaults. */
function otherKeyIds({ protocol, probe }: Pick<Fleet, 'protocol' | 'probe'>): number {
  if (protocol === 'gate-v1') return 3;
  return probe.scheme?.keyId === undefined ? 0 : 1;
}

/** Finishing the after-TTL checks: each burned nonce is used once more and then read at every replica. */
export function settleCost({ fleet, replicas }: Sizes, owed: number): Cost {
  return probing({ fleet }, { ACCEPTED: owed, REPLAY_NONCE_USED: owed * replicas });
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

/** What costs nothing. */
export const NOTHING: Cost = { requests: 0, answers: NO_ANSWERS, leastMs: 0, mostMs: 0 };

/** Requests by what they are expected to come to, and how many that are. */
export function counted(answers: Answers): Pick<Cost, 'requests' | 'answers'> {
  return { requests: totalOf(answers), answers };
}

/** Several costs, one after the other. */
function sum(costs: readonly Cost[]): Cost {
  return {
    ...counted(sumOf(costs.map(({ answers }) => answers))),
    leastMs: total(costs.map(({ leastMs }) => leastMs)),
    mostMs: total(costs.map(({ mostMs }) => mostMs)),
  };
}

function waiting(ms: number): Cost {
  return { ...NOTHING, leastMs: ms, mostMs: ms };
}

/** Requests one after the other, each answered by its deadline. */
function probing({ fleet }: Pick<Sizes, 'fleet'>, answers: Answers): Cost {
  return { ...counted(answers), leastMs: 0, mostMs: totalOf(answers) * fleet.probe.deadlineMs };
}

/** Rounds at some places: one begun just before the readiness deadline may last for as long as its probes. */
function rounds({ fleet }: Sizes, places: number, each: Answers): Cost {
  const mostMs = places * (fleet.readiness.deadlineMs + totalOf(each) * fleet.probe.deadlineMs);
  return { ...counted(times(each, places)), leastMs: 0, mostMs };
}

/** Checks that are tried again until the readiness deadline. */
function again({ fleet }: Sizes, answers: Answers): Cost {
  const mostMs = fleet.readiness.deadlineMs + totalOf(answers) * fleet.probe.deadlineMs;
  return { ...counted(answers), leastMs: 0, mostMs };
}

function total(list: readonly number[]): number {
  return list.reduce((all, one) => all + one, 0);
}
