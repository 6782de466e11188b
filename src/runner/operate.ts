import type { Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Phase } from '../machine/phase.ts';
import { type Goal, turningBack } from '../machine/way.ts';
import { isBraked } from '../probe/brake.ts';
import { announceEnd } from './announce.ts';
import { AuthIncidents } from './auth-incidents.ts';
import { beginRotation } from './begin.ts';
import { requireCarriedOut } from './carried-out.ts';
import { certificateConfigurations, certificateLoader } from './certificates/configurations.ts';
import { settleOwn } from './certificates/own.ts';
import { type CertificateTerms, shownByReplicas } from './certificates/terms.ts';
import { keyringConfigurations } from './configurations.ts';
import type { DrillMark } from './drill-mark.ts';
import { type DriveOptions, drive, enter } from './engine.ts';
import { requireFreeTime } from './free-time.ts';
import { gateConfigurations } from './gate/configurations.ts';
import { beginningOf } from './gate/standing.ts';
import type { GateTerms } from './gate/terms.ts';
import { type History, isOpen, newestHistory } from './history.ts';
import { recordIncident } from './incident.ts';
import { inventoryOf } from './inventory.ts';
import type { Journal } from './journal.ts';
import { neverMoved } from './left-alone.ts';
import { deployLoader } from './loader.ts';
import { type Owed, parseOwed } from './owed.ts';
import type { Pairs } from './pair.ts';
import { type PlanBinding, requireHead } from './plan/binding.ts';
import { requireReplayProofs } from './replay-proofs.ts';
import { proveOnFleet, type Safety, UnsafeRunbook } from './safety.ts';
import { settleOwed } from './settle-owed.ts';
import { SIGNED_WITH } from './signed-with.ts';
import { recordSnapshot } from './snapshot.ts';
import { openHistory, takeUp } from './take-up.ts';
import type { HeldLock, OpenLedger, Tools } from './tools.ts';
import type { UnsafeOrder } from './unsafe-order.ts';
import { hasWindows } from './windows.ts';
import type { Stop, World } from './world.ts';

/** What an operator asks for. */
export interface Order {
  readonly command: 'overlap' | 'retire' | 'rollback' | 'resume';
  /** Wait at time gates, with a countdown, instead of ending there. */
  readonly wait: boolean;
  readonly reinstate: boolean;
  readonly reason: string | undefined;
  readonly compromised: boolean;
  readonly clients: readonly string[];
  readonly brought: ReadonlyMap<string, Secret>;
  /** Begin a rotation although its runbook is not proven safe, on the record. */
  readonly unsafeOrder?: UnsafeOrder;
  /** The saved plan that this carries out; refused when the ledger has grown since. */
  readonly plan?: PlanBinding;
  /** The drill that this is a part of, where a rotation is only rehearsed. */
  readonly drill?: DrillMark;
}

/** Where an operation ended. */
export interface Ended {
  readonly rotation: string | undefined;
  readonly phase: Phase;
  /** Set when nothing had to be done. */
  readonly already?: string;
  /** After-TTL checks still to be made. */
  readonly owed: readonly Owed[];
}

/** In which phases of an open rotation a command may be given. */
const GIVEN_IN: Readonly<Record<'overlap' | 'retire' | 'rollback', readonly Phase[]>> = {
  overlap: ['stable', 'opening', 'overlap', 'moving', 'switched'],
  retire: ['switched', 'retiring', 'retired', 'destroying'],
  rollback: ['opening', 'overlap', 'moving', 'switched', 'retiring', 'widening', 'returning', 'closing'],
};

const GOALS: Readonly<Record<'overlap' | 'retire' | 'rollback', Goal>> = {
  overlap: 'switched',
  retire: 'destroyed',
  rollback: 'rolled-back',
};

/**
 * Carries out one command on a fleet, under its lock: takes up the open rotation or begins one, drives it to the
 * command's goal, and finishes the replay checks that need time.
 *
 * @throws RotctlError as `drive`, `beginRotation` and `takeUp`; `STEP_UNSUPPORTED`, `RUNBOOK_UNSAFE` and `PLAN_STALE` before anything is done;
 *   `LOCK_HELD` when another rotation works on the fleet
 */
