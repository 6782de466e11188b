import type { Task } from '../../../src/machine/roll.ts';
import { nextTask } from '../../../src/machine/rotation.ts';
import { mayBeDone } from '../../../src/machine/safety/proofs.ts';
import type { Model, State } from '../../../src/machine/safety/world.ts';
import { FLEET_TARGET, type Proof } from '../../../src/machine/step.ts';
import type { Random } from './random.ts';

/** All proofs of the task that is due, in place of one; some of them take seconds. */
const WHOLE_TASK_SHARE = 0.35;

/** Something to prove: the task that is due, without its effects, or one proof over all replicas. */
export function proofsToTake(random: Random, model: Model, { rotation, world }: State): Task {
  const due = nextTask(model.setting, rotation);
  const proof = oneProof(random);
  // Usage and checks want every replica; what the model says of fewer is that a proof that cannot be had holds.
  const allUp = world.replicas.every(({ memory }) => memory !== undefined);
  if (random() < WHOLE_TASK_SHARE && allUp && due !== undefined && due.step.proofs.length > 0) {
    return { ...due, step: { ...due.step, effects: [] } };
  }
  const [some] = model.setting.tasks.opening;
  if (some === undefined) throw new Error('the runbook has no opening');
  const step = { ...some.step, id: 'a single proof', over: 'fleet', effects: [], proofs: [proof] } as const;
  return { step, targets: [FLEET_TARGET] };
}

function oneProof(random: Random): Proof {
  const proves = random() < 0.5 ? 'accepts' : 'refuses';
  const generation = random() < 0.5 ? 'current' : 'next';
  return { proves, generation, on: 'every-replica' };
}

/** Whether the model says that the proofs of a task would be a pass, needless or not. */
export function wouldPass(model: Model, { rotation, world }: State, task: Task): boolean {
  const touched = Object.values(model.setting.inventory).flat();
  return mayBeDone(model, { ...rotation, touched }, world, task);
}
