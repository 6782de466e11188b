import type { Pin } from '../../fleet/fleet.ts';
import { loadsIn } from '../../fleet/loads.ts';
import { isFinal, type MovingPhase, type Phase } from '../../machine/phase.ts';
import type { Task } from '../../machine/roll.ts';
import {
  begin,
  isNeedless,
  type Rotation,
  type RotationEvent,
  type Setting,
  settingOf,
  transition,
} from '../../machine/rotation.ts';
import type { Inventory } from '../../machine/step.ts';
import { type Goal, type Planned, pathTo } from '../../machine/way.ts';
import { type Answers, sumOf, totalOf } from '../../probe/answers.ts';
import type { Precondition } from '../../runbook/runbook.ts';
import { requireReadiness } from '../before.ts';
import { probedOf } from '../fleet-parts.ts';
import { sayFree, standingOf } from '../free-time.ts';
import { beginningOf } from '../gate/standing.ts';
import { isOpen, newestHistory } from '../history.ts';
import { inventoryOf } from '../inventory.ts';
import { awaitedText, neverMoved } from '../left-alone.ts';
import { goalOf, type Order, reachable } from '../operate.ts';
import { proveOnFleet, type Safety } from '../safety.ts';
import type { Tools } from '../tools.ts';
import { headOf, type LedgerHead } from './binding.ts';
import { type Change, Picture } from './changes.ts';
import { type Cost, canaryRate, NOTHING, repeats, type Sizes, taskCost } from './cost.ts';
import { deploysOf, type PlannedDeploys } from './deploys.ts';
import { type Duration, Timeline } from './time.ts';
import { byStatus, type PartTraffic, type Sender, trafficOf } from './traffic.ts';

/** What of an operation's tools a plan needs: files alone. */
export type PlanTools = Pick<
  Tools,
  'fleet' | 'runbook' | 'clock' | 'driver' | 'gate' | 'readLedger' | 'readCurrent'
> & {
  readonly stop: Pick<Tools['stop'], 'signal'>;
  /** Our address towards an address, found without sending anything. */
  readonly localAddress?: (url: URL) => Promise<string | undefined>;
};

/** What a plan is asked for. */
export interface PlanOrder {
  /** One command, or everything that is ahead. */
  readonly command: 'overlap' | 'retire' | 'rollback' | undefined;
  readonly reinstate: boolean;
  readonly compromised: boolean;
  readonly clients: readonly string[];
}

/** A step as it would be carried out on one batch of targets. */
export interface PlannedTask {
  readonly kind: 'task';
  readonly phase: MovingPhase;
  readonly task: Task;
  readonly changes: readonly Change[];
  /** Why nothing would be done. */
  readonly leftOut?: string;
  readonly cost: Cost;
}

/** A move between phases, with the gate before it. */
export interface PlannedTrigger {
  readonly kind: 'trigger';
  readonly phase: Phase;
  readonly trigger: string;
  /** What has to be waited for before, in milliseconds from the plan's making at the earliest. */
  readonly waitMs?: number;
}

/** What one command would do. */
export interface PlanPart {
  readonly command: Order['command'];
  readonly goal: Goal;
  readonly moves: readonly (PlannedTask | PlannedTrigger)[];
  readonly requests: number;
  /** The same, by phase and by what each request is expected to come to. */
  readonly traffic: readonly PartTraffic[];
  readonly duration: Duration;
}

