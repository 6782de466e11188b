import { resolved } from './as-before.ts';
import { FLEET_TARGET, type Inventory, type Step, type TargetKind } from './step.ts';

/** One step on one batch of targets: the unit that is intended, done, proven and recorded. */
export interface Task {
  readonly step: Step;
  readonly targets: readonly string[];
}

/** The targets of a kind, in inventory order. */
function targetsOf(kind: TargetKind, inventory: Inventory): readonly string[] {
  switch (kind) {
    case 'templates':
      return inventory.templates;
    case 'replicas':
      return inventory.replicas;
    case 'clients':
      return inventory.clients;
    case 'fleet':
      return [FLEET_TARGET];
  }
}

/**
 * The tasks of a phase, in the order in which they are carried out.
 *
 * Adjacent steps over the same targets in the same order form one **roll**: a batch goes through all of them before the
 * next batch begins, so that the first replica is changed, loaded and proven while the others are untouched. A task's
 * step says nothing `as-before`: it has the value that the inventory's fleet began with. How many replicas go together
 * after the first batch is the fleet's policy, where it has one.
 */
export function tasksOf(steps: readonly Step[], inventory: Inventory): Task[] {
  return rollsOf(steps.map((step) => resolved(step, inventory))).flatMap((roll) => {
    const [head] = roll;
    if (head === undefined) return [];
    const { first, batch, backward, only } = head.order;
    const targets = targetsOf(head.over, inventory).slice(0, only);
    const size = head.over === 'replicas' ? (inventory.batch ?? batch) : batch;
    const batches = batchesOf(backward ? targets.toReversed() : targets, first, size);
    return batches.flatMap((targets) => roll.map((step) => ({ step, targets })));
  });
}

/**
 * Where the batch of a task begins, as an index into the tasks of its phase: what failed is tried again from there, since
 * what an earlier step of the roll wrote may have been undone by others meanwhile. Tasks of one batch share their list of targets.
 */
export function batchStart(tasks: readonly Task[], index: number): number {
  const targets = tasks[index]?.targets;
  let start = index;
  while (start > 0 && tasks[start - 1]?.targets === targets) start -= 1;
  return start;
}

function rollsOf(steps: readonly Step[]): Step[][] {
  const rolls: Step[][] = [];
  for (const step of steps) {
    const roll = rolls.at(-1);
    const head = roll?.[0];
    if (roll !== undefined && head !== undefined && sameRoll(head, step)) roll.push(step);
    else rolls.push([step]);
  }
  return rolls;
}

/** Steps over the fleet are each a batch of their own: what is irreversible is not tried again for the sake of what came before it. */
function sameRoll(a: Step, b: Step): boolean {
  return (
    a.over !== 'fleet' &&
    a.over === b.over &&
    a.order.first === b.order.first &&
    a.order.batch === b.order.batch &&
    a.order.backward === b.order.backward &&
    a.order.only === b.order.only &&
    a.order.unreachable === b.order.unreachable
  );
}

function batchesOf(targets: readonly string[], first: number, batch: number): string[][] {
  const batches = targets.length === 0 ? [] : [targets.slice(0, first)];
  for (let start = first; start < targets.length; start += batch) batches.push(targets.slice(start, start + batch));
  return batches;
}
