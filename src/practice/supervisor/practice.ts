import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { FaultName } from '../faults.ts';
import { kindOf } from '../kinds.ts';
import { type Layout, paths } from '../layout.ts';
import { writePrivate } from './files.ts';
import { makePart, type Part } from './part.ts';
import { makeStore } from './store.ts';
import type { StoreChoice } from './store-choice.ts';
import type { Store } from './store-node.ts';
import { count, emptyTally, type Tally } from './tally.ts';

/** A signer or a gate, and what is planted on it. */
export interface Replica {
  readonly part: Part;
  readonly faults: Set<FaultName>;
}

/** A client or a service, and its counters. */
export interface Client {
  readonly part: Part;
  readonly tally: Tally;
}

/** All parts of a practice fleet. */
export interface Practice {
  readonly layout: Layout;
  readonly store: Store;
  readonly balancer: Part;
  readonly replicas: ReadonlyMap<string, Replica>;
  readonly clients: ReadonlyMap<string, Client>;
  pids(): Readonly<Record<string, number>>;
}

/** What a fleet is made with. */
export interface PracticeWish {
  readonly layout: Layout;
  readonly store: StoreChoice;
  /** Path of this program. */
  readonly program: string;
  readonly faults: ReadonlyMap<string, ReadonlySet<FaultName>>;
}

/** Makes the parts of a fleet; nothing runs yet. */
export function makePractice({ layout, store: choice, program, faults }: PracticeWish): Practice {
  const kind = kindOf(layout);
  const onChange = (): void => writeRecord(practice);
  const start = (name: string, args: () => readonly string[]) => ({
    name,
    command: () => [process.execPath, program, ...args()],
    log: paths.log(layout.home, name),
    onChange,
  });
  const replica = ({ name }: Layout['replicas'][number]): [string, Replica] => {
    const planted = new Set(faults.get(name));
    const files = ['--env-file', paths.replicaEnv(layout, name), '--memory', paths.memory(layout.home, name)];
    const part = makePart(start(name, () => [kind.replica, ...files, '--faults', [...planted].join(',')]));
    return [name, { part, faults: planted }];
  };
  const practice: Practice = {
    layout,
    store: makeStore(layout, choice, program, onChange),
    balancer: makePart(start('balancer', () => balancerArgs(layout))),
    replicas: new Map(layout.replicas.map(replica)),
    clients: new Map(
      kind.clientIds.map((id) => [
        id,
        makeClient(start(id, () => [kind.client, '--env-file', paths.clientEnv(layout, id)])),
      ]),
    ),
    pids: () => pidsOf(practice),
  };
  return practice;
}

/** Starts all parts; resolves when each is ready and the clients are sending. */
export async function startAll(practice: Practice): Promise<void> {
  const { store, balancer, replicas, clients } = practice;
  const behind = [balancer, ...[...replicas.values()].map(({ part }) => part)];
  await Promise.all([store.start(), ...behind.map((part) => part.start())]);
  await Promise.all([...clients.values()].map(({ part }) => part.start()));
}

/** Ends all parts: clients after their last answers, then the rest at once. */
export async function stopAll({ store, balancer, replicas, clients }: Practice): Promise<void> {
  await Promise.all([...clients.values()].map(({ part }) => part.stop()));
  await Promise.all([balancer, ...[...replicas.values()].map(({ part }) => part)].map((part) => part.kill()));
  await store.stop();
}

/** Forgets what a lifted fault remembered, for a replica that is not running. */
export function forgetFault({ layout }: Practice, replica: string, fault: FaultName): void {
  rmSync(join(paths.memory(layout.home, replica), fault), { force: true });
}

function makeClient(spec: Parameters<typeof makePart>[0]): Client {
  const tally = emptyTally();
  const part = makePart({
    ...spec,
    onMessage: (message) => {
      if (message.type === 'outcome') count(tally, message.kind, message.code);
    },
  });
  return { part, tally };
}

function balancerArgs(layout: Layout): readonly string[] {
  const { balancerPort, replicas } = layout;
  const backends = replicas.flatMap(({ port }) => ['--backend', String(port)]);
  return ['balancer', '--port', String(balancerPort), ...backends, '--server-name', kindOf(layout).sharedName];
}

function pidsOf({ store, balancer, replicas, clients }: Practice): Record<string, number> {
  const stores = [...store.nodes.map(({ part }) => part), ...store.others];
  const parts = [...stores, balancer, ...[...replicas.values(), ...clients.values()].map(({ part }) => part)];
  const running = parts.flatMap((part): [string, number][] => {
    const pid = part.pid();
    return pid === undefined ? [] : [[part.name, pid]];
  });
  return { supervisor: process.pid, ...Object.fromEntries(running) };
}

function writeRecord(practice: Practice): void {
  const record = { ...practice.layout, store: practice.store.description, pids: practice.pids() };
  writePrivate(paths.record(practice.layout.home), `${JSON.stringify(record, undefined, 2)}\n`);
}
