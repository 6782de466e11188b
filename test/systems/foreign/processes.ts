import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFree } from '../../../src/practice/supervisor/ports.ts';
import { eventually } from '../../support/until.ts';

/** The environment of every process that the tests start. */
export const ENV = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '/' };

/** Runs a program to its end and gives its standard output. */
export function run(program: string, words: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, words, { cwd, env: ENV, timeout: 30_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${program} ${words.join(' ')}: ${error.message} ${stderr}`));
    });
  });
}

/** Throws, naming each program that the tests need and that is not installed. */
export async function requirePrograms(programs: readonly string[]): Promise<void> {
  const missing: string[] = [];
  for (const program of programs) {
    const flag = program === 'openssl' ? 'version' : '--version';
    await run(program, [flag], '/').catch(() => missing.push(program));
  }
  if (missing.length > 0) throw new Error(`these tests need ${missing.join(', ')}, which cannot be started here`);
}

/** Below the ephemeral ports, of which any outgoing connection may take one; above 10080, which fetch refuses; beside those of practice fleets. */
const PORTS = { from: 10_100, to: 20_000 };
/** One file for each port that a test process has in use, with its pid: tests run side by side in many processes. */
const TAKEN = join(tmpdir(), 'rotctl-test-ports');

/** Ports that nothing listens on, and that no other test is given as long as this process lives. */
export async function freePorts(count: number): Promise<number[]> {
  mkdirSync(TAKEN, { recursive: true });
  const ports: number[] = [];
  while (ports.length < count) {
    const port = randomInt(PORTS.from, PORTS.to);
    if (take(port) && (await isFree(port))) ports.push(port);
  }
  return ports;
}

/** What this process has taken, given back at its end. */
const own = new Set<string>();

function take(port: number): boolean {
  const file = join(TAKEN, `${port}`);
  try {
    writeFileSync(file, `${process.pid}`, { flag: 'wx' });
  } catch {
    if (holderLives(file)) return false;
    rmSync(file, { force: true });
    return false;
  }
  if (own.size === 0) process.once('exit', giveBack);
  own.add(file);
  return true;
}

function giveBack(): void {
  for (const file of own) rmSync(file, { force: true });
}

/** Whether the process that has taken a port is still there; one that was killed has left its file behind. */
function holderLives(file: string): boolean {
  try {
    process.kill(Number(readFileSync(file, 'utf8')), 0);
    return true;
  } catch {
    return false;
  }
}

/** Waits until something holds that cannot even be asked at first. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  await eventually('what was started to come up', () => holds().catch(() => false));
}
