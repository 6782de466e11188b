import { RotctlError } from '../../errors/rotctl-error.ts';
import type { Cluster } from '../../fleet/fleet.ts';
import type { CommandPorts } from '../loader.ts';
import type { Answer } from '../ports.ts';

/** For one request to the cluster; a rollout has a deadline of its own. */
const REQUEST_MS = 30_000;
const MOST_ANSWER_BYTES = 4 * 1024 * 1024;
/** More than `kubectl` is told itself, so that it is its own words that are shown. */
const SPARE_MS = 5000;

/** What `kubectl` is asked for. */
export interface KubectlCall {
  readonly words: readonly string[];
  /** Goes to its stdin: where secrets are, which never stand in its arguments. */
  readonly input?: string;
  readonly deadlineMs?: number;
}

/** `kubectl` on the PATH, for one cluster. */
export class Kubectl {
  readonly #cluster: Cluster;
  readonly #ports: CommandPorts;

  constructor(cluster: Cluster, ports: CommandPorts) {
    this.#cluster = cluster;
    this.#ports = ports;
  }

  /** Runs it to its end, whatever that is. */
  call({ words, input = '', deadlineMs = REQUEST_MS }: KubectlCall): Promise<Answer> {
    const { kubeconfig, context, pass } = this.#cluster;
    const argv = [
      'kubectl',
      ...(kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig]),
      ...(context === undefined ? [] : ['--context', context]),
      ...words,
    ];
    return this.#ports.commands.ask(argv, {
      cwd: this.#ports.cwd,
      deadlineMs: deadlineMs + SPARE_MS,
      input,
      pass,
      mostBytes: MOST_ANSWER_BYTES,
    });
  }

  /** An object of the cluster by its path in the API. @throws RotctlError `DRIVER_FAILED` with what `kubectl` said */
  async object(path: string, what: string): Promise<ApiObject> {
    const answer = await this.call({ words: ['get', '--raw', path, `--request-timeout=${REQUEST_MS / 1000}s`] });
    if (!answer.ok) throw failed(`${what} cannot be read`, answer);
    const found = new ApiObject(parse(answer.answer ?? ''));
    if (found.isObject) return found;
    throw new RotctlError('DRIVER_FAILED', `${what} cannot be read: the answer of the cluster is no JSON object`);
  }

  /** What the cluster makes of an object that is created and kept nowhere, such as a review; `undefined` when it refuses. */
  async create(path: string, object: object): Promise<ApiObject | undefined> {
    const answer = await this.call({ words: ['create', '--raw', path, '-f', '-'], input: JSON.stringify(object) });
    return answer.ok ? new ApiObject(parse(answer.answer ?? '')) : undefined;
  }

  /** What keeps it from being started. */
  async missing(): Promise<string | undefined> {
    if (await this.#ports.commands.runnable('kubectl', this.#ports.cwd)) return undefined;
    return 'kubectl is no program that can be run; install it (Debian: apt-get install kubernetes-client)';
  }
}

/** The error for something that `kubectl` did not do. */
export function failed(what: string, answer: Pick<Answer, 'how' | 'output'>): RotctlError {
  return new RotctlError('DRIVER_FAILED', `${what}: kubectl: ${complaintOf(answer)}`, {
    hint: 'try it by hand with the same kubeconfig and context: kubectl auth whoami, kubectl auth can-i --list',
  });
}

/** What `kubectl` complains of: the line that says so, without warnings before it and advice after it. */
export function complaintOf({ how, output }: Pick<Answer, 'how' | 'output'>): string {
  const lines = output.split('\\x0a').filter((line) => line !== '');
  return lines.find((line) => /^error/i.test(line)) ?? lines.at(-1) ?? how;
}

/** A JSON object of the API, looked into without trust in its shape. */
export class ApiObject {
  readonly #value: unknown;

  constructor(value: unknown) {
    this.#value = value;
  }

  get isObject(): boolean {
    return typeof this.#value === 'object' && this.#value !== null && !Array.isArray(this.#value);
  }

  at(...path: readonly string[]): ApiObject {
    let value = this.#value;
    for (const step of path) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return new ApiObject(undefined);
      value = Reflect.get(value, step);
    }
    return new ApiObject(value);
  }

  get text(): string | undefined {
    return typeof this.#value === 'string' ? this.#value : undefined;
  }

  get number(): number | undefined {
    return typeof this.#value === 'number' ? this.#value : undefined;
  }

  get boolean(): boolean | undefined {
    return typeof this.#value === 'boolean' ? this.#value : undefined;
  }

  get list(): readonly ApiObject[] {
    return Array.isArray(this.#value) ? this.#value.map((one) => new ApiObject(one)) : [];
  }

  get keys(): readonly string[] {
    return this.isObject ? Object.keys(Object(this.#value)) : [];
  }
}

/** The parser's own message quotes the text, so it is dropped. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
