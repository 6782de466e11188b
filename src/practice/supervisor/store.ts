import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Layout, paths } from '../layout.ts';
import { makePart, type Part } from './part.ts';
import type { StoreChoice } from './store-choice.ts';
import { clusterStore } from './store-cluster.ts';
import { ensureStarted, type Store, type StoreNode } from './store-node.ts';
import { nodeSettings, redisPart } from './store-part.ts';
import { sentinelStore } from './store-sentinel.ts';

/** Makes the store, not running yet. Throws when a Redis is demanded and there is none. */
export function makeStore(layout: Layout, choice: StoreChoice, program: string, onChange: () => void): Store {
  const redis = choice === 'embedded' ? undefined : findOnPath('redis-server');
  if (redis === undefined && choice !== 'auto' && choice !== 'embedded')
    throw new Error('redis-server is not on PATH: install it, or use --store embedded');
  const port = layout.storePort;
  if (redis === undefined) {
    if (layout.storeForm !== 'single') throw new Error('the store of this fleet needs redis-server on PATH');
    return single('embedded', { part: embeddedPart(layout, program, onChange), port });
  }
  const version = versionOf(redis);
  const making = { layout, redis, version, onChange };
  if (layout.storeForm === 'sentinel') return sentinelStore(making);
  if (layout.storeForm === 'cluster') return clusterStore(making);
  const persists = choice !== 'standalone';
  const part = standalonePart(layout, redis, persists, onChange);
  return single(persists ? version : `${version}, without persistence`, { part, port });
}

function single(description: string, node: StoreNode): Store {
  return {
    description,
    nodes: [node],
    others: [],
    start: () => ensureStarted(node.part),
    stop: () => node.part.stop(),
    primaries: async () => [node],
    failover: async () => {
      throw new Error('this store is one process, with no replica to fail over to: give --store sentinel');
    },
  };
}

function embeddedPart(layout: Layout, program: string, onChange: () => void): Part {
  const file = join(paths.store(layout.home), 'nonces.jsonl');
  return makePart({
    name: 'store',
    command: () => [process.execPath, program, 'store', '--port', String(layout.storePort), '--file', file],
    log: paths.log(layout.home, 'store'),
    onChange,
  });
}

/** A real Redis. One that persists keeps every nonce that it confirmed, also over `kill -9`; another keeps none. */
function standalonePart(layout: Layout, redis: string, persists: boolean, onChange: () => void): Part {
  const options = {
    ...nodeSettings(layout, layout.storePort),
    dir: paths.store(layout.home),
    appendonly: persists ? 'yes' : 'no',
    save: '',
  };
  return redisPart({
    name: 'store',
    command: () => [redis, ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])],
    log: paths.log(layout.home, 'store'),
    readyLine: /Ready to accept connections/,
    onChange,
  });
}

function versionOf(redis: string): string {
  const text = execFileSync(redis, ['--version'], { encoding: 'utf8', timeout: 5000 });
  return `redis-server ${/v=([0-9.]+)/.exec(text)?.[1] ?? 'of unknown version'}`;
}

function findOnPath(program: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
