import type { Part } from './part.ts';
import { ask } from './redis-talk.ts';
import { ensureStarted, type Store, type StoreNode } from './store-node.ts';

/** What can be done to a store, each to all of its nodes or to one. */
const STORE_VERBS = [
  'stop',
  'kill',
  'start',
  'restart',
  'freeze',
  'thaw',
  'fill',
  'relieve',
  'flush',
  'failover',
] as const;

type Verb = (typeof STORE_VERBS)[number];

/** The knobs of a fleet's store. */
export interface StoreKnobs {
  /** Does it; rejects with a message for the operator. */
  turn(verb: string, node: string): Promise<void>;
  isFrozen(node: StoreNode): boolean;
}

/** Makes the knobs. What they leave behind, `start` takes away: it thaws, makes room, and starts what does not run. */
export function makeStoreKnobs(store: Store): StoreKnobs {
  const frozen = new Set<Part>();
  const filled = new Set<Part>();
  const start = async (nodes: readonly StoreNode[]): Promise<void> => {
    for (const { part } of nodes) if (frozen.delete(part)) part.signal('SIGCONT');
    for (const node of nodes) if (filled.delete(node.part)) await limit(node, 0);
    await Promise.all(nodes.map(({ part }) => ensureStarted(part)));
    if (nodes.length === store.nodes.length) await store.start();
  };
  /** A replica takes what its primary says, and nothing from us. */
  const writable = async (nodes: readonly StoreNode[]): Promise<readonly StoreNode[]> => {
    const primaries = await store.primaries();
    return nodes.filter((node) => primaries.includes(node));
  };
  const end = async (nodes: readonly StoreNode[], how: 'stop' | 'kill'): Promise<void> => {
    for (const { part } of nodes) {
      frozen.delete(part);
      filled.delete(part);
    }
    await Promise.all(nodes.map(({ part }) => part[how]()));
  };
  const acts: Readonly<Record<Verb, (nodes: readonly StoreNode[]) => Promise<void>>> = {
    stop: (nodes) => end(nodes, 'stop'),
    kill: (nodes) => end(nodes, 'kill'),
    start,
    restart: async (nodes) => {
      await end(nodes, 'stop');
      await start(nodes);
    },
    freeze: async (nodes) => {
      for (const { part } of nodes) {
        part.signal('SIGSTOP');
        frozen.add(part);
      }
    },
    thaw: async (nodes) => {
      for (const { part } of nodes) {
        part.signal('SIGCONT');
        frozen.delete(part);
      }
    },
    fill: async (nodes) => {
      for (const node of await writable(nodes)) {
        await limit(node, 1);
        filled.add(node.part);
      }
    },
    relieve: async (nodes) => {
      for (const node of nodes) {
        await limit(node, 0);
        filled.delete(node.part);
      }
    },
    flush: async (nodes) => {
      for (const { port } of await writable(nodes)) await ask(port, 'FLUSHALL');
    },
    failover: () => store.failover(),
  };
  return {
    turn: async (verb, name) => {
      const nodes = name === '' ? store.nodes : store.nodes.filter(({ part }) => part.name === name);
      if (nodes.length === 0)
        throw new Error(`there is no ${JSON.stringify(name)}: ${store.nodes.map(({ part }) => part.name).join(', ')}`);
      if (!isVerb(verb)) throw new Error(`store takes ${STORE_VERBS.join(', ')}`);
      await acts[verb](nodes);
    },
    isFrozen: ({ part }) => frozen.has(part),
  };
}

function isVerb(text: string): text is Verb {
  return (STORE_VERBS as readonly string[]).includes(text);
}

/** Above its limit a store refuses every write: one byte is always too few. */
async function limit({ port }: StoreNode, bytes: number): Promise<void> {
  await ask(port, 'CONFIG', 'SET', 'maxmemory', String(bytes));
}
