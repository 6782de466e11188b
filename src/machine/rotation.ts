import {
  isMoving,
  isWayBack,
  MOVING_PHASES,
  type MovingPhase,
  type Phase,
  TRANSITIONS,
  type Trigger,
} from './phase.ts';
import { batchStart, type Task, tasksOf } from './roll.ts';
import type { Inventory, Program } from './step.ts';

/** Where one rotation stands. A plain value: it is the fold of its events, which the ledger keeps. */
export interface Rotation {
  readonly phase: Phase;
  /** How many tasks of the present moving phase are done and proven; 0 in a resting phase. */
  readonly done: number;
  /** Whether the next task has an intent without an outcome: the world may or may not have changed. */
  readonly intended: boolean;
  /** Whether the last outcome was not a pass; `resume` tries the batch again, from its first step. */
  readonly held: boolean;
  /** Clients that were ever told to use `next`, and not yet proven to be back on `current`. */
  readonly told: readonly string[];
  /** Targets that were changed, or may have been: those of every intent but of a phase that only takes back. */
  readonly touched: readonly string[];
  /** Set when the rotation answers a compromise: what was withdrawn may never come back. */
  readonly compromised: boolean;
}

/** What can happen to a rotation. */
export type RotationEvent =
  | { readonly kind: 'trigger'; readonly trigger: Trigger }
  /** The next task is about to change the world. Recorded before it does. */
  | { readonly kind: 'intent' }
  /** The next task has taken effect and is proven. */
  | { readonly kind: 'done' }
  /** The next task could not be proven, or was proven not to hold. */
  | { readonly kind: 'failed' };

/** The fixed surroundings of a rotation: what to do, and on what. `settingOf` makes one. */
export interface Setting {
  readonly inventory: Inventory;
  /** The tasks of each moving phase, in the order in which they are carried out. */
  readonly tasks: Readonly<Record<MovingPhase, readonly Task[]>>;
}

/** The surroundings of a rotation that carries out a program on an inventory. */
export function settingOf(program: Program, inventory: Inventory): Setting {
  const tasks = Object.fromEntries(MOVING_PHASES.map((phase) => [phase, tasksOf(program[phase], inventory)])) as Record<
    MovingPhase,
    Task[]
  >;
  return { inventory, tasks };
}

/** A move that the rules do not allow: where from, what was asked, what is allowed instead. */
export interface Refusal {
  readonly ok: false;
  readonly from: Phase;
  readonly asked: string;
  readonly allowed: readonly string[];
  readonly reason: string;
}

/** What became of an event: the rotation after it, or why it was refused. */
export type Transition = { readonly ok: true; readonly rotation: Rotation } | Refusal;

/** A rotation before its first move. */
export function begin(compromised = false): Rotation {
  return { phase: 'stable', done: 0, intended: false, held: false, told: [], touched: [], compromised };
}

/** The tasks of the present phase; none in a resting phase. */
function currentTasks(setting: Setting, rotation: Rotation): readonly Task[] {
  return isMoving(rotation.phase) ? setting.tasks[rotation.phase] : [];
}

/** The task that comes next, or `undefined` when the phase rests or has only to be completed. */
export function nextTask(setting: Setting, rotation: Rotation): Task | undefined {
  return currentTasks(setting, rotation)[rotation.done];
}

/** The triggers that are legal now. */
export function allowedTriggers(setting: Setting, rotation: Rotation): Trigger[] {
  return (Object.keys(TRANSITIONS[rotation.phase]) as Trigger[]).filter(
    (trigger) => objection(setting, rotation, trigger) === undefined,
  );
}

/** Applies one event. Pure: the same arguments give the same answer, and no argument is changed. */
export function transition(setting: Setting, rotation: Rotation, event: RotationEvent): Transition {
  switch (event.kind) {
    case 'trigger':
      return pull(setting, rotation, event.trigger);
    case 'intent':
      return intend(setting, rotation);
    case 'done':
    case 'failed':
      return settle(setting, rotation, event.kind);
  }
}

