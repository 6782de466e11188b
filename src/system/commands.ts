import { isUtf8 } from 'node:buffer';
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { Answer, AskOptions, CommandResult, Commands, RunOptions } from '../deploy/ports.ts';
import { escapeForeign } from '../errors/escape.ts';
import { Deadline, minimalEnvironment } from './process-group.ts';

/** Of each stream, only the last bytes are kept. */
const KEPT_BYTES = 64 * 1024;
/** Of what was kept, only the last characters are reported. */
const SHOWN_CHARACTERS = 300;
/** The same of a program that was asked something, and says why it did not do it. */
const SAID_CHARACTERS = 1500;
/** After the command's end, how long output that is still in the pipe may take. */
const DRAIN_MS = 100;
/** Where programs are looked for when there is no PATH. */
const DEFAULT_PATH = '/usr/bin:/bin';

/** What may be a secret in the complaint of a program that was asked for secrets. */
const RANDOM_RUN = /[A-Za-z0-9+/=_-]{16,}/g;
/** A path in lower case, none of whose names is as long as a secret. */
const PATH_RUN = /^(?:\/[a-z0-9_-]{1,20})+\/?$/;

/**
 * Runs commands without a shell, each in a process group of its own, with a minimal environment; standard input is closed
 * unless something is asked. When the deadline passes, the group is ended: SIGTERM, then SIGKILL. A result comes when the
 * command itself ends, also when a process that it started keeps the pipe open; such a process is left alone unless the
 * deadline passed.
 *
 * @param redact replaces every known secret in a text; the whole kept output goes through it before it is cut
 */
export function createCommands(redact: (text: string) => string): Commands {
  return {
    async run(argv, options) {
      const { result, out, complaints } = await perform(argv, options, KEPT_BYTES);
      return { ...result, output: shown(redact(out.text()) + redact(complaints.text())) };
    },
    async ask(argv, options): Promise<Answer> {
      const { result, out, complaints } = await perform(argv, options, options.mostBytes);
      const conceal = (text: string) => shown(withoutRandom(redact(text)), SAID_CHARACTERS);
      return { ...result, answer: out.whole(), output: conceal(complaints.text()), conceal };
    },
    async runnable(program, cwd) {
      for (const path of placesOf(program, cwd)) if (await isProgram(path)) return true;
      return false;
    },
  };
}

interface Performed {
  readonly result: Omit<CommandResult, 'output'>;
  readonly out: Tail;
  readonly complaints: Tail;
}

/** @param keptBytes how much of the end of standard output is kept */
async function perform(
  argv: readonly string[],
  { cwd, deadlineMs, input, pass, env }: RunOptions & Partial<Pick<AskOptions, 'input'>>,
  keptBytes: number,
): Promise<Performed> {
  const { execa } = await import('execa');
  const started = performance.now();
  const [file = '', ...args] = argv;
  const child = execa(file, args, {
    cwd,
    env: { ...minimalEnvironment(pass), ...env },
    extendEnv: false,
    shell: false,
    detached: true,
    cleanup: false,
    reject: false,
    buffer: false,
    stdin: input === undefined ? 'ignore' : 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  // One that does not read what it is asked, or has ended before, is judged by how it ends and what it answers.
  child.stdin?.on('error', () => undefined).end(input);
  const [out, complaints] = [new Tail(child.stdout, keptBytes), new Tail(child.stderr)];
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
  await Promise.all([out.finish(), complaints.finish()]);
  const ms = Math.round(performance.now() - started);
  const ok = 'code' in ending && ending.code === 0 && !timer.passed;
  return { result: { ok, how: describe(ending, timer.passed ? deadlineMs : undefined, ms), ms }, out, complaints };
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

function withoutRandom(text: string): string {
  return text.replace(RANDOM_RUN, (run) => (/[0-9]/.test(run) && !PATH_RUN.test(run) ? '[…]' : run));
}

function shown(text: string, most = SHOWN_CHARACTERS): string {
  const trimmed = text.trim();
  const cut = trimmed.length > most ? `…${trimmed.slice(-most)}` : trimmed;
  return escapeForeign(cut, 4 * most);
}

/** The end of a stream's output. */
class Tail {
  readonly #stream: Readable;
  readonly #closed: Promise<void>;
  readonly #most: number;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #all = 0;

  constructor(stream: Readable, most = KEPT_BYTES) {
    this.#stream = stream;
    this.#most = most;
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
    return Buffer.concat(this.#chunks).subarray(-this.#most).toString('utf8');
  }

  /** Everything, where that is no more than is kept, and UTF-8. */
  whole(): string | undefined {
    const bytes = Buffer.concat(this.#chunks);
    return this.#all > this.#most || !isUtf8(bytes) ? undefined : bytes.toString('utf8');
  }

  #keep(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#all += chunk.length;
    while (this.#bytes - (this.#chunks[0]?.length ?? 0) >= this.#most) this.#bytes -= this.#chunks.shift()?.length ?? 0;
  }
}