/** Everything that a command, or a whole rotation, would do, with the proof that it may. Nothing of it was tried. */
export interface Plan {
  readonly fleet: { readonly name: string; readonly environment: string; readonly digest: string };
  readonly order: PlanOrder;
  readonly rotation: string | undefined;
  readonly phase: Phase;
  readonly madeAt: number;
  readonly ledger: LedgerHead;
  readonly inventory: Inventory;
  /** Names of the two secrets of each client. */
  readonly material: ReadonlyMap<string, { readonly current: string; readonly next: string }>;
  readonly safety: Safety;
  readonly parts: readonly PlanPart[];
  /** Where each replica is; a plan that is carried out later holds for these addresses alone. */
  readonly pins: readonly Pin[];
  /** How the configurations are reached. */
  readonly deploys: PlannedDeploys;
  readonly causes: string;
  readonly preconditions: readonly Precondition[];
  /** Requests a second of the steady traffic that runs all the while. */
  readonly canaryPerSecond: number;
  readonly repeats: number;
  /** What others will see of it all. */
  readonly sender: Sender;
  /** Requests of all commands by the status of their answers, as the fleet file has it. */
  readonly statuses: (answers: Answers) => Readonly<Record<string, number>>;
  /** Why policy lets nothing begin now, and when it does; `undefined` where now is free. */
  readonly blocked: string | undefined;
  /** What can never be done, and why. */
  readonly refused?: string;
  /** Who has to move which client. */
  readonly awaited: readonly string[];
}

/**
 * Plans a command, or the whole rotation ahead, from where the ledger stands: reads files alone, takes no lock, makes no
 * secret, sends nothing. Names of replicas were looked up before, by whoever read the fleet.
 *
 * @throws RotctlError `MOVE_REFUSED`, `PRECONDITION_FAILED`, `SECRET_REFUSED` as the command itself would, as far as files tell
 */
export async function makePlan(tools: PlanTools, order: PlanOrder): Promise<Plan> {
  const { fleet, runbook, clock } = tools;
  const entries = await tools.readLedger();
  const found = newestHistory(entries, runbook, fleet.name);
  const history = isOpen(found) ? found : undefined;
  const rotation = history?.rotation ?? begin(order.compromised);
  const inventory = history?.inventory ?? inventoryOf(fleet, order.clients, await beginningOf(tools));
  const setting = settingOf(runbook.program, inventory);
  if (history === undefined && runbook.scheme !== 'mtls') {
    await requireReadiness(tools, await tools.readCurrent(inventory.clients), inventory.clients);
  }
  const picture = await Picture.take(tools, inventory, history?.fingerprints, history?.ids);
  const sizes: Sizes = {
    fleet,
    replicas: inventory.replicas.length,
    clients: probedOf(fleet, inventory.clients).length,
    certificates: runbook.scheme === 'mtls',
  };
  const timeline = new Timeline(sizes, clock.now(), history);
  const parts: PlanPart[] = [];
  let from = rotation;
  const never = neverMoved(fleet, inventory.clients);
  for (const { command, goal: wanted } of commandsFor(order, rotation.phase, history?.goal)) {
    if (command === 'retire' && never !== undefined) continue;
    const goal = reachable(fleet, inventory.clients, wanted);
    const path = pathTo(setting, from, goal, goal === 'rolled-back');
    timeline.begin(from.phase === 'stable' ? runbook.preconditions : []);
    const moves: PlanPart['moves'][number][] = [];
    for (const planned of path) {
      const move = planMove(tools, setting, from, planned, { picture, timeline, sizes });
      moves.push(move);
      from = after(setting, from, planned);
    }
    const tasks = moves.filter((move): move is PlannedTask => move.kind === 'task');
    const traffic = trafficOf(timeline.preconditions, tasks, timeline.settled());
    const requests = totalOf(sumOf(traffic.map(({ answers }) => answers)));
    parts.push({ command, goal, moves, requests, traffic, duration: timeline.end() });
  }
  const standing = await standingOf(fleet, clock.now());
  return {
    fleet: { name: fleet.name, environment: fleet.environment, digest: fleet.digest },
    order: { ...order, clients: inventory.clients },
    rotation: history?.id,
    phase: rotation.phase,
    madeAt: clock.now(),
    ledger: headOf(entries),
    inventory,
    material: picture.material,
    safety: await proveOnFleet({ fleet, clock, signal: tools.stop.signal }, runbook, inventory, rotation.compromised),
    parts,
    pins: fleet.pins,
    deploys: deploysOf(fleet),
    causes: fleet.probe.causes,
    preconditions: history === undefined ? runbook.preconditions : [],
    canaryPerSecond: canaryRate(sizes),
    repeats: repeats(fleet),
    sender: await senderOf(tools),
    statuses: (answers) => byStatus(fleet, answers),
    blocked: standing.free ? undefined : sayFree(standing),
    ...(never === undefined ? {} : { refused: `retire is refused: ${never}` }),
    awaited: fleet.clients
      .filter(({ id, movable }) => movable === 'owner' && inventory.clients.includes(id))
      .map(({ id }) => awaitedText(fleet, id)),
  };
}

