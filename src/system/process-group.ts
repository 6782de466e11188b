/** Between the polite signal and the one that cannot be ignored. */
const GRACE_MS = 500;

/** Ends a process group when its time is over: SIGTERM, then SIGKILL. */
export class Deadline {
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
    if (this.passed) signalGroup(this.#group, 'SIGKILL');
  }

  #end(): void {
    this.passed = true;
    signalGroup(this.#group, 'SIGTERM');
    this.#timers.push(setTimeout(() => signalGroup(this.#group, 'SIGKILL'), GRACE_MS));
  }
}

/** Signals a process group; one that has ended by itself is no error. */
export function signalGroup(group: number | undefined, signal: NodeJS.Signals): void {
  if (group === undefined) return;
  try {
    process.kill(-group, signal);
  } catch {
    // The group has ended by itself.
  }
}

/** The only variables that a command gets of our environment where nothing else is said. */
const PASSED_ON: readonly string[] = ['PATH', 'HOME', 'LANG', 'TZ'];

/** A minimal environment for a command: those variables, and further ones by name. */
export function minimalEnvironment(further: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    [...PASSED_ON, ...further].flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
