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
import type { Precondition } from '../../runbook/runbook.ts';
import { requireReadiness } from '../before.ts';
import { probedOf } from '../fleet-parts.ts';
import { beginningOf } from '../gate/standing.ts';
import { isOpen, newestHistory } from '../history.ts';
import { inventoryOf } from '../inventory.ts';
import { goalOf, type Order } from '../operate.ts';
import { proveOnFleet, type Safety } from '../safety.ts';
import type { Tools } from '../tools.ts';
import { headOf, type LedgerHead } from './binding.ts';
import { type Change, Picture } from './changes.ts';
import { type Cost, canaryRate, repeats, type Sizes, taskCost } from './cost.ts';
import { type Duration, Timeline } from './time.ts';

/** What of an operation's tools a plan needs: files alone. */
export type PlanTools = Pick<
  Tools,
  'fleet' | 'runbook' | 'clock' | 'driver' | 'gate' | 'readLedger' | 'readCurrent'
> & {
  readonly stop: Pick<Tools['stop'], 'signal'>;
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
  readonly causes: string;
  readonly preconditions: readonly Precondition[];
  /** Requests a second of the steady traffic that runs all the while. */
  readonly canaryPerSecond: number;
  readonly repeats: number;
}

/**
 * Plans a command, or the whole rotation ahead, from where the ledger stands: reads files alone, takes no lock, makes no
 * secret, sends nothing.
 *
 * @throws RotctlError `MOVE_REFUSED`, `PRECONDITION_FAILED`, `SECRET_REFUSED` as the command itself would, as far as files tell
 */
export async function makePlan(tools: PlanTools, order: PlanOrder): Promise<Plan> {
  const { fleet, runbook, clock } = tools;
  const entries = await tools.readLedger();
  const found = newestHistory(entries, runbook);
  const history = isOpen(found) ? found : undefined;
  const rotation = history?.rotation ?? begin(order.compromised);
  const inventory = history?.inventory ?? inventoryOf(fleet, order.clients, await beginningOf(tools));
  const setting = settingOf(runbook.program, inventory);
  if (history === undefined && runbook.scheme !== 'mtls') {
    await requireReadiness(tools, await tools.readCurrent(inventory.clients), inventory.clients);
  }
  const picture = await Picture.take(tools, inventory, history?.fingerprints);
  const sizes: Sizes = {
    fleet,
    replicas: inventory.replicas.length,
    clients: probedOf(fleet, inventory.clients).length,
  };
  const timeline = new Timeline(sizes, clock.now(), history);
  const parts: PlanPart[] = [];
  let from = rotation;
  for (const { command, goal } of commandsFor(order, rotation.phase, history?.goal)) {
    const path = pathTo(setting, from, goal, goal === 'rolled-back');
    timeline.begin(from.phase === 'stable' ? runbook.preconditions : []);
    const moves: PlanPart['moves'][number][] = [];
    let requests = 0;
    for (const planned of path) {
      const move = planMove(tools, setting, from, planned, { picture, timeline, sizes });
      if (move.kind === 'task') requests += move.cost.requests;
      moves.push(move);
      from = after(setting, from, planned);
    }
    requests += timeline.settled();
    parts.push({ command, goal, moves, requests, duration: timeline.end() });
  }
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
    causes: fleet.probe.causes,
    preconditions: history === undefined ? runbook.preconditions : [],
    canaryPerSecond: canaryRate(sizes),
    repeats: repeats(fleet),
  };
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
  { fleet }: Pick<Tools, 'fleet'>,
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
  const leftOut = isNeedless(setting, rotation, task) ? 'never touched by this rotation' : obstacleTo(fleet, task);
  const cost = leftOut === undefined ? taskCost(sizes, task) : { requests: 0, leastMs: 0, mostMs: 0 };
  timeline.spend(task, cost);
  const base = { kind: 'task', phase: task.step.phase, task, cost } as const;
  return leftOut === undefined ? { ...base, changes: picture.apply(task) } : { ...base, changes: [], leftOut };
}

/** Why the fleet has no means for a task, or `undefined`. */
function obstacleTo({ replicas, clients }: Tools['fleet'], { step, targets }: Task): string | undefined {
  const { action, over } = step;
  if (action !== 'reload' && action !== 'restart') return undefined;
  const all = over === 'clients' ? clients.map(({ id, deploy }) => ({ name: id, deploy })) : replicas;
  const lacking = all.filter(({ name, deploy }) => targets.includes(name) && deploy[action] === undefined);
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
