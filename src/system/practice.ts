import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { PracticeOptions } from '../cli/platform.ts';
import type { ClientCount, Stage } from '../drill/stage.ts';
import { escapeForeign } from '../errors/escape.ts';
import { type Control, command, failed, parseObject, readControl } from './practice-control.ts';

const START_DEADLINE_MS = 60_000;
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR'] as const;

/**
 * Starts a practice fleet as a process of its own, which outlives this one, and takes hold of its knobs.
 *
 * @param program absolute path of the practice fleet's program
 * @throws RotctlError `PRACTICE_FAILED` with the supervisor's reason
 */
export async function startPractice(program: string, options: PracticeOptions): Promise<Stage> {
  const faults = options.faults.flatMap(({ name, target }) => ['--fault', `${name}@${target}`]);
  const { home, protocol, store } = options;
  const args = [program, 'fleet', '--home', home, '--protocol', protocol, '--store', store, ...faults];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
    env: environment(),
  });
  const line = parseObject(await firstLine(child)) ?? {};
  child.stdout?.destroy();
  child.unref();
  if (line.ready !== true) {
    const reason = typeof line.error === 'string' ? line.error : 'it did not say why';
    throw failed(`the practice fleet could not be started in ${options.home}: ${escapeForeign(reason, 400)}`);
  }
  return attachPractice(options.home);
}

/**
 * Takes hold of a practice fleet that runs already in a folder.
 *
 * @throws RotctlError `PRACTICE_FAILED` when there is none
 */
export async function attachPractice(home: string): Promise<Stage> {
  const control = await readControl(home);
  await command(control, ['status']);
  return stageOf(control);
}

function stageOf(control: Control): Stage {
  const run = async (...words: readonly string[]): Promise<void> => {
    await command(control, words);
  };
  const status = async (part: string): Promise<Record<string, unknown>[]> =>
    objects((await command(control, ['status']))[part]);
  return {
    fleetFile: join(control.home, 'rotctl.yaml'),
    store: control.store,
    plant: (fault, target) => run('fault', 'plant', fault, target),
    lift: (fault, target) => run('fault', 'lift', fault, target),
    stopStore: () => run('store', 'stop'),
    startStore: () => run('store', 'start'),
    clients: async () => (await status('clients')).map(countOf),
    down: async () => (await status('replicas')).filter(({ up }) => up !== true).map(({ name }) => String(name)),
    start: (replica) => run('start', replica),
    close: () => run('down'),
  };
}

function countOf({ id, accepted, refused, refusedBy, faults }: Record<string, unknown>): ClientCount {
  const codes = typeof refusedBy === 'object' && refusedBy !== null ? Object.entries(refusedBy) : [];
  return {
    id: String(id),
    accepted: Number(accepted),
    refused: Number(refused),
    refusedBy: Object.fromEntries(codes.map(([code, count]) => [code, Number(count)])),
    faults: Number(faults),
  };
}

function objects(value: unknown): Record<string, unknown>[] {
  if (!Array.isArray(value)) throw failed('the practice fleet answered what is no status');
  return value.map((item: unknown) => (typeof item === 'object' && item !== null ? { ...item } : {}));
}

/** The first line that the supervisor prints: that all is ready, or why it is not. Ends it when none comes in time. */
function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const { stdout, pid } = child;
    if (stdout === null || pid === undefined) {
      child.once('error', (error) => reject(failed(`the practice fleet's program does not start: ${error.message}`)));
      return;
    }
    const timer = setTimeout(() => {
      process.kill(pid, 'SIGTERM');
      reject(failed(`the practice fleet was not ready within ${START_DEADLINE_MS} ms`));
    }, START_DEADLINE_MS);
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      act();
    };
    createInterface({ input: stdout }).once('line', (line) => settle(() => resolve(line)));
    child.once('exit', (code, signal) => {
      setImmediate(() =>
        settle(() => reject(failed(`the practice fleet ended at its start: ${signal ?? `exit ${code}`}`))),
      );
    });
  });
}

function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}
