import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type FromPart, type Order, parseFromPart } from '../messages.ts';

const START_MS = 20_000;
const STOP_MS = 5000;

/** How a part is started. */
export interface PartSpec {
  readonly name: string;
  /** Program and arguments, asked anew at each start. */
  command(): readonly string[];
  /** Its output is appended to this file (0600). */
  readonly log: string;
  /** A line on its stdout that says it is ready; without it, readiness is a message over IPC. */
  readonly readyLine?: RegExp;
  /** Told of each message of a client, and of each start and end. */
  onMessage?(message: FromPart): void;
  onChange?(): void;
}

/** One process of the fleet, started and stopped at will under the same name. */
export interface Part {
  readonly name: string;
  /** Resolves when the process is ready; rejects when it ends before, or is not ready in twenty seconds. */
  start(): Promise<void>;
  /** Resolves when it is gone: SIGTERM, and SIGKILL after five seconds. Does nothing when it is not running. */
  stop(): Promise<void>;
  kill(): Promise<void>;
  /** Sends a signal; throws when it is not running. */
  signal(signal: NodeJS.Signals): void;
  /**
   * Has it carry out an order; resolves with what it saw, or with `undefined` when it does not run or has died of it.
   * Rejects with its reason when it cannot.
   */
  order(order: Order): Promise<Readonly<Record<string, unknown>> | undefined>;
  pid(): number | undefined;
}

/** Makes a part that is not running yet. */
export function makePart(spec: PartSpec): Part {
  let child: ChildProcess | undefined;
  let lastExit = '';
  let messages = 0;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = child;
    if (ending === undefined) return;
    // A frozen process takes no SIGTERM.
    ending.kill('SIGCONT');
    const timer = setTimeout(() => ending.kill('SIGKILL'), STOP_MS);
    ending.kill(signal);
    await once(ending, 'exit');
    clearTimeout(timer);
  };
  return {
    name: spec.name,
    start: async () => {
      if (child !== undefined) throw new Error(`${spec.name} is running already`);
      const started = launch(spec);
      child = started;
      started.once('exit', (code, signal) => {
        child = undefined;
        lastExit = signal ?? `exit ${code}`;
        spec.onChange?.();
      });
      await whenReady(started, spec);
      spec.onChange?.();
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    signal: (signal) => {
      if (child === undefined) throw new Error(`${spec.name} is not running (${lastExit || 'never started'})`);
      child.kill(signal);
    },
    order: async (order) => {
      if (child === undefined) return undefined;
      messages += 1;
      return acknowledged(child, messages, order);
    },
    pid: () => child?.pid,
  };
}

function launch(spec: PartSpec): ChildProcess {
  const [program = '', ...args] = spec.command();
  const log = openSync(spec.log, 'a', 0o600);
  try {
    const child = spawn(program, args, {
      stdio: spec.readyLine === undefined ? ['ignore', log, log, 'ipc'] : ['ignore', 'pipe', log],
      env: { PATH: process.env.PATH },
    });
    child.on('message', (raw) => {
      const message = parseFromPart(raw);
      if (message !== undefined) spec.onMessage?.(message);
    });
    return child;
  } finally {
    closeSync(log);
  }
}

function whenReady(child: ChildProcess, spec: PartSpec): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${spec.name} was not ready within ${START_MS} ms, see ${spec.log}`));
    }, START_MS);
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      act();
    };
    child.once('error', (error) => settle(() => reject(new Error(`${spec.name} did not start: ${error.message}`))));
    child.once('exit', (code, signal) =>
      settle(() => reject(new Error(`${spec.name} ended at its start (${signal ?? `exit ${code}`}), see ${spec.log}`))),
    );
    child.on('message', (raw) => {
      if (parseFromPart(raw)?.type === 'ready') settle(resolve);
    });
    const { readyLine } = spec;
    if (readyLine === undefined || child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (readyLine.test(line)) settle(resolve);
    });
  });
}

function acknowledged(
  child: ChildProcess,
  id: number,
  order: Order,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  return new Promise((resolve, reject) => {
    const onMessage = (raw: unknown): void => {
      const message = parseFromPart(raw);
      if (message?.type === 'done' && message.id === id) settle(() => resolve(message.seen));
      else if (message?.type === 'failed' && message.id === id) settle(() => reject(new Error(message.reason)));
    };
    const onExit = (): void => settle(() => resolve(undefined));
    const settle = (act: () => void): void => {
      child.off('message', onMessage);
      child.off('exit', onExit);
      act();
    };
    child.on('message', onMessage);
    child.once('exit', onExit);
    child.send({ ...order, id }, () => {});
  });
}
