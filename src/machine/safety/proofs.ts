import { beginningOf } from '../as-before.ts';
import type { Task } from '../roll.ts';
import { isNeedless, type Rotation } from '../rotation.ts';
import type { Proof, ProofScope, ReplicaSettings } from '../step.ts';
import { isSet } from './effects.ts';
import { accepts, acceptsSomehow, probeWith } from './verify.ts';
import { type Client, type Model, messagesOf, type Replica, type World } from './world.ts';

/**
 * Whether the runner could record a task as done just now: what it wrote can be read back, what it loaded is up, and
 * every proof of the step would be a pass. What a command says of itself counts for nothing.
 */
export function mayBeDone(model: Model, rotation: Rotation, world: World, task: Task): boolean {
  if (isNeedless(model.setting, rotation, task)) return true;
  const targets =
    task.step.order.unreachable === 'skip'
      ? task.targets.filter((target) => answers(model, world, target))
      : task.targets;
  return (
    targets.every((target) => isInForce(model, world, task, target)) &&
    task.step.proofs.every((proof) => mayBeSeen(model, world, task, targets, proof))
  );
}

/** Whether some replica would give each answer that a task's proofs want of the balancer. */
export function isVouchedFor(model: Model, { replicas }: World, { step }: Task): boolean {
  return step.proofs.every((proof) => {
    if (!('on' in proof) || proof.on !== 'balancer') return true;
    return replicas.some(({ memory }) => memory !== undefined && answersAs(model, memory, proof));
  });
}

/** Whether a replica would answer a probe as an `accepts` or `refuses` proof wants. */
function answersAs(
  { scheme, setting }: Model,
  memory: ReplicaSettings,
  proof: Extract<Proof, { on: ProofScope }>,
): boolean {
  if (proof.proves !== 'accepts') return !acceptsSomehow(memory, proof.generation);
  const keyIds = proof.keyIds === undefined ? 'own' : beginningOf(setting.inventory).keyIds;
  return accepts(scheme, memory, probeWith(proof.generation, keyIds));
}

/** Whether a target would answer: all but replicas that are down. */
function answers(model: Model, world: World, target: string): boolean {
  const replica = world.replicas[model.setting.inventory.replicas.indexOf(target)];
  return replica === undefined || replica.memory !== undefined;
}

function isInForce(model: Model, world: World, task: Task, target: string): boolean {
  const [effect] = task.step.effects;
  if (effect === undefined || !('where' in effect)) return true;
  const { inventory } = model.setting;
  const heeded = !model.environment.has('unheeded');
  switch (effect.of) {
    case 'template': {
      const template = world.templates[inventory.templates.indexOf(target)];
      return template !== undefined && isSet(template, effect.set);
    }
    case 'replica': {
      const replica = world.replicas[inventory.replicas.indexOf(target)];
      if (replica === undefined) return false;
      if (effect.where === 'disk' && 'set' in effect) return isSet(replica.disk, effect.set);
      if (replica.memory === undefined) return false;
      return !heeded || isSet(replica.memory, 'set' in effect ? effect.set : replica.disk);
    }
    case 'client': {
      const client = world.clients[inventory.clients.indexOf(target)];
      if (client === undefined) return false;
      if ('set' in effect) return isSet(client.disk, effect.set);
      return !heeded || isSet(client.memory, client.disk);
    }
  }
}

/** Whether a proof would be a pass in this world. Usage evidence is taken to be true of the time when it is judged. */
function mayBeSeen(model: Model, world: World, task: Task, targets: readonly string[], proof: Proof): boolean {
  const { inventory } = model.setting;
  const replicas = (on: ProofScope) =>
    on === 'target' ? named(world.replicas, inventory.replicas, targets) : reachable(world, task);
  const clients = () =>
    task.step.over === 'clients' ? named(world.clients, inventory.clients, targets) : world.clients;
  switch (proof.proves) {
    case 'accepts':
    case 'refuses':
      // A balancer's answer is some replica's, and a fleet without a balancer has none to give: it vouches for nobody.
      if (proof.on === 'balancer') return true;
      return replicas(proof.on).every(({ memory }) => memory !== undefined && answersAs(model, memory, proof));
    case 'signs':
      return clients().every(({ memory }) => memory.signs === proof.generation);
    case 'presents':
      if (task.step.over === 'clients') return clients().every(({ memory }) => memory.signs === proof.generation);
      return replicas(proof.on).every(({ memory }) => memory?.presents === proof.generation);
    case 'default-id':
      return replicas(proof.on).every(({ memory }) => memory?.defaultId === proof.generation);
    case 'unused':
      return world.clients.every(({ memory }) => memory.signs !== proof.generation || memory.dual);
    case 'trusts':
      return clients().every(({ memory }) => memory.accepts.includes(proof.generation));
    case 'distrusts':
      return clients().every(({ memory }) => !memory.accepts.includes(proof.generation));
    case 'key-ids':
      return world.clients.every(({ memory }) => memory.keyIds === 'own');
    case 'no-session':
      return world.clients.every((client) => !bears(client, proof.generation));
    case 'checklist':
      return reachable(world, task).every(({ memory }) => memory !== undefined);
    case 'namespace':
      return replicas(task.step.over === 'replicas' ? 'target' : 'every-replica').every(isDeclared);
    case 'quiet':
      // A valid request that is refused is a breach in itself; what else is refused and logged is outside of the model.
      return true;
    case 'replay':
      return isShared(reachable(world, task));
  }
}

/** Whether any message or session of the client bears the generation. */
export function bears(client: Client, generation: 'current' | 'next'): boolean {
  return messagesOf(client).some(({ signs }) => signs.includes(generation));
}

/** Whether all are up and look nonces up in one place, whichever: a nonce that is burned at one is then refused at all. */
function isShared(replicas: readonly Replica[]): boolean {
  const places = new Set(replicas.map(({ memory }) => memory?.namespace));
  return places.size <= 1 && !places.has(undefined);
}

function isDeclared({ memory }: Replica): boolean {
  return memory?.namespace === 'declared';
}

function named<T>(list: readonly T[], names: readonly string[], wanted: readonly string[]): T[] {
  return list.filter((_, index) => wanted.includes(names[index] ?? ''));
}

/** The replicas that a step asks: every one, or those that answer where it leaves out the others. */
function reachable(world: World, { step }: Task): readonly Replica[] {
  return step.order.unreachable === 'skip'
    ? world.replicas.filter(({ memory }) => memory !== undefined)
    : world.replicas;
}
