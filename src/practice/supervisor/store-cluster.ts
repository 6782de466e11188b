import { ask, until } from './redis-talk.ts';
import { ensureStarted, type Store, type StoreNode } from './store-node.ts';
import { configuredPart, nodeSettings } from './store-part.ts';
import type { Making } from './store-sentinel.ts';

const NODES = ['store', 'store-b', 'store-c'] as const;
const SLOTS = 16_384;

/** Three primaries, each with a third of the slots. There are no replicas: what a node has, only it has. */
export function clusterStore({ layout, redis, version, onChange }: Making): Store {
  const ports = layout.storePorts.slice(0, NODES.length);
  const nodes = NODES.map((name, index): StoreNode => {
    const port = ports[index] ?? 0;
    const settings = {
      ...nodeSettings(layout, port),
      'cluster-enabled': 'yes',
      'cluster-config-file': 'nodes.conf',
      'cluster-port': String(layout.storePorts[NODES.length + index] ?? 0),
      'cluster-node-timeout': '5000',
    };
    return { port, part: configuredPart({ layout, redis, name, onChange }, settings) };
  });
  const start = async (): Promise<void> => {
    await Promise.all(nodes.map(({ part }) => ensureStarted(part)));
    const [first = 0] = ports;
    if (String(await ask(first, 'CLUSTER', 'INFO')).includes('cluster_slots_assigned:0')) await join(layout.storePorts);
    await until('all nodes of the cluster know all slots', async () => {
      const infos = await Promise.all(ports.map((port) => ask(port, 'CLUSTER', 'INFO')));
      return infos.every((info) => String(info).includes('cluster_state:ok'));
    });
  };
  return {
    description: `${version}, a cluster of three nodes`,
    nodes,
    others: [],
    start,
    stop: async () => {
      await Promise.all(nodes.map(({ part }) => part.stop()));
    },
    primaries: async () => nodes,
    failover: async () => {
      throw new Error('this cluster has no replicas to fail over to: stop, kill or flush one node');
    },
  };
}

/** Gives each node its slots, and makes them known to each other. */
async function join(all: readonly number[]): Promise<void> {
  const [ports, buses] = [all.slice(0, NODES.length), all.slice(NODES.length)];
  const share = Math.ceil(SLOTS / ports.length);
  for (const [index, port] of ports.entries()) {
    const last = Math.min((index + 1) * share, SLOTS) - 1;
    await ask(port, 'CLUSTER', 'ADDSLOTSRANGE', String(index * share), String(last));
    await ask(port, 'CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
  }
  const [first = 0] = ports;
  for (const [index, port] of ports.entries()) {
    if (port !== first) await ask(first, 'CLUSTER', 'MEET', '127.0.0.1', String(port), String(buses[index]));
  }
}
