import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Layout, paths } from '../layout.ts';
import { writePrivate } from './files.ts';
import { makePart, type Part, type PartSpec } from './part.ts';

/** Settings of a Redis, as lines of its configuration have them. */
export type Settings = Readonly<Record<string, string>>;

/**
 * A part that is a Redis. That does not notice that the supervisor died: a shell that waits on a pipe from it does, and
 * ends Redis then.
 */
export function redisPart(spec: PartSpec): Part {
  const part = makePart(spec);
  let guard: ChildProcess | undefined;
  const dismiss = (): void => {
    guard?.kill('SIGKILL');
    guard = undefined;
  };
  return {
    ...part,
    start: async () => {
      await part.start();
      dismiss();
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

/** Settings of a Redis that holds nonces and keeps each that it confirmed, also over `kill -9`. */
export function nodeSettings({ home }: Layout, port: number): Settings {
  const users = paths.storeUsers(home);
  return {
    port: String(port),
    bind: '127.0.0.1',
    appendonly: 'yes',
    appendfsync: 'always',
    save: '""',
    ...(existsSync(users) ? { aclfile: users } : {}),
  };
}

/** How a Redis with a configuration file is made. */
export interface Configured {
  readonly layout: Layout;
  /** Path of `redis-server`. */
  readonly redis: string;
  readonly name: string;
  readonly onChange: () => void;
}

/**
 * A Redis with a folder of its own and a configuration file there, which is written once: what it, or a Sentinel,
 * changes in it holds at the next start.
 */
export function configuredPart(
  { layout, redis, name, onChange }: Configured,
  settings: Settings,
  sentinel = false,
): Part {
  const file = configFile(layout, name);
  return redisPart({
    name,
    command: () => {
      if (!existsSync(file)) configure(layout, name, settings);
      return [redis, file, ...(sentinel ? ['--sentinel'] : [])];
    },
    log: paths.log(layout.home, name),
    readyLine: sentinel ? /\+monitor/ : /Ready to accept connections/,
    onChange,
  });
}

/** Writes the configuration of a Redis anew. */
export function configure(layout: Layout, name: string, settings: Settings): void {
  const folder = join(paths.store(layout.home), name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lines = Object.entries({ ...settings, dir: folder }).map(([key, value]) => `${key} ${value}`);
  writePrivate(configFile(layout, name), `${lines.join('\n')}\n`);
}

function configFile({ home }: Layout, name: string): string {
  return join(paths.store(home), name, 'redis.conf');
}
