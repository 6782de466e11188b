import type { Change, ClientSettings, Effect, ReplicaSettings, Task } from './program.ts';
import {
  type Client,
  type Question,
  type Replica,
  type State,
  same,
  withClient,
  withLingering,
  withMemory,
  withReplica,
  withTemplate,
} from './state.ts';

/** The state after the task's effect on one of its targets. */
export function effectOn(state: State, task: Task, target: string): State {
  return task.effects.reduce((before, effect) => oneEffect(before, task, effect, target), state);
}

function oneEffect(state: State, task: Task, effect: Effect, target: string): State {
  if (effect.kind === 'end-sessions') {
    return withLingering(state, (message) => (message.generations.includes(effect.generation) ? null : message));
  }
  if (effect.kind !== 'set' && effect.kind !== 'load') return state;
  switch (task.over) {
    case 'replicas':
      return withReplica(state, target, (replica) => onReplica(replica, task, effect));
    case 'clients':
      return withClient(state, target, (client) => onClient(client, effect));
    case 'templates':
      if (effect.kind === 'load') return state;
      return withTemplate(state, target, (one) => ({ ...one, settings: { ...one.settings, ...effect.set } }));
    case 'fleet':
      return state;
  }
}

type Setting = Extract<Effect, { kind: 'set' | 'load' }>;

function onReplica(replica: Replica, task: Task, effect: Setting): Replica {
  const takesIt = replica.memory !== null || task.action === 'restart';
  if (effect.kind === 'load') return takesIt ? { ...replica, memory: replica.disk } : replica;
  if (effect.where === 'disk') return { ...replica, disk: { ...replica.disk, ...effect.set } };
  return replica.memory === null ? replica : { ...replica, memory: { ...replica.memory, ...effect.set } };
}

function onClient(client: Client, effect: Setting): Client {
  if (effect.kind === 'load') return withMemory(client, client.disk);
  if (effect.where === 'disk') return { ...client, disk: { ...client.disk, ...effect.set } };
  return withMemory(client, { ...client.memory, ...effect.set });
}

/** Whether the task's effect can be read back on the target. */
export function canBeReadBack(question: Question, state: State, task: Task, target: string): boolean {
  return task.effects.every((effect) => {
    if (effect.kind !== 'set' && effect.kind !== 'load') return true;
    const heeded = !question.environment.has('unheeded');
    return (
      state.replicas.filter((one) => one.name === target).every((one) => isOnReplica(one, effect, heeded)) &&
      state.clients.filter((one) => one.name === target).every((one) => isOnClient(one, effect, heeded)) &&
      state.templates.filter((one) => one.name === target).every((one) => has(one.settings, changeOf(effect)))
    );
  });
}

function isOnReplica({ memory, disk }: Replica, effect: Setting, heeded: boolean): boolean {
  if (effect.kind === 'set' && effect.where === 'disk') return has(disk, effect.set);
  if (memory === null) return false;
  if (!heeded) return true;
  return effect.kind === 'load' ? same(memory, disk) : has(memory, effect.set);
}

function isOnClient({ memory, disk }: Client, effect: Setting, heeded: boolean): boolean {
  if (effect.kind === 'set' && effect.where === 'disk') return has(disk, effect.set);
  if (!heeded) return true;
  return effect.kind === 'load' ? same(memory, disk) : has(memory, effect.set);
}

function changeOf(effect: Setting): Change {
  return effect.kind === 'set' ? effect.set : {};
}

function has(settings: ReplicaSettings | ClientSettings, change: Change): boolean {
  return same({ ...settings, ...change }, settings);
}
