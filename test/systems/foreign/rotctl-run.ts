import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { ENV } from './processes.ts';

/** What a command ended with; `result` is its JSON document. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly result: Result;
  readonly ms: number;
}

/** The part of a command's JSON result that tests look at. */
export interface Result {
  readonly verdict: string;
  readonly exitCode: number;
  readonly phase?: string;
  readonly checks: readonly Found[];
  readonly error?: { readonly code: string; readonly message: string };
  readonly next?: string;
}

export interface Found {
  readonly id: string;
  readonly verdict: string;
  readonly critical: boolean;
  readonly target: string;
  readonly seen: string;
  readonly hazards?: readonly string[];
  readonly reason?: string;
}

/** A command that was started. */
export interface Begun {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** Starts the built program of the project at `root`, with `--json`, in the folder `home`. */
export function startRotctl(home: string, root: string, words: readonly string[]): Begun {
  const started = performance.now();
  const child = spawn(process.execPath, [join(root, 'bin/rotctl.js'), '--json', ...words], { cwd: home, env: ENV });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      const ms = Math.round(performance.now() - started);
      try {
        const result: Result = JSON.parse(stdout);
        resolve({ code, stdout, stderr, result: { ...result, checks: result.checks ?? [] }, ms });
      } catch {
        reject(new Error(`rotctl ${words.join(' ')} ended with ${code} and no JSON document: ${stdout}${stderr}`));
      }
    });
  });
  return { child, ended };
}

/** What did not pass, in words: for a test that says why. */
export function troubles({ result, stderr }: Ended): string {
  const bad = result.checks.filter(({ verdict }) => verdict === 'fail' || verdict === 'unknown');
  return [
    ...bad.map(({ id, target, verdict, reason, seen }) => `${verdict} ${id} on ${target}: ${reason ?? seen}`),
    stderr,
  ].join('\n');
}