export async function operate(tools: Tools, order: Order): Promise<Ended> {
  requireCarriedOut(tools.runbook);
  if (order.command === 'overlap') requireReplayProofs(tools.fleet, tools.runbook);
  if (hasWindows(tools.fleet.policy.windows))
    await requireFreeTime(tools, order, newestHistory(await tools.readLedger(), tools.runbook, tools.fleet.name));
  const safety = await proofToBegin(tools, order);
  const lock = await tools.lock(order.command);
  try {
    const ledger = await tools.openLedger();
    try {
      if (order.plan !== undefined) requireHead(order.plan, await ledger.entries());
      return await underLock({ tools, ledger, lock, order, safety });
    } catch (error) {
      const told = asStopped(tools.stop.signal, error);
      if (isBraked(told)) await recordIncident(tools, ledger, told);
      throw told;
    } finally {
      await ledger.close();
    }
  } finally {
    await lock.release();
  }
}

/** A wait inside a check that was broken off by the operator's signal rejects with the signal's bare name. */
function asStopped(signal: AbortSignal, error: unknown): unknown {
  if (isBraked(signal.reason)) return signal.reason;
  if (!signal.aborted || error !== signal.reason) return error;
  return new RotctlError('STOPPED', `stopped by ${String(signal.reason)}`);
}

/** A command at work: what it is done with, and the lock and the ledger that it holds. */
interface Work {
  readonly tools: Tools;
  readonly ledger: OpenLedger;
  readonly lock: HeldLock;
  readonly order: Order;
  /** The proof by which a rotation may begin; absent where one was open already. */
  readonly safety: Safety | undefined;
}

/**
 * The proof by which a new rotation may begin; none where the command goes on with an open one, which its runbook's digest
 * binds to the proof that it began with.
 *
 * @throws RotctlError `RUNBOOK_UNSAFE` when it is not safe, and the operator has not said to go on all the same
 */
async function proofToBegin(tools: Tools, order: Order): Promise<Safety | undefined> {
  if (order.command !== 'overlap' || isOpen(newestHistory(await tools.readLedger(), tools.runbook, tools.fleet.name))) {
    return undefined;
  }
  return requireSafe(tools, order);
}

/** @throws RotctlError `RUNBOOK_UNSAFE` as `proofToBegin`, `STOPPED` */
export async function requireSafe(
  tools: Pick<Tools, 'fleet' | 'runbook' | 'clock' | 'gate'> & { readonly stop: Pick<Stop, 'signal'> },
  order: SafeOrder,
): Promise<Safety> {
  const { fleet, runbook, clock, stop } = tools;
  const inventory = inventoryOf(fleet, order.clients, await beginningOf(tools));
  const safety = await proveOnFleet({ fleet, clock, signal: stop.signal }, runbook, inventory, order.compromised);
  if (safety.answer.verdict !== 'safe' && order.unsafeOrder === undefined) throw new UnsafeRunbook(safety);
  return safety;
}

/** What of an order bears on its proof. */
type SafeOrder = Pick<Order, 'clients' | 'compromised' | 'unsafeOrder'>;

async function underLock(work: Work): Promise<Ended> {
  const { tools, ledger, order } = work;
  const history = await openHistory(tools, ledger, order.command === 'resume');
  if (history === undefined) {
    if (order.command !== 'overlap') return nothingOpen(tools, ledger, order);
    const safety = work.safety ?? (await requireSafe(tools, order));
    const begun = await beginRotation(tools, ledger, order, safety);
    const goal = reachable(tools.fleet, order.clients, 'switched');
    return run(work, begun, { goal, wait: order.wait, enteredAt: {} });
  }
  const { clients } = history.inventory;
  if (order.command === 'retire') requireMovable(tools.fleet, clients);
  const goal = reachable(tools.fleet, clients, goalOf(order, history.rotation.phase, history.goal));
  if (history.rotation.phase === goal && history.owed.length === 0) {
    return { rotation: history.id, phase: goal, already: `rotation ${history.id} is ${goal}`, owed: [] };
  }
  tools.identities?.begin(history.certificates);
  return run(work, await takeUp(tools, ledger, history), {
    goal,
    wait: order.wait,
    enteredAt: { ...history.enteredAt },
    ...(order.reason === undefined ? {} : { reason: order.reason }),
  });
}

