import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { afterAll } from 'vitest';
import { isAlive } from '../practice/harness.ts';

const ROOT = new URL('../..', import.meta.url).pathname;

/** How a process ended, and all that it printed. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process that runs, and what it has printed so far. */
export interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when stderr holds the text; rejects when the process ends without it. */
  said(text: string): Promise<void>;
}

/** How a command is run. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** `crash-main` is the same program, with `CRASH_AT` (see there). */
  readonly entry?: 'rotctl' | 'crash-main';
  /** Shell commands before the program in the same shell, such as `ulimit -f 8`. */
  readonly shell?: string;
}

/** What `ctl status` says of one client. */
export interface ClientStatus {
  readonly id: string;
  readonly accepted: number;
  /** Valid requests that authentication refused. */
  readonly refused: number;
  readonly faults: number;
  readonly byCode: Readonly<Record<string, number>>;
}

/** The secrets that stand in the fleet's configuration files. */
export interface Material {
  /** Replica, or `template` → client → its accepted secrets, in order. */
  readonly signers: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  /** Client → the secret that it signs with. */
  readonly clients: Readonly<Record<string, string>>;
}

/** A practice fleet of real processes, and `rotctl` to work on it. */
export interface PracticeFleet {
  readonly home: string;
  readonly fleetFile: string;
  readonly ledger: string;
  readonly replicas: readonly string[];
  readonly pids: Readonly<Record<string, number>>;
  /** Runs `rotctl` in the fleet's folder to its end. */
  rotctl(args: readonly string[], options?: RunOptions): Promise<Ended>;
  /** Starts `rotctl` in the fleet's folder. */
  start(args: readonly string[], options?: RunOptions): Running;
  /** Runs a control command; throws when it is refused. */
  ctl(...words: string[]): Promise<string>;
  clients(): Promise<readonly ClientStatus[]>;
  material(): Material;
  down(): Promise<void>;
}

/** How a practice fleet differs from the ordinary. */
export interface FleetOptions {
  readonly replicas?: number;
  /** Which replay store; by default the embedded one. The others need redis-server. */
  readonly store?: 'standalone' | 'persistent' | 'sentinel' | 'cluster';
  /** Keeps the practice fleet's own times, which want a machine that is not busy. */
  readonly quick?: boolean;
}

/** How much longer than on an idle machine everything may take: from 1 to 4, by how many wait for each processor. */
export const slowness = Math.min(4, Math.max(1, Math.round((loadavg()[0] ?? 0) / availableParallelism() / 2)));

/** The time limit of a test that takes at most so many seconds on an idle machine. */
export function within(seconds: number): { readonly timeout: number } {
  return { timeout: 3000 * seconds * slowness };
}

/** What is changed in the fleet file. A nonce lives for longer than 2 * maxAge + 2 * clockError + storeTimeout; a probe's deadline is less than maxAge. */
const FLEET_TIMES: readonly (readonly [from: RegExp, to: string])[] = [
  [/maxAge: \w+, nonceTtl: \w+/, `maxAge: ${2 * slowness}s, nonceTtl: ${2 + 6 * slowness}s`],
  [/clockError: \w+/, `clockError: ${200 * slowness}ms`],
  [/storeTimeout: \w+/, `storeTimeout: ${500 * slowness}ms`],
  [/readiness: \{ deadline: \w+/, `readiness: { deadline: ${15 * slowness}s`],
  [/^ {2}deadline: \w+/m, `  deadline: ${1900 * slowness}ms`],
  [/^ {6}deadline: \w+/gm, `      deadline: ${10 * slowness}s`],
  [/cadence: \w+/g, `cadence: ${500 * slowness}ms`],
  [/minSamples: \w+/, 'minSamples: 20'],
];

/** The same for the signers. */
const SIGNER_TIMES: readonly (readonly [from: RegExp, to: string])[] = [
  [/MAX_AGE_MS="\d+"/, `MAX_AGE_MS="${2000 * slowness}"`],
  [/NONCE_TTL_MS="\d+"/, `NONCE_TTL_MS="${2000 + 6000 * slowness}"`],
  [/STORE_TIMEOUT_MS="\d+"/, `STORE_TIMEOUT_MS="${500 * slowness}"`],
];

const folders: string[] = [];
const drillHomes: string[] = [];
const living = new Set<ChildProcess>();
let program: Promise<string> | undefined;

// Whatever a failed test left: a supervisor that is killed takes its parts with it.
afterAll(async () => {
  const killed = [...living].map((child) => once(child, 'exit'));
  for (const child of living) child.kill('SIGKILL');
  await Promise.all(killed);
  for (const home of drillHomes) endFleetIn(home);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A fresh folder, removed when the file's tests are over. */
export function freshFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `rotctl-${name}-`));
  folders.push(folder);
  return folder;
}

