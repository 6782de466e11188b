import { faultOf } from '../faults.ts';
import { kindOf } from '../kinds.ts';
import { renewedGate } from './gate-template.ts';
import type { Part } from './part.ts';
import { forgetFault, type Practice, type Replica } from './practice.ts';
import { renewedSigner } from './signer-template.ts';

/** What a command answers besides that it was done. */
export type Answer = Readonly<Record<string, unknown>>;

/** Runs the control commands of one fleet; those on one part run one after the other. */
export interface Commands {
  run(words: readonly string[]): Promise<Answer>;
}

/** Makes the commands of a fleet. `run` rejects with a message for the operator. */
export function makeCommands(practice: Practice): Commands {
  const lanes = new Map<string, Promise<unknown>>();
  let frozen = false;
  const inLane = <T>(name: string, act: () => Promise<T>): Promise<T> => {
    const result = (lanes.get(name) ?? Promise.resolve()).then(act, act);
    lanes.set(name, result);
    return result;
  };
  const store = async (verb: string | undefined): Promise<Answer> => {
    const { part } = practice.store;
    if (verb === 'freeze') part.signal('SIGSTOP');
    else if (verb === 'thaw') part.signal('SIGCONT');
    else if (verb === 'stop') await part.stop();
    else if (verb === 'start') await ensureStarted(part);
    else throw new Error('store takes stop, start, freeze or thaw');
    frozen = verb === 'freeze';
    return {};
  };
  return {
    run: async ([verb, ...words]) => {
      const [first = '', second = '', third = ''] = words;
      switch (verb) {
        case 'status':
          return statusOf(practice, frozen);
        case 'store':
          return inLane('store', () => store(first));
        case 'fault':
          return inLane(third, () => changeFault(practice, first, second, third));
        case 'renew':
          return inLane(first, () => renew(practice, first));
        case 'reload':
        case 'restart':
        case 'stop':
        case 'start':
        case 'kill':
          return inLane(first, () => onPart(practice, verb, first));
        default:
          throw new Error('the commands are reload, restart, stop, start, kill, renew, fault, store, status, down');
      }
    },
  };
}

async function onPart(
  practice: Practice,
  verb: 'reload' | 'restart' | 'stop' | 'start' | 'kill',
  name: string,
): Promise<Answer> {
  const part = partOf(practice, name);
  switch (verb) {
    case 'reload':
      if (!practice.replicas.has(name) || !kindOf(practice.layout).reloads)
        throw new Error(`${name} reads its configuration only when it starts: restart it`);
      part.signal('SIGHUP');
      return {};
    case 'restart':
      await part.stop();
      await part.start();
      return {};
    case 'start':
      await ensureStarted(part);
      return {};
    default:
      await part[verb]();
      return {};
  }
}

/** Replaces a replica by a fresh instance under its name and address, whose secrets are those of the template. */
async function renew(practice: Practice, name: string): Promise<Answer> {
  const { layout } = practice;
  const { part } = replicaOf(practice, name);
  const renewed = (layout.protocol === 'gate-v1' ? renewedGate : renewedSigner)(layout, name);
  await part.kill();
  renewed();
  await part.start();
  return {};
}

async function ensureStarted(part: Part): Promise<void> {
  if (part.pid() === undefined) await part.start();
}

async function changeFault(practice: Practice, verb: string, text: string, name: string): Promise<Answer> {
  const replica = replicaOf(practice, name);
  const fault = faultOf(kindOf(practice.layout).replica, text);
  if (verb === 'plant') replica.faults.add(fault);
  else if (verb === 'lift') replica.faults.delete(fault);
  else throw new Error('fault takes plant or lift');
  await replica.part.tellFaults([...replica.faults]);
  if (verb === 'lift') {
    forgetFault(practice, name, fault);
    // The crash was the fault's: a repaired replica is up again.
    if (fault === 'crash-mid-roll') await ensureStarted(replica.part);
  }
  return { faults: [...replica.faults] };
}

function statusOf(practice: Practice, frozen: boolean): Answer {
  const { store, balancer, replicas, clients } = practice;
  return {
    replicas: [...replicas].map(([name, { part, faults }]) => ({ name, ...life(part), faults: [...faults] })),
    clients: [...clients].map(([id, { part, tally }]) => ({ id, ...life(part), ...tally })),
    store: { kind: store.description, ...life(store.part), frozen },
    balancer: life(balancer),
  };
}

function life(part: Part): { pid: number | null; up: boolean } {
  const pid = part.pid();
  return { pid: pid ?? null, up: pid !== undefined };
}

function partOf({ replicas, clients }: Practice, name: string): Part {
  const found = replicas.get(name) ?? clients.get(name);
  if (found === undefined) {
    throw new Error(`there is no ${JSON.stringify(name)}: ${[...replicas.keys(), ...clients.keys()].join(', ')}`);
  }
  return found.part;
}

function replicaOf({ layout, replicas }: Practice, name: string): Replica {
  const found = replicas.get(name);
  if (found === undefined)
    throw new Error(
      `there is no ${kindOf(layout).replica} ${JSON.stringify(name)}: ${[...replicas.keys()].join(', ')}`,
    );
  return found;
}
