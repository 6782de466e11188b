import { faultOf } from '../faults.ts';
import { kindOf } from '../kinds.ts';
import { renewedGate } from './gate-template.ts';
import type { Part } from './part.ts';
import { forgetFault, type Practice, type Replica } from './practice.ts';
import { renewedSigner } from './signer-template.ts';
import { ensureStarted, type Store } from './store-node.ts';
import { makeStoreKnobs, type StoreKnobs } from './store-verbs.ts';

/** What a command answers besides that it was done. */
export type Answer = Readonly<Record<string, unknown>>;

/** Runs the control commands of one fleet; those on one part run one after the other. */
export interface Commands {
  run(words: readonly string[]): Promise<Answer>;
}

/** Makes the commands of a fleet. `run` rejects with a message for the operator. */
export function makeCommands(practice: Practice): Commands {
  const lanes = new Map<string, Promise<unknown>>();
  const knobs = makeStoreKnobs(practice.store);
  const inLane = <T>(name: string, act: () => Promise<T>): Promise<T> => {
    const result = (lanes.get(name) ?? Promise.resolve()).then(act, act);
    lanes.set(name, result);
    return result;
  };
  return {
    run: async ([verb, ...words]) => {
      const [first = '', second = '', third = '', fourth = ''] = words;
      switch (verb) {
        case 'status':
          return statusOf(practice, knobs);
        case 'store':
          return inLane('store', () => knobs.turn(first, second).then(() => ({})));
        case 'fault':
          return inLane(third, () => changeFault(practice, first, second, third));
        case 'renew':
          return inLane(first, () => renew(practice, first));
        case 'end-sessions':
          return inLane(first, () => endSessions(practice, first));
        case 'handshake':
          return inLane(first, () => handshake(practice, first, { host: second, port: third, serverName: fourth }));
        case 'reload':
        case 'restart':
        case 'stop':
        case 'start':
        case 'kill':
          return inLane(first, () => onPart(practice, verb, first));
        default:
          throw new Error(
            'the commands are reload, restart, stop, start, kill, renew, end-sessions, handshake, fault, store, status, down',
          );
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

/** Has a signer change its ticket keys and close the connections that are open; returns when they are gone. */
async function endSessions(practice: Practice, name: string): Promise<Answer> {
  const { part } = replicaOf(practice, name);
  if (!kindOf(practice.layout).reloads) throw new Error(`${name} ends its sessions only when it is restarted`);
  if ((await part.order({ type: 'end-sessions' })) === undefined) throw new Error(`${name} is not running`);
  return {};
}

/** Has a client make one TLS handshake, with what it has loaded. */
async function handshake(
  { layout, clients }: Practice,
  name: string,
  to: { readonly host: string; readonly port: string; readonly serverName: string },
): Promise<Answer> {
  const client = clients.get(name);
  if (client === undefined)
    throw new Error(`there is no ${kindOf(layout).client} ${JSON.stringify(name)}: ${[...clients.keys()].join(', ')}`);
  const port = Number(to.port);
  if (to.host === '' || to.serverName === '' || !Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Error('handshake takes a client, a host, a port and a server name');
  const seen = await client.part.order({ type: 'handshake', ...to, port });
  if (seen === undefined) throw new Error(`${name} is not running`);
  return seen;
}

async function changeFault(practice: Practice, verb: string, text: string, name: string): Promise<Answer> {
  const replica = replicaOf(practice, name);
  const fault = faultOf(kindOf(practice.layout).replica, text);
  if (verb === 'plant') replica.faults.add(fault);
  else if (verb === 'lift') replica.faults.delete(fault);
  else throw new Error('fault takes plant or lift');
  await replica.part.order({ type: 'faults', planted: [...replica.faults] });
  if (verb === 'lift') {
    forgetFault(practice, name, fault);
    // The crash was the fault's: a repaired replica is up again.
    if (fault === 'crash-mid-roll') await ensureStarted(replica.part);
  }
  return { faults: [...replica.faults] };
}

function statusOf(practice: Practice, knobs: StoreKnobs): Answer {
  const { store, balancer, replicas, clients } = practice;
  return {
    replicas: [...replicas].map(([name, { part, faults }]) => ({ name, ...life(part), faults: [...faults] })),
    clients: [...clients].map(([id, { part, tally }]) => ({ id, ...life(part), ...tally })),
    store: storeStatus(store, knobs),
    balancer: life(balancer),
  };
}

/** The whole store is up when all of its nodes are, and frozen when one is. */
function storeStatus(store: Store, knobs: StoreKnobs): Answer {
  const nodes = store.nodes.map((node) => ({
    name: node.part.name,
    port: node.port,
    ...life(node.part),
    frozen: knobs.isFrozen(node),
  }));
  const [first] = nodes;
  return {
    kind: store.description,
    pid: first?.pid ?? null,
    up: nodes.every(({ up }) => up),
    frozen: nodes.some(({ frozen }) => frozen),
    nodes,
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
