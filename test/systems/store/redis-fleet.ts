import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ENV, freePorts, run, until } from '../foreign/processes.ts';

/** Real Redis servers of a test, in a folder of their own. */
export interface RedisFleet {
  readonly home: string;
  /** Starts a server with these settings, and waits until it answers `redis-cli`. */
  start(port: number, settings: Readonly<Record<string, string | number>>, cli?: readonly string[]): Promise<void>;
  /** A Sentinel that watches the primary at a port under the name `mymaster`. */
  sentinel(port: number, primary: number): Promise<void>;
  cli(port: number, ...words: readonly string[]): Promise<string>;
  kill(port: number): void;
  stop(): void;
}

/** Makes a folder for servers; whoever makes it stops them. */
export function redisFleet(): RedisFleet {
  const home = mkdtempSync(join(tmpdir(), 'redis-'));
  const children = new Map<number, ChildProcess>();
  const cli = (port: number, ...words: readonly string[]) => run('redis-cli', ['-p', `${port}`, ...words], home);
  const launch = (port: number, words: readonly string[]): void => {
    children.set(port, spawn('redis-server', words, { stdio: 'ignore', env: ENV, cwd: home }));
  };
  return {
    home,
    cli,
    async start(port, settings, words = []) {
      const base = { port, bind: '127.0.0.1', save: '', dir: home, dbfilename: `${port}.rdb`, ...settings };
      launch(
        port,
        Object.entries(base).flatMap(([name, value]) => [`--${name}`, ...`${value}`.split(' ')]),
      );
      await until(async () => (await cli(port, ...words, 'PING')).includes('PONG'));
    },
    async sentinel(port, primary) {
      const file = join(home, `sentinel-${port}.conf`);
      const lines = [
        `port ${port}`,
        'bind 127.0.0.1',
        `dir ${home}`,
        `sentinel monitor mymaster 127.0.0.1 ${primary} 1`,
        'sentinel down-after-milliseconds mymaster 500',
        'sentinel failover-timeout mymaster 3000',
      ];
      writeFileSync(file, `${lines.join('\n')}\n`);
      launch(port, [file, '--sentinel']);
      await until(async () => (await cli(port, 'PING')).includes('PONG'));
    },
    kill: (port) => void children.get(port)?.kill('SIGKILL'),
    stop() {
      for (const child of children.values()) child.kill('SIGKILL');
      rmSync(home, { recursive: true, force: true });
    },
  };
}

export { freePorts, run, until };
