import type { Task } from '../roll.ts';
import type { ClientSettings, Effect, ReplicaSettings, RotatingGeneration } from '../step.ts';
import { acceptsSomehow } from './verify.ts';
import {
  type Client,
  clientOf,
  type Message,
  type Model,
  messageOf,
  messagesOf,
  type Replica,
  replicaOf,
  sameMessage,
  type World,
} from './world.ts';

/** The world with one element of one of its lists replaced. */
function withAt<T>(list: readonly T[], index: number, value: T): readonly T[] {
  return list.map((old, place) => (place === index ? value : old));
}

/** The world after a task's effect on one of its targets, or `undefined` when it changes nothing or cannot be. */
export function carriedOut(model: Model, world: World, task: Task, target: string): World | undefined {
  const [effect] = task.step.effects;
  if (effect?.of === 'sessions') return withoutSessions(world, effect.ended);
  if (effect === undefined || !('where' in effect)) return undefined;
  const { inventory } = model.setting;
  switch (effect.of) {
    case 'template': {
      const index = inventory.templates.indexOf(target);
      const template = world.templates[index];
      if (template === undefined || isSet(template, effect.set)) return undefined;
      return { ...world, templates: withAt(world.templates, index, { ...template, ...effect.set }) };
    }
    case 'replica': {
      const index = inventory.replicas.indexOf(target);
      const old = world.replicas[index];
      const replica = old === undefined ? undefined : onReplica(old, effect, task.step.action === 'restart');
      return replica === undefined ? undefined : withReplica(model, world, index, replica);
    }
    case 'client': {
      const index = inventory.clients.indexOf(target);
      const old = world.clients[index];
      const client = old === undefined ? undefined : onClient(old, effect);
      return client === undefined ? undefined : withClient(model, world, index, client);
    }
  }
}

/** The world in which no session made earlier under a generation goes on. What a client shows now makes new ones. */
function withoutSessions(world: World, ended: RotatingGeneration): World | undefined {
  const old = ({ message }: { message: Message }) => message.signs.includes(ended);
  if (!world.clients.some(({ lingering }) => lingering.some(old))) return undefined;
  return eachClient(world, (client) => {
    const lingering = client.lingering.filter((one) => !old(one));
    return clientOf(client.memory, client.disk, lingering);
  });
}

function onReplica(replica: Replica, effect: Extract<Effect, { of: 'replica' }>, starts: boolean): Replica | undefined {
  const { memory, disk } = replica;
  if ('from' in effect) {
    const can = memory === undefined ? starts : !isSet(memory, disk);
    return can ? replicaOf(disk, disk) : undefined;
  }
  if (effect.where === 'disk')
    return isSet(disk, effect.set) ? undefined : replicaOf(memory, { ...disk, ...effect.set });
  if (memory === undefined || isSet(memory, effect.set)) return undefined;
  return replicaOf({ ...memory, ...effect.set }, disk);
}

function onClient(client: Client, effect: Extract<Effect, { of: 'client' }>): Client | undefined {
  if ('from' in effect) return restarted(client);
  const { memory, disk, lingering } = client;
  return isSet(disk, effect.set) ? undefined : clientOf(memory, { ...disk, ...effect.set }, lingering);
}

/** A client that takes up its configuration: what it sent until now may still arrive. `undefined` when that changes nothing. */
export function restarted({ memory, disk, lingering }: Client): Client | undefined {
  if (isSet(memory, disk)) return undefined;
  const before = messageOf(memory);
  const now = messageOf(disk);
  if (sameMessage(before, now)) return clientOf(disk, disk, lingering);
  const older = lingering.filter(({ message }) => !sameMessage(message, now) && !sameMessage(message, before));
  return clientOf(disk, disk, [...older, { message: before, draining: false }]);
}

/** Whether settings are as an effect would make them. */
export function isSet<S extends ReplicaSettings | ClientSettings>(settings: S, set: Partial<S>): boolean {
  return (Object.keys(set) as (keyof S)[]).every((name) => {
    const [is, wanted] = [settings[name], set[name]];
    return Array.isArray(is) && Array.isArray(wanted) ? is.join() === wanted.join() : is === wanted;
  });
}

/** The world when a task has been intended: a wait that begins now says nothing of what is sent later. */
export function begun(world: World, task: Task): World {
  const [effect] = task.step.effects;
  if (effect?.of !== 'flight') return world;
  return eachClient(world, (client) => {
    const lingering = client.lingering.map((one) =>
      one.message.signs.includes(effect.drained) ? { ...one, draining: true } : one,
    );
    return clientOf(client.memory, client.disk, lingering);
  });
}

/** The world when a wait was given up: what was sent before it counts as sent just now, until another wait begins. */
export function givenUp(world: World): World {
  const waits = ({ lingering }: Client) => lingering.some(({ draining }) => draining);
  if (!world.clients.some(waits)) return world;
  return eachClient(world, (client) => {
    const lingering = client.lingering.map(({ message }) => ({ message, draining: false }));
    return clientOf(client.memory, client.disk, lingering);
  });
}

/** The world when a task over the fleet is done: what was waited for is over, what was declared is so. */
export function finished(world: World, task: Task): World {
  const [effect] = task.step.effects;
  switch (effect?.of) {
    case 'flight':
      return eachClient(world, (client) => {
        const over = (one: { message: Message; draining: boolean }) =>
          one.draining && one.message.signs.includes(effect.drained);
        return clientOf(
          client.memory,
          client.disk,
          client.lingering.filter((one) => !over(one)),
        );
      });
    case 'material':
      return effect.becomes === 'destroyed' ? withdrawing(world, effect.generation) : world;
    default:
      return world;
  }
}

/** The world in which a generation must never be accepted again. */
export function withdrawing(world: World, generation: RotatingGeneration): World {
  const { withdrawn } = world;
  return withdrawn.includes(generation) ? world : { ...world, withdrawn: [...withdrawn, generation] };
}

function eachClient(world: World, change: (client: Client) => Client): World {
  return world.clients.every(({ lingering }) => lingering.length === 0)
    ? world
    : { ...world, clients: world.clients.map((client) => (client.lingering.length === 0 ? client : change(client))) };
}

/** The world with another replica at a place. */
export function withReplica(model: Model, world: World, index: number, replica: Replica): World {
  return serving(model, { ...world, replicas: withAt(world.replicas, index, replica) });
}

/** The world with another client at a place. */
export function withClient(model: Model, world: World, index: number, client: Client): World {
  return serving(model, { ...world, clients: withAt(world.clients, index, client) });
}

/** Notes under which namespaces requests of each generation may be accepted by now: what is sent may arrive anywhere. */
function serving(model: Model, world: World): World {
  if (!model.namespaces) return world;
  const sent = new Set(world.clients.flatMap((client) => messagesOf(client).flatMap(({ signs }) => signs)));
  const served = new Set(world.served);
  for (const { memory } of world.replicas) {
    if (memory === undefined) continue;
    for (const generation of sent) {
      if (acceptsSomehow(memory, generation)) served.add(`${generation}@${memory.namespace}`);
    }
  }
  return served.size === world.served.length ? world : { ...world, served: [...served].sort() };
}