/** A rotation that was begun or taken up. */
interface InHand {
  readonly history?: Pick<History, 'gone'>;
  readonly journal: Journal;
  readonly pairs: Pairs;
  readonly terms: GateTerms | undefined;
  readonly certificates: CertificateTerms | undefined;
}

async function run(work: Work, inHand: InHand, options: DriveOptions): Promise<Ended> {
  const { journal, pairs, terms, certificates, history } = inHand;
  const { tools, ledger } = work;
  await noteLock(work, journal, options.goal);
  const owed = () => owedIn(ledger, journal.id);
  if (certificates !== undefined) tools.identities?.rotates(shownByReplicas(tools.fleet, certificates));
  const settleOwn = ownSettler(tools, certificates);
  await settleOwn?.(journal.rotation.phase);
  const incidents = new AuthIncidents(() => tools.clock.now());
  const traffic = incidents.watch(await tools.traffic(pairs, SIGNED_WITH[journal.rotation.phase], certificates));
  const { setting } = journal;
  const rotated = certificates === undefined ? undefined : { rotation: journal.id, terms: certificates };
  const prover = await tools.prover(pairs, terms, rotated);
  const world: World = {
    ...tools,
    progress: incidents.hear(tools.progress),
    setting,
    pairs,
    ...deployedBy(tools, inHand),
    prover,
    traffic,
    keeper: tools.vault,
    ...(settleOwn === undefined ? {} : { settleOwn }),
    gone: goneFrom(tools.fleet, history),
  };
  try {
    if (journal.rotation.phase === 'stable') await recordSnapshot(world, journal, 'before');
    // A way back waits for no proof of the state that it leaves; what is owed is settled at its end.
    if (options.goal === 'rolled-back') await turnBack(world, journal, options);
    else await settleOwed(world, journal, await owed(), false);
    await drive(world, journal, options);
    await settleOwed(world, journal, await owed(), true);
    noteKeys(world, journal);
  } catch (error) {
    // What went back by itself ends with the same replay checks as what went on.
    if (error instanceof RotctlError && error.code === 'ROLLED_BACK')
      await settleOwed(world, journal, await owed(), true);
    await announceEnd(world, journal, error);
    throw error;
  } finally {
    await traffic.stop();
    await incidents.record(tools.progress, journal);
  }
  return { rotation: journal.id, phase: journal.rotation.phase, owed: await owed() };
}

/** Replicas that are gone by a recorded word, and not listed either: one that is listed counts. */
function goneFrom({ replicas }: Tools['fleet'], history: Pick<History, 'gone'> | undefined): World['gone'] {
  return new Map([...(history?.gone ?? [])].filter(([gone]) => !replicas.some(({ name }) => name === gone)));
}

/** Says what is left to do where a key is held elsewhere: its holder knows of no rotation. */
function noteKeys({ pairs, progress }: World, { rotation }: Journal): void {
  if (rotation.phase !== 'destroyed') return;
  for (const [client, { current, next }] of pairs) {
    if (!next.isHeldElsewhere) continue;
    const todo = 'make it current where its signer keeps it (signer.keyIds.current), and destroy the old one there';
    progress.note(`${client}: key ${next.fingerprint} is in force in place of ${current.fingerprint}: ${todo}`);
  }
}

/** How what is rotated stands in the configurations of this fleet, and what makes it be taken up. */
function deployedBy(
  { fleet, driver, gate, certificates: access }: Tools,
  { pairs, terms, certificates }: InHand,
): Pick<World, 'configurations' | 'loader'> {
  if (certificates !== undefined && access !== undefined) {
    const parts = { fleet, driver: access.driver };
    return { configurations: certificateConfigurations(parts, certificates), loader: certificateLoader(parts) };
  }
  const loader = deployLoader({ fleet, driver });
  if (gate === undefined) return { configurations: keyringConfigurations({ fleet, driver }, pairs), loader };
  if (terms === undefined) throw new RotctlError('INTERNAL', 'a rotation of gates without its terms');
  return { configurations: gateConfigurations({ fleet, driver: gate.driver }, pairs, terms), loader };
}

function ownSettler(
  { fleet, certificates: access }: Tools,
  certificates: CertificateTerms | undefined,
): World['settleOwn'] {
  if (certificates === undefined || access === undefined) return undefined;
  return (phase) => settleOwn(fleet, access, certificates, phase);
}

