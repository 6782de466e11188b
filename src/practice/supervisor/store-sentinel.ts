import type { Layout } from '../layout.ts';
import { ask, until } from './redis-talk.ts';
import { ensureStarted, type Store, type StoreNode } from './store-node.ts';
import { configure, configuredPart, nodeSettings, type Settings } from './store-part.ts';
import { PRIMARY } from './store-urls.ts';

/** A primary that says nothing for so long is down. Long enough that a busy machine is not taken for one. */
const DOWN_MS = 3000;

/** What a store of several processes is made of. */
export interface Making {
  readonly layout: Layout;
  /** Path of `redis-server`. */
  readonly redis: string;
  /** `redis-server 7.0.15`. */
  readonly version: string;
  readonly onChange: () => void;
}

/**
 * A primary, its replica and a Sentinel. One Sentinel decides alone (quorum 1): three on one machine fail together, and
 * take longer to say the same. A primary without a good replica takes no writes, and is given up when the replica has
 * all that was written before, so that a fail-over loses no nonce.
 */
export function sentinelStore({ layout, redis, version, onChange }: Making): Store {
  const [first = 0, second = 0, watch = 0] = layout.storePorts;
  const settings = (port: number, primary?: number): Settings => ({
    ...nodeSettings(layout, port),
    'min-replicas-to-write': '1',
    'min-replicas-max-lag': '10',
    'repl-diskless-sync-delay': '0',
    ...(primary === undefined ? {} : { replicaof: `127.0.0.1 ${primary}` }),
  });
  const node = (name: string, port: number, primary?: number): StoreNode => ({
    port,
    part: configuredPart({ layout, redis, name, onChange }, settings(port, primary)),
  });
  const nodes = [node('store', first), node('store-b', second, first)];
  const sentinel = configuredPart({ layout, redis, name: 'sentinel', onChange }, watching(watch, first), true);
  const primary = async (): Promise<StoreNode> => {
    const named = await ask(watch, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', PRIMARY);
    const port = Array.isArray(named) ? Number(named[1]) : Number.NaN;
    const found = nodes.find((each) => each.port === port);
    if (found === undefined) throw new Error('the Sentinel names no primary that is known');
    return found;
  };
  const start = async (): Promise<void> => {
    await Promise.all(nodes.map(({ part }) => ensureStarted(part)));
    await ensureStarted(sentinel);
    await until('the replica follows the primary, and the Sentinel knows both', async () => {
      const { port } = await primary();
      const replication = String(await ask(port, 'INFO', 'replication'));
      const known = String(await ask(watch, 'INFO', 'sentinel'));
      return (
        /^role:master/m.test(replication) && /min_slaves_good_slaves:1/.test(replication) && /slaves=1/.test(known)
      );
    });
  };
  return {
    description: `${version}, a primary and a replica under a Sentinel`,
    nodes,
    others: [sentinel],
    start,
    stop: async () => {
      await sentinel.stop();
      await Promise.all(nodes.map(({ part }) => part.stop()));
    },
    primaries: async () => [await primary()],
    failover: async () => {
      const old = await primary();
      const written = await replication(old.port);
      // A replica says once a second how far it has come.
      await until('the replica has every nonce', async () => (await replication(old.port)).replica >= written.primary);
      await old.part.kill();
      // Without waiting until it has noticed, so that nonces outlive it; a refusal leaves it to notice by itself.
      await ask(watch, 'SENTINEL', 'FAILOVER', PRIMARY).catch(() => {});
      await until('the Sentinel has made the replica the primary', async () => {
        const now = await primary();
        return now !== old && /^role:master/m.test(String(await ask(now.port, 'INFO', 'replication')));
      });
      // As an operator would bring it back: as a replica, and not for a moment as a primary.
      configure(layout, old.part.name, settings(old.port, (await primary()).port));
      await start();
    },
  };
}

/** How far a primary has written, and its replica followed, in bytes. */
async function replication(port: number): Promise<{ readonly primary: number; readonly replica: number }> {
  const text = String(await ask(port, 'INFO', 'replication'));
  const number = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? Number.NaN);
  return {
    primary: number(/^master_repl_offset:(\d+)/m),
    replica: number(/^slave0:.*state=online,offset=(\d+)/m),
  };
}

function watching(port: number, primary: number): Settings {
  return {
    port: String(port),
    bind: '127.0.0.1',
    [`sentinel monitor ${PRIMARY} 127.0.0.1 ${primary}`]: '1',
    [`sentinel down-after-milliseconds ${PRIMARY}`]: String(DOWN_MS),
    [`sentinel failover-timeout ${PRIMARY}`]: '3000',
  };
}
