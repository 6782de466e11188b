import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DrillOrder } from '../cli/platform.ts';
import type { Ran } from '../drill/game-day/play.ts';
import { escapeForeign } from '../errors/escape.ts';
import { attachPractice } from './practice.ts';
import { parseObject } from './practice-control.ts';

/** Between the signal that a drill heeds at its next safe point and the one that ends it at once. */
const GRACE_MS = 30_000;
/** Of stderr, only the end is kept: its last line is the verdict. */
const KEPT_CHARACTERS = 4000;
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR'] as const;
/** What a drill's own scorecard is judged by. */
const DEMANDED = ['GAMEDAY_MIN_PASS_PERCENT', 'GAMEDAY_MAX_TOTAL_DURATION_S'] as const;

/** The drills that are under way, and the folders of their fleets. */
const living = new Map<ChildProcess, string>();

/**
 * Plays a drill as a process of its own, in a process group of its own so that a terminal's Ctrl-C reaches it through
 * `stop` alone. When that aborts it is told to stop, and after half a minute it is ended. Its practice fleet is down when
 * this resolves; when this process exits before, both are ended.
 *
 * @param program absolute path of this very program
 * @returns how it ended; never rejects
 */
export async function runDrill(program: string, { args, home }: DrillOrder, stop: AbortSignal): Promise<Ran> {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: environment(),
  });
  if (living.size === 0) process.once('exit', endAll);
  living.set(child, home);
  try {
    return await ended(child, stop);
  } finally {
    await takeDown(home);
    living.delete(child);
    if (living.size === 0) process.off('exit', endAll);
  }
}

function ended(child: ChildProcess, stop: AbortSignal): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr = (stderr + chunk).slice(-KEPT_CHARACTERS);
  });
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const tell = (): void => {
      child.kill('SIGTERM');
      timer = setTimeout(() => kill(child), GRACE_MS);
    };
    const settle = (how: string): void => {
      clearTimeout(timer);
      stop.removeEventListener('abort', tell);
      resolve({ how, stdout, said: escapeForeign(stderr.trimEnd().split('\n').at(-1) ?? '', 400) });
    };
    child.once('error', (error) => settle(`not started: ${escapeForeign(error.message)}`));
    child.once('close', (code, signal) => settle(signal ?? `exit ${code}`));
    if (stop.aborted) tell();
    else stop.addEventListener('abort', tell, { once: true });
  });
}

/** Ends the fleet that a drill has left, as one that was stopped does. */
async function takeDown(home: string): Promise<void> {
  await attachPractice(home).then(
    (stage) => stage.close(),
    () => undefined,
  );
}

/** Ends everything in an instant: drills die, fleets are told to end, which they do without us. */
function endAll(): void {
  for (const [child, home] of living) kill(child, supervisorOf(home));
}

/** Kills a drill, and has the processes that it started end: told once, for a fleet that is told twice ends half done. */
function kill(child: ChildProcess, supervisor?: number): void {
  const below = new Set([supervisor, ...childrenOf(child.pid)]);
  child.kill('SIGKILL');
  for (const pid of below) end(pid);
}

function end(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    // It has ended by itself.
  }
}

/** Who supervises the fleet in a folder; a fleet that is still starting may have no record of it. */
function supervisorOf(home: string): number | undefined {
  const pids = parseObject(readable(join(home, 'practice.json')))?.pids;
  if (typeof pids !== 'object' || pids === null || !('supervisor' in pids)) return undefined;
  return typeof pids.supervisor === 'number' ? pids.supervisor : undefined;
}

/** The processes that a process has started, where the system tells: a fleet that is still starting is among them. */
function childrenOf(pid: number | undefined): number[] {
  const text = pid === undefined ? '' : readable(`/proc/${pid}/task/${pid}/children`);
  return text
    .split(' ')
    .map(Number)
    .filter((child) => child > 1);
}

function readable(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    [...PASSED_ON, ...DEMANDED].flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}