async function senderOf({ fleet, localAddress }: PlanTools): Promise<Sender> {
  const addresses = await Promise.all(
    fleet.replicas.map(async ({ name, url }) => ({ replica: name, address: await localAddress?.(url) })),
  );
  return { userAgent: 'rotctl/RUN', addresses, perSecond: fleet.probe.perSecond };
}

/** The commands ahead: the one that was asked for, or all that are left until the rotation ends. */
function commandsFor(
  { command, reinstate }: PlanOrder,
  phase: Phase,
  lastGoal: Phase | undefined,
): { command: Order['command']; goal: Goal }[] {
  if (command !== undefined) return [{ command, goal: goalOf({ command, reinstate }, phase, 'switched') }];
  const retire = { command: 'retire', goal: 'destroyed' } as const;
  const isReturning = phase === 'returning' || phase === 'closing' || lastGoal === 'rolled-back';
  if (isReturning) return [{ command: 'resume', goal: 'rolled-back' }];
  if (phase === 'widening') return [{ command: 'resume', goal: 'switched' }, retire];
  const isBefore = phase === 'stable' || isFinal(phase) || phase === 'opening' || phase === 'overlap';
  return isBefore || phase === 'moving' ? [{ command: 'overlap', goal: 'switched' }, retire] : [retire];
}

interface Drawing {
  readonly picture: Picture;
  readonly timeline: Timeline;
  readonly sizes: Sizes;
}

function planMove(
  { fleet, runbook }: Pick<Tools, 'fleet' | 'runbook'>,
  setting: Setting,
  rotation: Rotation,
  { phase, move }: Planned,
  { picture, timeline, sizes }: Drawing,
): PlannedTask | PlannedTrigger {
  if ('trigger' in move) {
    const waitMs = timeline.pass(move.trigger, rotation);
    return { kind: 'trigger', phase, trigger: move.trigger, ...(waitMs === undefined ? {} : { waitMs }) };
  }
  const { task } = move;
  const leftOut = isNeedless(setting, rotation, task)
    ? 'never touched by this rotation'
    : obstacleTo(fleet, runbook, task);
  const cost = leftOut === undefined ? taskCost(sizes, task) : NOTHING;
  timeline.spend(task, cost);
  const base = { kind: 'task', phase: task.step.phase, task, cost } as const;
  return leftOut === undefined ? { ...base, changes: picture.apply(task) } : { ...base, changes: [], leftOut };
}

/** Why the fleet has no means for a task, or `undefined`. */
function obstacleTo(
  { replicas, clients }: Tools['fleet'],
  runbook: Tools['runbook'],
  { step, targets }: Task,
): string | undefined {
  const { action, over } = step;
  const alone =
    over === 'clients' ? targets.find((id) => clients.some((one) => one.id === id && one.movable !== 'us')) : undefined;
  if (alone !== undefined) return awaitedText({ clients }, alone);
  if (action !== 'reload' && action !== 'restart') return undefined;
  const all = over === 'clients' ? clients.map((client) => ({ ...client, name: client.id })) : replicas;
  const lacking = all.filter((one) => targets.includes(one.name) && !loadsIn(runbook, one, action));
  const [first] = lacking;
  return first === undefined ? undefined : `${first.name} declares no ${action} command`;
}

/** The rotation after a move that went well. */
function after(setting: Setting, rotation: Rotation, { move }: Planned): Rotation {
  const events: RotationEvent[] =
    'task' in move ? [{ kind: 'intent' }, { kind: 'done' }] : [{ kind: 'trigger', trigger: move.trigger }];
  return events.reduce((state, event) => {
    const result = transition(setting, state, event);
    return result.ok ? result.rotation : state;
  }, rotation);
}