function pull(setting: Setting, rotation: Rotation, trigger: Trigger): Transition {
  const to = TRANSITIONS[rotation.phase][trigger];
  const reason = to === undefined ? `${rotation.phase} has no exit ${trigger}` : objection(setting, rotation, trigger);
  if (to === undefined || reason !== undefined) {
    return refuse(setting, rotation, trigger, reason ?? 'not allowed');
  }
  return { ok: true, rotation: { ...rotation, phase: to, done: 0, intended: false, held: false } };
}

/** Why a trigger that the table has is not legal just now, or `undefined`. */
function objection(setting: Setting, rotation: Rotation, trigger: Trigger): string | undefined {
  if (trigger === 'complete' && nextTask(setting, rotation) !== undefined) {
    return `step ${nextTask(setting, rotation)?.step.id} is not done`;
  }
  if (trigger === 'reinstate' && rotation.compromised) return 'what was withdrawn is compromised';
  if (trigger === 'rollback' && rotation.phase === 'retiring' && rotation.compromised) {
    return 'what is being withdrawn is compromised';
  }
  if (trigger === 'rollback' && TRANSITIONS[rotation.phase].rollback === 'closing' && rotation.told.length > 0) {
    return `clients may already sign with next: ${rotation.told.join(', ')}`;
  }
  return undefined;
}

function intend(setting: Setting, rotation: Rotation): Transition {
  const task = nextTask(setting, rotation);
  if (task === undefined) return refuse(setting, rotation, 'intent', 'no step is due');
  const told = tells(task) ? union(rotation.told, task.targets) : rotation.told;
  const touched = isWayBack(rotation.phase) ? rotation.touched : union(rotation.touched, task.targets);
  return { ok: true, rotation: { ...rotation, intended: true, held: false, told, touched } };
}

function union(some: readonly string[], more: readonly string[]): readonly string[] {
  return more.every((name) => some.includes(name)) ? some : [...new Set([...some, ...more])];
}

function settle(setting: Setting, rotation: Rotation, kind: 'done' | 'failed'): Transition {
  const task = nextTask(setting, rotation);
  if (task === undefined || !rotation.intended) {
    return refuse(setting, rotation, kind, 'no step was intended');
  }
  if (kind === 'failed') {
    const done = batchStart(currentTasks(setting, rotation), rotation.done);
    return { ok: true, rotation: { ...rotation, done, intended: false, held: true } };
  }
  const told = recalls(task) ? rotation.told.filter((client) => !task.targets.includes(client)) : rotation.told;
  return { ok: true, rotation: { ...rotation, done: rotation.done + 1, intended: false, held: false, told } };
}

/**
 * Whether a task has nothing to do: on the way back, a replica or template that this rotation never touched is left alone.
 * Once a template was touched no replica is left out, since any may have been made anew from it.
 */
export function isNeedless({ inventory }: Setting, { touched }: Rotation, { step, targets }: Task): boolean {
  if (!isWayBack(step.phase) || (step.over !== 'replicas' && step.over !== 'templates')) return false;
  const sources = step.over === 'replicas' ? [...inventory.templates, ...targets] : targets;
  return !sources.some((name) => touched.includes(name));
}

/** Whether the task lets its clients know of `next`. */
function tells(task: Task): boolean {
  return task.step.effects.some(
    (effect) => effect.of === 'client' && effect.where === 'disk' && effect.set.signs === 'next',
  );
}

/** Whether the task, once proven, shows its clients to be back on `current`. */
function recalls(task: Task): boolean {
  const { over, proofs } = task.step;
  return (
    over === 'clients' &&
    proofs.some(({ proves, ...of }) => {
      return (proves === 'signs' || proves === 'presents') && 'generation' in of && of.generation === 'current';
    })
  );
}

function refuse(setting: Setting, rotation: Rotation, asked: string, reason: string): Refusal {
  const allowed: string[] = allowedTriggers(setting, rotation);
  if (nextTask(setting, rotation) !== undefined) allowed.push(rotation.intended ? 'done, failed' : 'intent');
  return { ok: false, from: rotation.phase, asked, allowed, reason };
}
