import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { afterAll } from 'vitest';
import { temporaryFolder } from '../support/temporary.ts';

/** A practice fleet of real processes, for a test. */
export interface TestFleet {
  readonly home: string;
  readonly ready: Ready;
  readonly process: ChildProcess;
  ctl(...words: string[]): Promise<Ended>;
  status(): Promise<Status>;
  /** Port of a part, as the fleet file has it. */
  port(name: string): number;
  /** Ends the fleet; its folder goes when the file's tests are over. */
  stop(): Promise<void>;
}

export interface Ready {
  readonly ready: boolean;
  readonly error?: string;
  readonly fleetFile: string;
  readonly control: { readonly port: number; readonly tokenFile: string };
  readonly store: string;
  readonly pids: Readonly<Record<string, number>>;
}

export interface Status {
  readonly replicas: readonly { name: string; pid: number | null; up: boolean; faults: string[] }[];
  readonly clients: readonly {
    id: string;
    pid: number | null;
    up: boolean;
    accepted: number;
    refused: number;
    handshakes: number;
    faults: number;
    lastCode: string;
    byCode: Record<string, number>;
  }[];
  readonly store: { kind: string; pid: number | null; up: boolean; frozen: boolean };
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const root = new URL('../..', import.meta.url).pathname;
let program: Promise<string> | undefined;
const fleets: ChildProcess[] = [];

// Of whatever a failed test left: a supervisor that is killed takes its parts with it.
afterAll(() => {
  for (const fleet of fleets) if (fleet.exitCode === null) fleet.kill('SIGKILL');
});

/** The practice program, bundled from the present source into a folder of this test process. */
export function practiceProgram(): Promise<string> {
  program ??= bundle();
  return program;
}

async function bundle(): Promise<string> {
  const outdir = temporaryFolder('practice-program-');
  await build({
    entryPoints: { practice: join(root, 'src/practice/main.ts') },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    outdir,
    outExtension: { '.js': '.mjs' },
    banner: {
      js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
    },
  });
  return join(outdir, 'practice.mjs');
}

/** An environment as an operator's shell has it, without what slows Node's start. */
export function plainEnv(path = process.env.PATH ?? ''): Record<string, string> {
  return { PATH: path };
}

/** A fresh path for a fleet's home. */
export function freshHome(): string {
  return join(temporaryFolder('practice-fleet-'), 'home');
}

/** Starts the role `fleet` and reads its line, whatever it says. */
export async function launchFleet(
  args: readonly string[],
  env = plainEnv(),
): Promise<{ process: ChildProcess; ready: Ready }> {
  const child = spawn(process.execPath, [await practiceProgram(), 'fleet', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
  });
  fleets.push(child);
  const lines = createInterface({ input: child.stdout });
  const line = await new Promise<string>((resolve, reject) => {
    lines.once('line', resolve);
    lines.once('close', () => reject(new Error('the fleet ended without a line')));
  });
  return { process: child, ready: JSON.parse(line) };
}

/** Starts a fleet that must come up. */
export async function startFleet(...args: string[]): Promise<TestFleet> {
  const home = freshHome();
  const launched = await launchFleet(['--home', home, ...args]);
  if (!launched.ready.ready) throw new Error(launched.ready.error);
  const ctl = (...words: string[]): Promise<Ended> => runCtl(home, ...words);
  return {
    home,
    ...launched,
    ctl,
    status: async () => JSON.parse((await ctl('status')).stdout),
    port: (name) => portOf(home, name),
    stop: async () => {
      await ctl('down');
    },
  };
}

/** Runs the role `ctl`. */
export async function runCtl(home: string, ...words: string[]): Promise<Ended> {
  return run([process.execPath, await practiceProgram(), 'ctl', '--home', home, ...words]);
}

/** Runs a command to its end. */
export function run([command = '', ...args]: readonly string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: plainEnv() });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** Whether a process of this id runs (a zombie does not). */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function portOf(home: string, name: string): number {
  const record = JSON.parse(readFileSync(join(home, 'practice.json'), 'utf8'));
  if (name === 'balancer') return record.balancerPort;
  if (name === 'store') return record.storePort;
  return record.replicas.find((replica: { name: string }) => replica.name === name).port;
}
