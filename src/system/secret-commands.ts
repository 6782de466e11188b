import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { AskOptions, Conversation, SecretCommands } from '../credential/sources.ts';
import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import { Deadline, minimalEnvironment, signalGroup } from './process-group.ts';

const MOST_OUTPUT_BYTES = 64 * 1024;
/** Of standard error, only the last characters are shown. */
const SHOWN_CHARACTERS = 300;
/** What may be a secret or a MAC in a message of a foreign program. */
const RANDOM_RUN = /[A-Za-z0-9+/=_-]{12,}/g;
/** After the command's end, how long output that is still in the pipe may take. */
const DRAIN_MS = 200;

/**
 * Runs the commands that give and use secrets, in a folder. Each is in a process group of its own, which is ended at its
 * deadline. Nothing of standard output is ever in an error; of standard error the end is, without what was on standard
 * output, without known secrets, and without anything that looks random.
 *
 * @param redact replaces every known secret in a text
 */
export function createSecretCommands(redact: (text: string) => string, cwd: string): SecretCommands {
  return {
    async ask(argv, options) {
      const child = start(argv, options, cwd);
      const [out, complaints] = [new Collected(child.stdout), new Collected(child.stderr)];
      child.stdin.end(options.input ?? '');
      const timer = new Deadline(child.pid, options.deadlineMs);
      const ending = await endOf(child);
      timer.stop();
      await Promise.all([out.finish(), complaints.finish()]);
      const why = timer.passed ? `no answer within ${options.deadlineMs} ms` : ending;
      if (why !== undefined) throw failed(argv, why, shown(complaints.text(), out.text(), redact));
      if (out.bytes > MOST_OUTPUT_BYTES) throw failed(argv, `more than ${MOST_OUTPUT_BYTES} bytes of output`);
      return out.whole();
    },
    converse: (argv, options) => new LineConversation(argv, options, cwd),
  };
}

function start(argv: readonly string[], { pass }: AskOptions, cwd: string): ChildProcessWithoutNullStreams {
  const [file = '', ...args] = argv;
  const child = spawn(file, args, { cwd, env: minimalEnvironment(pass), detached: true, stdio: 'pipe' });
  // One that does not read its input, or has ended before, is judged by how it ends.
  child.stdin.on('error', () => undefined);
  return child;
}

/** How a command ended, in a few words; `undefined` for exit 0. */
function endOf(child: ChildProcessWithoutNullStreams): Promise<string | undefined> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${'code' in error ? String(error.code) : 'error'}`));
    child.once('exit', (code, signal) => {
      if (signal !== null) resolve(`killed by ${signal}`);
      else resolve(code === 0 ? undefined : `exit ${code ?? 'unknown'}`);
    });
  });
}

function failed([program = '']: readonly string[], why: string, complaint = ''): RotctlError {
  const said = complaint === '' ? '' : `: ${complaint}`;
  return new RotctlError('SECRET_UNAVAILABLE', `${escapeForeign(program, 80)}: ${why}${said}`, {
    hint: 'run the command by hand as the same user; of the environment it gets PATH, HOME, LANG and TZ, and what is listed under `env`',
  });
}

function shown(complaint: string, output: string, redact: (text: string) => string): string {
  const value = output.trim();
  const without = value === '' ? complaint : complaint.replaceAll(value, '[output]');
  const masked = redact(without).replace(RANDOM_RUN, (run) => (/[0-9]/.test(run) ? '[…]' : run));
  const trimmed = masked.trim();
  return escapeForeign(trimmed.length > SHOWN_CHARACTERS ? `…${trimmed.slice(-SHOWN_CHARACTERS)}` : trimmed, 1000);
}

/** The output of a stream; no more than needed to see that it is too much. */
class Collected {
  bytes = 0;
  readonly #stream: Readable;
  readonly #chunks: Buffer[] = [];
  readonly #closed: Promise<void>;

  constructor(stream: Readable) {
    this.#stream = stream;
    this.#closed = new Promise((resolve) => {
      stream.once('close', resolve);
    });
    stream.on('error', () => undefined);
    stream.on('data', (chunk: Buffer) => {
      if (this.bytes <= MOST_OUTPUT_BYTES) this.#chunks.push(chunk);
      this.bytes += chunk.length;
    });
  }

  /** Waits a moment for what is still in the pipe, then lets go of it: what the command started may keep it open. */
  async finish(): Promise<void> {
    const timer = setTimeout(() => this.#stream.destroy(), DRAIN_MS);
    await this.#closed;
    clearTimeout(timer);
  }

  whole(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  text(): string {
    return this.whole().toString('utf8');
  }
}

interface Question {
  resolve(line: string): void;
  reject(error: RotctlError): void;
  readonly timer: NodeJS.Timeout;
}

/** A command that answers lines. A late answer ends it, because the ones after it could not be told apart. */
class LineConversation implements Conversation {
  readonly #argv: readonly string[];
  readonly #options: AskOptions;
  readonly #cwd: string;
  readonly #waiting: Question[] = [];
  #child: ChildProcessWithoutNullStreams | undefined;
  #rest = '';

  constructor(argv: readonly string[], options: AskOptions, cwd: string) {
    this.#argv = argv;
    this.#options = options;
    this.#cwd = cwd;
  }

  ask(line: string): Promise<string> {
    const child = this.#running();
    return new Promise((resolve, reject) => {
      const { deadlineMs } = this.#options;
      const timer = setTimeout(() => this.#abandon(child, `no answer within ${deadlineMs} ms`), deadlineMs);
      this.#waiting.push({ resolve, reject, timer });
      child.stdin.write(`${line}\n`);
    });
  }

  end(): void {
    if (this.#child !== undefined) this.#abandon(this.#child, 'ended');
  }

  #running(): ChildProcessWithoutNullStreams {
    if (this.#child !== undefined) return this.#child;
    const child = start(this.#argv, this.#options, this.#cwd);
    this.#child = child;
    process.once('exit', () => this.end());
    this.#rest = '';
    child.stdout.setEncoding('latin1');
    child.stdout.on('data', (text: string) => this.#take(child, text));
    child.stderr.resume();
    void this.#whenEnded(child);
    return child;
  }

  /** Its last answer may still be in the pipe when it has ended. */
  async #whenEnded(child: ChildProcessWithoutNullStreams): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      child.stdout.once('close', resolve);
    });
    const why = await endOf(child);
    const timer = setTimeout(() => child.stdout.destroy(), DRAIN_MS);
    await closed;
    clearTimeout(timer);
    this.#abandon(child, why ?? 'it ended by itself');
  }

  #take(child: ChildProcessWithoutNullStreams, text: string): void {
    if (child !== this.#child) return;
    const lines = `${this.#rest}${text}`.split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > MOST_OUTPUT_BYTES) this.#abandon(child, 'a line that does not end');
    for (const line of lines) {
      const question = this.#waiting.shift();
      if (question === undefined) {
        this.#abandon(child, 'an answer without a question');
        return;
      }
      clearTimeout(question.timer);
      question.resolve(line);
    }
  }

  #abandon(child: ChildProcessWithoutNullStreams, why: string): void {
    if (child !== this.#child) return;
    this.#child = undefined;
    signalGroup(child.pid, 'SIGKILL');
    for (const { reject, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      reject(failed(this.#argv, why));
    }
  }
}