/** The folder of the whole program, bundled from the present source: `bin/rotctl.js`, `dist/practice.js`, `dist/crash-main.js`. */
export function builtProgram(): Promise<string> {
  program ??= buildProgram();
  return program;
}

async function buildProgram(): Promise<string> {
  const folder = freshFolder('program');
  await build({
    entryPoints: {
      main: join(ROOT, 'src/main.ts'),
      practice: join(ROOT, 'src/practice/main.ts'),
      'canary-worker': join(ROOT, 'src/probe/canary-worker.ts'),
      'crash-main': join(ROOT, 'test/support/crash-main.ts'),
    },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    outdir: join(folder, 'dist'),
    logLevel: 'warning',
    banner: {
      js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
    },
  });
  mkdirSync(join(folder, 'bin'));
  for (const file of ['bin/rotctl.js', 'package.json']) copyFileSync(join(ROOT, file), join(folder, file));
  for (const name of ['runbooks', 'spec']) symlinkSync(join(ROOT, name), join(folder, name));
  return folder;
}

/** The environment of an operator's shell, without what slows Node's start. */
function shellEnv(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...extra };
}

/** Starts `rotctl` anywhere; the program must have been built. */
export function startRotctl(folder: string, cwd: string, args: readonly string[], options: RunOptions = {}): Running {
  const entry = options.entry === 'crash-main' ? join(folder, 'dist/crash-main.js') : join(folder, 'bin/rotctl.js');
  const argv = [process.execPath, entry, ...args];
  const [file = '', ...rest] =
    options.shell === undefined ? argv : ['bash', '-c', `${options.shell}; exec "$@"`, 'bash', ...argv];
  const child = spawn(file, rest, {
    cwd: options.cwd ?? cwd,
    env: shellEnv(options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return running(child);
}

function running(child: ChildProcess): Running {
  living.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => living.delete(child));
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  const said = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (stderr.includes(text)) resolve();
      };
      child.stderr?.on('data', look);
      look();
      ended.then(() => reject(new Error(`ended without saying ${JSON.stringify(text)}:\n${stderr}`)), reject);
    });
  return { process: child, ended, said };
}

/** Says where a drill puts its fleet, which outlives a drill that is killed: it is ended when the file's tests are over. */
export function expectFleetIn(home: string): void {
  drillHomes.push(home);
}

function endFleetIn(home: string): void {
  const record = join(home, 'practice.json');
  const supervisor = existsSync(record) ? JSON.parse(readFileSync(record, 'utf8')).pids.supervisor : undefined;
  if (typeof supervisor === 'number' && isAlive(supervisor)) process.kill(supervisor, 'SIGKILL');
}

