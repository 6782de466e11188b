import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect } from 'vitest';

const PROGRAM = new URL('../../bin/rotctl.js', import.meta.url).pathname;

/** The parts of a drill's JSON document that tests look into. */
interface DrillDocument {
  readonly schema: string;
  readonly verdict: string;
  readonly exitCode: number;
  readonly faults: readonly { readonly name: string; readonly check?: string; readonly recovered: boolean }[];
  readonly result: { readonly store: string; readonly scorecard: unknown };
}

/** What a drill printed and wrote. `json` is its one document on stdout. */
export interface DrillRun {
  readonly out: string;
  readonly exitCode: number | undefined;
  readonly stderr: string;
  readonly json: DrillDocument;
}

/** Runs `rotctl` as a child, with nothing of this process's environment but what it needs. */
export function rotctl(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { PATH = '', HOME = '' } = process.env;
  return execa(process.execPath, [PROGRAM, ...args], {
    reject: false,
    extendEnv: false,
    env: { PATH, HOME, NO_COLOR: '1', ...env },
  });
}

/** Runs a drill with `--json` in a folder of its own, hands it to `look`, and removes the folder. */
export async function withDrill(
  args: readonly string[],
  look: (run: DrillRun) => Promise<void> | void,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'rotctl-drill-'));
  const out = join(folder, 'out');
  try {
    const { exitCode, stderr, stdout } = await rotctl(['drill', '--json', '--out', out, ...args], env);
    await look({ out, exitCode, stderr, json: JSON.parse(stdout) });
  } finally {
    await rotctl(['practice', 'down', '--home', out]);
    await rm(folder, { recursive: true, force: true });
  }
}

/** A fault that was planted must have been found, named with its replica, and recovered from. */
export async function expectFound(fault: string, target: string, runbook: string): Promise<void> {
  await withDrill(['--runbook', runbook, '--fault', `${fault}@${target}`], ({ exitCode, json, stderr }) => {
    expect(json.faults, stderr).toMatchObject([{ name: fault, target, found: true, recovered: true }]);
    expect(json.faults[0]?.check).toMatch(/./);
    expect(exitCode, stderr).toBe(0);
    expect(json.verdict).toBe('pass');
  });
}
