import { acceptsProbe, acceptsUnderSomeLabel } from './acceptance.ts';
import type { Generation, Proof, ReplicaSettings, Task } from './program.ts';
import { type Client, isBorne, type Question, type Replica, type State } from './state.ts';

/** The targets that a task has in this world: without those that are down, where its order leaves these out. */
export function targetsIn(state: State, task: Task): readonly string[] {
  if (task.order.unreachable !== 'skip') return task.targets;
  const down = state.replicas.filter((replica) => replica.memory === null).map((replica) => replica.name);
  return task.targets.filter((target) => !down.includes(target));
}

/** Whether a proof of the task would be a pass in this world. */
export function holds(question: Question, state: State, task: Task, proof: Proof): boolean {
  const { generation } = proof;
  const scheme = question.program.scheme;
  const asked = replicasAsked(state, task, proof);
  const clients = clientsAsked(state, task);
  const accepts = (memory: ReplicaSettings): boolean => acceptsProbe(scheme, memory, proof);
  const refuses = (memory: ReplicaSettings): boolean => !acceptsUnderSomeLabel(memory, generation);
  switch (proof.proves) {
    case 'accepts':
      return proof.on === 'balancer' || allUp(asked, accepts);
    case 'refuses':
      return proof.on === 'balancer' || allUp(asked, refuses);
    case 'signs':
      return clients.every((client) => client.memory.signs === generation);
    case 'presents':
      if (task.over === 'clients') return clients.every((client) => client.memory.signs === generation);
      return allUp(asked, (memory) => memory.presents === generation);
    case 'default-id':
      return allUp(asked, (memory) => memory.defaultId === generation);
    case 'unused':
      return state.clients.every((client) => client.memory.signs !== generation || client.memory.dual);
    case 'trusts':
      return clients.every((client) => client.memory.accepts.includes(generation));
    case 'distrusts':
      return clients.every((client) => !client.memory.accepts.includes(generation));
    default:
      return holdsOfFleet(state, task, proof.proves, asked, generation);
  }
}

function holdsOfFleet(
  state: State,
  task: Task,
  proves: string,
  asked: readonly Replica[],
  generation: Generation,
): boolean {
  const inDeclared = (memory: ReplicaSettings): boolean => memory.namespace === 'declared';
  switch (proves) {
    case 'key-ids':
      return state.clients.every((client) => client.memory.keyIds === 'own');
    case 'no-session':
      return !isBorne(state, generation);
    case 'checklist':
      return allUp(everyReplica(state, task), () => true);
    case 'replay':
      return allUp(everyReplica(state, task), () => true) && placesOf(everyReplica(state, task)) <= 1;
    case 'namespace':
      return allUp(asked, inDeclared);
    case 'quiet':
      return true;
    default:
      throw new Error(`no such proof: ${proves}`);
  }
}

function allUp(replicas: readonly Replica[], is: (memory: ReplicaSettings) => boolean): boolean {
  return replicas.every(({ memory }) => memory !== null && is(memory));
}

function placesOf(replicas: readonly Replica[]): number {
  return new Set(replicas.map(({ memory }) => memory?.namespace)).size;
}

/** Whether some replica that is up would give every answer that the task's proofs want of a balancer. */
export function isGivenBySome(question: Question, state: State, task: Task): boolean {
  const wanted = task.proofs.filter((proof) => proof.on === 'balancer');
  return wanted.every((proof) =>
    state.replicas.some(({ memory }) => {
      if (memory === null) return false;
      return proof.proves === 'accepts'
        ? acceptsProbe(question.program.scheme, memory, proof)
        : !acceptsUnderSomeLabel(memory, proof.generation);
    }),
  );
}

function everyReplica(state: State, task: Task): readonly Replica[] {
  return state.replicas.filter((replica) => task.order.unreachable !== 'skip' || replica.memory !== null);
}

/** The replicas that a proof is about: the targets in a step over replicas, unless it is on every replica. */
function replicasAsked(state: State, task: Task, proof: Proof): readonly Replica[] {
  if (task.over === 'fleet' || proof.on === 'every-replica') return everyReplica(state, task);
  const targets = targetsIn(state, task);
  return state.replicas.filter((replica) => targets.includes(replica.name));
}

function clientsAsked(state: State, task: Task): readonly Client[] {
  if (task.over === 'fleet') return state.clients;
  return state.clients.filter((client) => task.targets.includes(client.name));
}
