import type { CommandResult } from '../deploy/ports.ts';
import type { Task } from '../machine/roll.ts';
import type { Effect } from '../machine/step.ts';
import { notCarriedOut } from './carried-out.ts';
import { drain } from './drain.ts';
import { awaitedText, isLeftAlone } from './left-alone.ts';
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
      if (effect.of === 'client' && isLeftAlone(world.fleet, target)) return awaitedText(world.fleet, target);
      if ('from' in effect) return load(world, task, target);
      if (effect.where !== 'disk') return notCarriedOut(effect);
      await world.configurations.write(effect, target);
      return undefined;
    case 'flight':
      await drain(world, effect.drained);
      return undefined;
    case 'sessions':
      return endSessions(world);
    case 'material':
      if (effect.becomes !== 'destroyed') return undefined;
      await world.configurations.purge(effect.generation);
      await world.keeper.destroy(rotation, effect.generation);
      return undefined;
  }
}

/** Why the fleet has no means for this action on this target, or `undefined`. */
function obstacle({ fleet, loader }: World, task: Task, target: string): string | undefined {
  const { action, over } = task.step;
  if (action !== 'reload' && action !== 'restart') return undefined;
  if (over === 'clients' && isLeftAlone(fleet, target)) return undefined;
  return loader.can(kindOf(task), target, action) ? undefined : `${target} declares no ${action} command`;
}

async function load({ loader }: World, task: Task, target: string): Promise<string | undefined> {
  const { action } = task.step;
  if (action !== 'reload' && action !== 'restart')
    return notCarriedOut({ of: 'replica', where: 'memory', from: 'disk' });
  const result = await loader.load(kindOf(task), target, action);
  return result.ok ? undefined : `${action} of ${target}: ${say(result)}`;
}

function kindOf({ step }: Task): 'replica' | 'client' {
  return step.over === 'clients' ? 'client' : 'replica';
}

/** One replica after the other, each once the one before serves again. */
async function endSessions({ fleet, loader, prover, gone }: World): Promise<string | undefined> {
  const notes: string[] = [];
  for (const { name } of fleet.replicas) {
    if (gone.has(name)) continue;
    const result = await loader.endSessions(name);
    if (!result.ok) notes.push(`ending the sessions of ${name}: ${say(result)}`);
    const ready = await prover.ready(name);
    if (ready.verdict !== 'pass') return [...notes, ready.reason].join('; ');
  }
  return notes.length === 0 ? undefined : notes.join('; ');
}

function say(result: CommandResult): string {
  return result.output === '' ? result.how : `${result.how}: ${result.output}`;
}
