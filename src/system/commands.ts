import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { CommandResult, Commands } from '../deploy/ports.ts';
import { escapeForeign } from '../errors/escape.ts';

/** Of each stream, only the last bytes are kept. */
const KEPT_BYTES = 64 * 1024;
/** Of what was kept, only the last characters are reported. */
const SHOWN_CHARACTERS = 300;
/** Between the polite signal and the one that cannot be ignored. */
const GRACE_MS = 500;
/** After the command's end, how long output that is still in the pipe may take. */
const DRAIN_MS = 100;
/** Where programs are looked for when there is no PATH. */
const DEFAULT_PATH = '/usr/bin:/bin';
/** The only variables that a command gets of our environment. */
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'TZ'] as const;

/**
 * Runs commands without a shell, each in a process group of its own, with standard input closed and a minimal
 * environment. When the deadline passes, the group is ended: SIGTERM, then SIGKILL. A result comes when the command itself
 * ends, also when a process that it started keeps the pipe open; such a process is left alone unless the deadline passed.
 *
 * @param redact replaces every known secret in a text; the whole kept output goes through it before it is cut
 */
export function createCommands(redact: (text: string) => string): Commands {
  return {
    async run(argv, { cwd, deadlineMs }) {
      const { execa } = await import('execa');
      const started = performance.now();
      const [file = '', ...args] = argv;
      const child = execa(file, args, {
        cwd,
        env: environment(),
        extendEnv: false,
        shell: false,
        detached: true,
        cleanup: false,
        reject: false,
        buffer: false,
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'pipe',
      });
      const output = [new Tail(child.stdout), new Tail(child.stderr)];
      const timer = new Deadline(child.pid, deadlineMs);
      const ended = new Promise<Ending>((resolve) => {
        child.once('exit', (code, signal) => resolve({ code, signal }));
        child.then(
          (result) => result.code !== undefined && resolve({ failure: result.code }),
          () => undefined,
        );
      });
      const ending = await ended;
      timer.stop();
      await Promise.all(output.map((tail) => tail.finish()));
      const ms = Math.round(performance.now() - started);
      return {
        ok: 'code' in ending && ending.code === 0 && !timer.passed,
        how: describe(ending, timer.passed ? deadlineMs : undefined, ms),
        output: shown(output.map((tail) => redact(tail.text())).join('')),
        ms,
      } satisfies CommandResult;
    },
    async runnable(program, cwd) {
      for (const path of placesOf(program, cwd)) if (await isProgram(path)) return true;
      return false;
    },
  };
}

/** Where the system looks for a program: at a path as it is, for a name in each folder of PATH. */
function placesOf(program: string, cwd: string): string[] {
  if (program === '') return [];
  if (program.includes('/')) return [resolve(cwd, program)];
  const { PATH = DEFAULT_PATH } = process.env;
  return PATH.split(delimiter).map((folder) => resolve(cwd, folder, program));
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

type Ending = { readonly code: number | null; readonly signal: NodeJS.Signals | null } | { readonly failure: string };

function describe(ending: Ending, deadlineMs: number | undefined, ms: number): string {
  if ('failure' in ending) {
    return ending.failure === 'ENOENT' ? 'not found' : `could not be started: ${escapeForeign(ending.failure, 40)}`;
  }
  if (ending.signal !== null) return `killed by ${ending.signal} after ${ms} ms`;
  const late = deadlineMs === undefined ? '' : `, past its deadline of ${deadlineMs} ms`;
  return `exit ${ending.code ?? 'unknown'}${late}`;
}

function environment(): Record<string, string> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function shown(text: string): string {
  const trimmed = text.trim();
  const cut = trimmed.length > SHOWN_CHARACTERS ? `…${trimmed.slice(-SHOWN_CHARACTERS)}` : trimmed;
  return escapeForeign(cut, 4 * SHOWN_CHARACTERS);
}

/** Ends a process group when its time is over. */
class Deadline {
  passed = false;
  readonly #group: number | undefined;
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(group: number | undefined, deadlineMs: number) {
    this.#group = group;
    this.#timers.push(setTimeout(() => this.#end(), deadlineMs));
  }

  /** The command itself has ended. What it started is ended too, if its time was over. */
  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    if (this.passed) this.#signal('SIGKILL');
  }

  #end(): void {
    this.passed = true;
    this.#signal('SIGTERM');
    this.#timers.push(setTimeout(() => this.#signal('SIGKILL'), GRACE_MS));
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#group === undefined) return;
    try {
      process.kill(-this.#group, signal);
    } catch {
      // The group has ended by itself.
    }
  }
}

/** The end of a stream's output. */
class Tail {
  readonly #stream: Readable;
  readonly #closed: Promise<void>;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(stream: Readable) {
    this.#stream = stream;
    this.#closed = new Promise((resolve) => {
      stream.once('close', resolve);
    });
    stream.on('error', () => undefined);
    stream.on('data', (chunk: Buffer) => this.#keep(chunk));
  }

  /** Waits a moment for what is still in the pipe, then lets go of it. */
  async finish(): Promise<void> {
    const timer = setTimeout(() => this.#stream.destroy(), DRAIN_MS);
    await this.#closed;
    clearTimeout(timer);
  }

  text(): string {
    return Buffer.concat(this.#chunks).subarray(-KEPT_BYTES).toString('utf8');
  }

  #keep(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    while (this.#bytes - (this.#chunks[0]?.length ?? 0) >= KEPT_BYTES) this.#bytes -= this.#chunks.shift()?.length ?? 0;
  }
}
