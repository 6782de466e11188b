import type { CommandResult } from '../deploy/ports.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Replica } from '../fleet/fleet.ts';
import type { Task } from '../machine/roll.ts';
import type { Effect } from '../machine/step.ts';
import { notCarriedOut } from './carried-out.ts';
import { clientIn } from './configurations.ts';
import { drain } from './drain.ts';
import type { World } from './world.ts';

/** What an effect came to on its targets: carried out, or left out because the fleet has no means for it. */
export type Carried =
  | { readonly done: true; readonly notes: readonly string[] }
  | { readonly done: false; readonly why: string };

/**
 * Brings about a task's declared effects, and nothing else. What a deploy command says of itself is noted and not
 * believed: the task's proofs judge.
 *
 * @throws RotctlError `DRIVER_FAILED` when a configuration file could not be replaced
 */
export async function carryOut(world: World, rotation: string, task: Task): Promise<Carried> {
  const notes: string[] = [];
  for (const effect of task.step.effects) {
    for (const target of task.targets) {
      const why = obstacle(world, task, target);
      if (why !== undefined) return { done: false, why };
      const note = await bring(world, rotation, effect, task, target);
      if (note !== undefined) notes.push(note);
    }
  }
  return { done: true, notes };
}

async function bring(
  world: World,
  rotation: string,
  effect: Effect,
  task: Task,
  target: string,
): Promise<string | undefined> {
  switch (effect.of) {
    case 'template':
    case 'replica':
    case 'client':
      if ('from' in effect) return load(world, task, target);
      if (effect.where !== 'disk') return notCarriedOut(effect);
      await world.configurations.write(effect, target);
      return undefined;
    case 'flight':
      await drain(world, effect.drained);
      return undefined;
    case 'sessions':
      return notCarriedOut(effect);
    case 'material':
      if (effect.becomes !== 'destroyed') return undefined;
      await world.configurations.purge(effect.generation);
      await world.keeper.destroy(rotation, effect.generation);
      return undefined;
  }
}

/** Why the fleet has no means for this action on this target, or `undefined`. */
function obstacle(world: World, task: Task, target: string): string | undefined {
  const { action, over } = task.step;
  if (action !== 'reload' && action !== 'restart') return undefined;
  const { deploy } = over === 'clients' ? clientIn(world.fleet, target) : replicaNamed(world, target);
  return deploy[action] === undefined ? `${target} declares no ${action} command` : undefined;
}

async function load(world: World, task: Task, target: string): Promise<string | undefined> {
  const owner = task.step.over === 'clients' ? clientIn(world.fleet, target) : replicaNamed(world, target);
  const result = task.step.action === 'restart' ? await world.driver.restart(owner) : await world.driver.reload(owner);
  return result.ok ? undefined : `${task.step.action} of ${target}: ${say(result)}`;
}

function say(result: CommandResult): string {
  return result.output === '' ? result.how : `${result.how}: ${result.output}`;
}

function replicaNamed(world: World, name: string): Replica {
  const replica = world.fleet.replicas.find((candidate) => candidate.name === name);
  if (replica === undefined) throw new RotctlError('INTERNAL', `no replica ${name}`);
  return replica;
}
