import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { onTestFinished } from 'vitest';
import type { EntryDraft } from '../../src/ledger/entry.ts';
import { openLedger } from '../../src/ledger/open.ts';
import type { LedgerPorts } from '../../src/ledger/ports.ts';
import { type RawIo, systemIo } from '../../src/system/files.ts';
import { ledgerDisk } from '../../src/system/ledger-disk.ts';

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rotctl-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The real disk, and a clock that goes on by one second at each look. */
export function testPorts(io: RawIo = systemIo): LedgerPorts {
  let now = Date.UTC(2026, 10, 21, 12, 0, 0);
  return {
    disk: ledgerDisk(io),
    clock: {
      now: () => {
        now += 1000;
        return now;
      },
    },
  };
}

export function draft(step: string, data: EntryDraft['data'] = {}): EntryDraft {
  return { rotation: 'r-1', fleet: 'practice', runbook: 'keyring', phase: 'opening', step, kind: 'intent', data };
}

/** Writes a ledger of `count` entries and returns its path. */
export async function ledgerOf(count: number, ports = testPorts()): Promise<string> {
  const path = join(await temporaryFolder(), 'rotation-ledger.yaml');
  const ledger = await openLedger(path, ports);
  for (let n = 1; n <= count; n += 1) await ledger.append(draft(`step-${n}`, { n, on: ['signer-a'] }));
  await ledger.close();
  return path;
}

/** Bundles a child's program, once a test file; the child runs it with `startChild`. */
export async function bundle(name: string, folder: string): Promise<string> {
  const outfile = join(folder, `${name}.mjs`);
  const entry = fileURLToPath(new URL(`./children/${name}.ts`, import.meta.url));
  await build({ entryPoints: [entry], outfile, bundle: true, format: 'esm', platform: 'node', logLevel: 'error' });
  return outfile;
}

/** Starts a bundled program; it is killed after the test if it still runs. */
export function startChild(file: string, args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [file, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH ?? '' },
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

/** Resolves when the child has ended. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once('exit', resolve));
}

/** The lines that a child writes to stdout, one at a time; `undefined` at its end. */
export function linesOf(child: ChildProcess): () => Promise<string | undefined> {
  const { stdout } = child;
  if (stdout === null) throw new Error('the child has no stdout');
  stdout.setEncoding('utf8');
  const chunks = stdout[Symbol.asyncIterator]();
  let text = '';
  return async () => {
    while (!text.includes('\n')) {
      const { value, done } = await chunks.next();
      if (done) return undefined;
      text += String(value);
    }
    const end = text.indexOf('\n');
    const line = text.slice(0, end);
    text = text.slice(end + 1);
    return line;
  };
}
