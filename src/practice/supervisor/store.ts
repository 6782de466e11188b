import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Layout, paths } from '../layout.ts';
import { makePart, type Part } from './part.ts';

/** Which store to run: `auto` takes a `redis-server` from PATH when there is one. */
export type StoreChoice = 'auto' | 'embedded' | 'redis';

/** The replay store of a fleet. */
export interface Store {
  readonly part: Part;
  /** `redis-server 7.0.15` or `embedded`. */
  readonly description: string;
}

/** Makes the store, not running yet. Throws when a Redis is demanded and there is none. */
export function makeStore(layout: Layout, choice: StoreChoice, program: string, onChange: () => void): Store {
  const redis = choice === 'embedded' ? undefined : findOnPath('redis-server');
  if (redis !== undefined) return { part: redisPart(layout, redis, onChange), description: versionOf(redis) };
  if (choice === 'redis') throw new Error('redis-server is not on PATH: install it, or use --store embedded');
  const file = join(paths.store(layout.home), 'nonces.jsonl');
  const part = makePart({
    name: 'store',
    command: () => [process.execPath, program, 'store', '--port', String(layout.storePort), '--file', file],
    log: paths.log(layout.home, 'store'),
    onChange,
  });
  return { part, description: 'embedded' };
}

/** A real Redis that keeps every nonce it confirmed, also over `kill -9`. */
function redisPart(layout: Layout, redis: string, onChange: () => void): Part {
  const options = {
    port: String(layout.storePort),
    bind: '127.0.0.1',
    dir: paths.store(layout.home),
    appendonly: 'yes',
    appendfsync: 'always',
    save: '',
  };
  const part = makePart({
    name: 'store',
    command: () => [redis, ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])],
    log: paths.log(layout.home, 'store'),
    readyLine: /Ready to accept connections/,
    onChange,
  });
  return guarded(part);
}

/** Redis does not notice that the supervisor died: a shell that waits on a pipe from it does, and ends Redis then. */
function guarded(part: Part): Part {
  let guard: ChildProcess | undefined;
  const dismiss = (): void => {
    guard?.kill('SIGKILL');
    guard = undefined;
  };
  return {
    ...part,
    start: async () => {
      await part.start();
      guard = spawn('/bin/sh', ['-c', 'read -r _; kill -9 "$1"', 'guard', String(part.pid())], {
        stdio: ['pipe', 'ignore', 'ignore'],
      });
      guard.on('error', () => {});
    },
    stop: async () => {
      await part.stop();
      dismiss();
    },
    kill: async () => {
      await part.kill();
      dismiss();
    },
  };
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
