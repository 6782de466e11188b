import { MOVING_PHASES, type MovingPhase } from '../phase.ts';
import type { Task } from '../roll.ts';
import type { Setting } from '../rotation.ts';
import type { Inventory, ListedKind, Step } from '../step.ts';

/** A part of a fleet that stands for the whole: what is proven of it holds for every target that it stands for. */
export interface SmallFleet {
  readonly setting: Setting;
  /** Whether there is more of the fleet than is in it. */
  readonly reduced: boolean;
}

/**
 * How many targets of a kind are explored at most. Every invariant speaks of one client and at most two servers, and
 * every guard of *all* targets, so that what goes wrong in a large fleet goes wrong in the part
 * that only has those in it (spec/checker.md has the argument).
 */
const MOST: Readonly<Record<ListedKind, number>> = { replicas: 2, clients: 2, templates: 2 };

const KINDS = ['replicas', 'clients', 'templates'] as const satisfies readonly ListedKind[];

/** The largest inventory of a kind whose parts are compared one by one. */
const MOST_COMPARED = 100;

/**
 * Small fleets that together stand for a fleet of any size: one for each way in which the batches of the runbook can fall
 * on two replicas, two clients and two templates of it.
 *
 * @returns `undefined` when there are too many targets with too uneven batches to compare
 */
export function representatives(setting: Setting): SmallFleet[] | undefined {
  const choices = KINDS.map((kind) => choicesOf(setting, kind));
  const [replicas, clients, templates] = choices;
  if (replicas === undefined || clients === undefined || templates === undefined) return undefined;
  return replicas.flatMap((some) =>
    clients.flatMap((callers) =>
      templates.map((sources) =>
        partOf(setting, { ...setting.inventory, replicas: some, clients: callers, templates: sources }),
      ),
    ),
  );
}

/**
 * The part of a setting that has some of its targets: steps keep their batches, and go without the others. A step that loses
 * its last batch keeps that without targets, for the sake of what it proves of others than those.
 */
function partOf({ inventory, tasks }: Setting, part: Inventory): SmallFleet {
  const left = new Set([...part.replicas, ...part.clients, ...part.templates]);
  const kept = new Map<readonly string[], readonly string[]>();
  const restrict = (task: Task): Task[] => {
    if (task.step.over === 'fleet') return [task];
    // The tasks of one batch share their list of targets, here as there.
    const targets = kept.get(task.targets) ?? task.targets.filter((target) => left.has(target));
    kept.set(task.targets, targets);
    return targets.length === 0 ? [] : [{ ...task, targets }];
  };
  const last = new Map(MOVING_PHASES.flatMap((phase) => tasks[phase].map((task) => [task.step.id, task])));
  const vanished = (task: Task): Task[] => {
    const { step, targets } = task;
    const gone = step.over !== 'fleet' && (kept.get(targets) ?? []).length === 0;
    return gone && looksBeyondTargets(step) && last.get(step.id) === task ? [{ ...task, targets: [] }] : [];
  };
  const own = Object.fromEntries(
    MOVING_PHASES.map((phase) => [phase, tasks[phase].flatMap((task) => [...restrict(task), ...vanished(task)])]),
  );
  const reduced = KINDS.some((kind) => part[kind].length < inventory[kind].length);
  return { setting: { inventory: part, tasks: own as Record<MovingPhase, Task[]> }, reduced };
}

/** Whether a step has a proof that asks others than its targets. */
function looksBeyondTargets({ over, proofs }: Step): boolean {
  return proofs.some((proof) => {
    if ('on' in proof) return proof.on !== 'target';
    if (proof.proves === 'namespace') return over !== 'replicas';
    return !(['signs', 'trusts', 'distrusts'] as const).some((name) => name === proof.proves && over === 'clients');
  });
}

function choicesOf(setting: Setting, kind: ListedKind): (readonly string[])[] | undefined {
  const all = setting.inventory[kind];
  const size = MOST[kind];
  if (all.length <= size) return [all];
  const rolls = rollsOver(setting, kind);
  if (rolls.every((roll) => roll.length === all.length && roll.every((batch) => batch.length === 1))) {
    return [all.slice(0, size)];
  }
  if (all.length > MOST_COMPARED) return undefined;
  const found = new Map<string, readonly string[]>();
  for (const some of subsets(all, size)) {
    const pattern = JSON.stringify(rolls.map((roll) => patternOf(roll, some)));
    if (!found.has(pattern)) found.set(pattern, some);
  }
  return [...found.values()];
}

/** The batches of each different roll over a kind of target. */
function rollsOver({ tasks }: Setting, kind: ListedKind): (readonly (readonly string[])[])[] {
  const rolls = new Map<string, (readonly string[])[]>();
  for (const phase of MOVING_PHASES) {
    let batches: (readonly string[])[] = [];
    let step = '';
    const note = () => batches.length > 0 && rolls.set(JSON.stringify(batches), batches);
    for (const task of tasks[phase].filter(({ step: { over } }) => over === kind)) {
      if (batches.includes(task.targets)) continue;
      if (step !== '' && task.step.id === step) batches.push(task.targets);
      else {
        note();
        batches = [task.targets];
        step = task.step.id;
      }
    }
    note();
  }
  return [...rolls.values()];
}

/** How batches fall on some targets: which of them go together, in which order, and which are left out. */
function patternOf(roll: readonly (readonly string[])[], some: readonly string[]): number[][] {
  return roll
    .map((batch) => some.flatMap((name, index) => (batch.includes(name) ? [index] : [])))
    .filter((places) => places.length > 0);
}

function* subsets<T>(list: readonly T[], size: number): Generator<T[]> {
  if (size === 0) {
    yield [];
    return;
  }
  for (const [index, first] of list.entries()) {
    for (const rest of subsets(list.slice(index + 1), size - 1)) yield [first, ...rest];
  }
}

/** Targets of a kind that every task has together or not at all: nothing but their names tells them apart. */
export function alike({ inventory, tasks }: Setting, kind: 'replicas' | 'clients'): number[][] {
  const groups = new Map<string, number[]>();
  for (const [index, name] of inventory[kind].entries()) {
    const taskList = MOVING_PHASES.flatMap((phase) => tasks[phase]);
    const signature = taskList.flatMap(({ targets }, place) => (targets.includes(name) ? [place] : [])).join();
    groups.set(signature, [...(groups.get(signature) ?? []), index]);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}
