import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { plainEnv, program } from './measure.ts';

/** A practice fleet that runs. */
export interface Practice {
  readonly home: string;
  /** How many processes it is. */
  readonly processes: number;
  /** From its start until it said that every part is ready, in milliseconds. */
  readonly upMs: number;
  down(): Promise<void>;
}

/** Starts a practice fleet of three signers in a folder of its own. */
export async function startFleet(): Promise<Practice> {
  const folder = mkdtempSync(join(tmpdir(), 'rotctl-bench-fleet-'));
  const home = join(folder, 'home');
  const started = performance.now();
  const args = [join(program(), 'dist/practice.js'), 'fleet', '--home', home, '--store', 'embedded', '--replicas', '3'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env: plainEnv() });
  const pids = await readyIn(child);
  const upMs = performance.now() - started;
  return {
    home,
    processes: Object.keys(pids).length,
    upMs,
    async down() {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
      rmSync(folder, { recursive: true });
    },
  };
}

function readyIn(child: ChildProcess): Promise<object> {
  return new Promise((resolve, reject) => {
    if (child.stdout === null) return reject(new Error('the fleet has no stdout'));
    const lines = createInterface({ input: child.stdout });
    lines.once('close', () => reject(new Error('the fleet ended without a line')));
    lines.once('line', (line) => {
      const said: { ready: boolean; pids: object; error?: string } = JSON.parse(line);
      if (said.ready) resolve(said.pids);
      else reject(new Error(`the fleet did not come up: ${said.error}`));
    });
  });
}