/**
 * Records who works on the rotation, and which way: a wish to go on or back must outlive a crash before its first move.
 * What waits at a gate or needs a reason is wished anew.
 */
async function noteLock({ tools, lock, order }: Work, journal: Journal, goal: Goal): Promise<void> {
  const { token, brokeStale } = lock;
  const broke = brokeStale === undefined ? {} : { brokeStale };
  const lasting = order.command === 'overlap' || (order.command === 'rollback' && !order.reinstate);
  const wish = lasting ? { goal } : {};
  const plan = order.plan === undefined ? {} : { plan: order.plan.digest };
  await journal.note('lock', { token, command: order.command, run: tools.runId, ...plan, ...wish, ...broke });
  if (brokeStale !== undefined) tools.progress.note(`the lock of a dead holder was taken over: ${brokeStale}`);
}

/** A rollback asked for in the middle of a move begins by leaving that move. */
async function turnBack(world: World, journal: Journal, options: DriveOptions): Promise<void> {
  const trigger = turningBack(journal.rotation.phase);
  if (trigger !== undefined) await enter(world, journal, options, trigger);
}

async function owedIn(ledger: OpenLedger, rotation: string): Promise<Owed[]> {
  return parseOwed((await ledger.entries()).filter((entry) => entry.rotation === rotation));
}

/**
 * Where a command leads from a phase.
 *
 * @throws RotctlError `MOVE_REFUSED` when it may not be given there, with what may
 */
export function goalOf(order: Pick<Order, 'command' | 'reinstate'>, phase: Phase, lastGoal: Phase): Goal {
  if (order.command === 'resume') return lastGoal as Goal;
  if (order.command === 'rollback' && (phase === 'retired' || (phase === 'widening' && order.reinstate))) {
    if (!order.reinstate) {
      throw new RotctlError(
        'MOVE_REFUSED',
        `rollback is refused in phase ${phase}: what is retired comes back only on the record`,
        {
          next: 'rotctl rollback --reinstate --reason TEXT',
        },
      );
    }
    return 'switched';
  }
  if (!GIVEN_IN[order.command].includes(phase)) {
    const allowed = Object.entries(GIVEN_IN)
      .filter(([, phases]) => phases.includes(phase))
      .map(([command]) => command);
    throw new RotctlError(
      'MOVE_REFUSED',
      `${order.command} is refused in phase ${phase} (allowed: ${[...allowed, 'resume'].join(', ')})`,
      {
        next: 'rotctl status',
      },
    );
  }
  return GOALS[order.command];
}

/** How far a rotation can get towards a goal: with a client that nobody can move, the overlap stays open. */
export function reachable(fleet: Fleet, clients: readonly string[], goal: Goal): Goal {
  return goal === 'switched' && neverMoved(fleet, clients) !== undefined ? 'overlap' : goal;
}

/** @throws RotctlError `PRECONDITION_FAILED` where a client can never be moved */
function requireMovable(fleet: Fleet, clients: readonly string[]): void {
  const never = neverMoved(fleet, clients);
  if (never === undefined) return;
  throw new RotctlError('PRECONDITION_FAILED', `retire is refused: ${never}`, {
    hint: 'the overlap stays open; replace that client, or make it movable, and say so in the fleet file',
    next: 'rotctl status',
  });
}

/** With no rotation open: a command whose goal the last one reached is done already; any other is refused. */
async function nothingOpen(tools: Tools, ledger: OpenLedger, order: Order): Promise<Ended> {
  const last = newestHistory(await ledger.entries(), tools.runbook, tools.fleet.name);
  const phase = last?.rotation.phase ?? 'stable';
  const reached = order.command === 'resume' || (order.command !== 'overlap' && GOALS[order.command] === phase);
  if (!reached) {
    throw new RotctlError(
      'MOVE_REFUSED',
      `${order.command} is refused: no rotation is open (phase ${phase}; allowed: overlap)`,
      { next: 'rotctl overlap' },
    );
  }
  const already = last === undefined ? 'no rotation is open' : `rotation ${last.id} is ${phase}`;
  return { rotation: last?.id, phase, already, owed: last?.owed ?? [] };
}