/** Starts a practice fleet of its own and waits until it is up. */
export async function startPracticeFleet(options: FleetOptions = {}): Promise<PracticeFleet> {
  const folder = await builtProgram();
  const practice = join(folder, 'dist/practice.js');
  const home = join(freshFolder('fleet'), 'home');
  const args = [
    'fleet',
    '--home',
    home,
    '--store',
    options.store ?? 'embedded',
    '--replicas',
    String(options.replicas ?? 2),
  ];
  const supervisor = spawn(process.execPath, [practice, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: shellEnv(),
  });
  living.add(supervisor);
  const gone = new Promise<void>((resolve) => {
    supervisor.once('exit', () => {
      living.delete(supervisor);
      resolve();
    });
  });
  const ready = await firstLine(supervisor);
  const replicas = Object.keys(ready.pids).filter((name) => name.startsWith('signer-'));
  const run = (argv: readonly string[]) =>
    running(spawn(process.execPath, argv, { env: shellEnv(), stdio: ['ignore', 'pipe', 'pipe'] }));
  const ctl = async (...words: string[]): Promise<string> => {
    const { code, stdout, stderr } = await run([practice, 'ctl', '--home', home, ...words]).ended;
    if (code !== 0) throw new Error(`ctl ${words.join(' ')}: ${stderr}`);
    return stdout;
  };
  const start = (words: readonly string[], how?: RunOptions) => startRotctl(folder, home, words, how);
  const fleet: PracticeFleet = {
    home,
    fleetFile: join(home, 'rotctl.yaml'),
    ledger: join(home, 'rotation-ledger.yaml'),
    replicas: replicas.sort(),
    pids: ready.pids,
    start,
    rotctl: (words, how) => start(words, how).ended,
    ctl,
    clients: async () => JSON.parse(await ctl('status')).clients,
    material: () => materialIn(home, replicas),
    down: async () => {
      if (living.has(supervisor)) await ctl('down');
      await gone;
    },
  };
  if (options.quick !== true) await giveTime(fleet);
  return fleet;
}

/** Longer times than the fleet was made with: in the fleet file, and where the signers must know of them. */
async function giveTime(fleet: PracticeFleet): Promise<void> {
  for (const [from, to] of FLEET_TIMES) replaceIn(fleet.fleetFile, from, to);
  for (const name of fleet.replicas) {
    for (const [from, to] of SIGNER_TIMES) replaceIn(signerFile(fleet.home, name), from, to);
    await fleet.ctl('restart', name);
  }
}

/** Replaces text in a file, which must hold it. */
function replaceIn(path: string, from: RegExp, to: string): void {
  const text = readFileSync(path, 'utf8');
  if (text.search(from) === -1) throw new Error(`${path} does not hold ${from}`);
  writeFileSync(path, text.replace(from, to), { mode: 0o600 });
}

/** Whether the folder of a fleet holds a lock or a guard of one. */
export function locksIn(fleet: PracticeFleet): boolean {
  return ['.lock', '.lock.guard-1'].some((suffix) => existsSync(`${fleet.ledger}${suffix}`));
}

function signerFile(home: string, name: string): string {
  return join(home, 'signers', `${name}.env`);
}

function materialIn(home: string, replicas: readonly string[]): Material {
  const signers = [...replicas, 'template'].map((name) => {
    const allowed: Record<string, { hmacSecrets: string[] }> = JSON.parse(
      variableIn(signerFile(home, name), 'KEYRING_CLIENTS'),
    );
    return [name, Object.fromEntries(Object.entries(allowed).map(([id, { hmacSecrets }]) => [id, hmacSecrets]))];
  });
  const clients = ['client-a', 'client-b'].map((id) => [
    id,
    variableIn(join(home, 'clients', `${id}.env`), 'KEYRING_SECRET'),
  ]);
  return { signers: Object.fromEntries(signers), clients: Object.fromEntries(clients) };
}

function variableIn(path: string, variable: string): string {
  const [, quoted = ''] = new RegExp(`^${variable}="(.*)"$`, 'm').exec(readFileSync(path, 'utf8')) ?? [];
  return quoted.replace(/\\(["\\])/g, '$1');
}

function firstLine(child: ChildProcess): Promise<{ readonly pids: Readonly<Record<string, number>> }> {
  return new Promise((resolve, reject) => {
    if (child.stdout === null) return reject(new Error('the fleet has no stdout'));
    const lines = createInterface({ input: child.stdout });
    lines.once('close', () => reject(new Error('the fleet ended without a line')));
    lines.once('line', (line) => {
      const ready = JSON.parse(line);
      if (ready.ready === true) resolve(ready);
      else reject(new Error(`the fleet did not come up: ${ready.error}`));
    });
  });
}
