/** What became of a command. Output is capped and has every known secret replaced. */
export interface CommandResult {
  readonly ok: boolean;
  /** `exit 3`, `killed by SIGKILL after 5000 ms`, `not found`. */
  readonly how: string;
  /** The end of stdout and stderr, escaped, at most a few hundred characters. */
  readonly output: string;
  readonly ms: number;
}

/** What a program answered that was asked something. `output` is the end of its stderr (some lines), without what may be secrets. */
export interface Answer extends CommandResult {
  /** All of stdout, for reading and never for showing; `undefined` when it is longer than was allowed, or no UTF-8. */
  readonly answer: string | undefined;
  /** A text out of the answer as it may be shown: without what may be secrets, capped, escaped. */
  readonly conceal: (text: string) => string;
}

/** How a program is asked. */
export interface AskOptions {
  readonly cwd: string;
  readonly deadlineMs: number;
  /** What it gets on stdin, which is closed then. */
  readonly input: string;
  /** Names of variables that it gets of our environment, besides the few that every command gets. */
  readonly pass: readonly string[];
  /** The longest answer that is taken. */
  readonly mostBytes: number;
}

/** How a command is run. */
export interface RunOptions {
  readonly cwd: string;
  readonly deadlineMs: number;
  /** Names of variables that it gets of our environment, besides the few that every command gets. */
  readonly pass?: readonly string[];
  /** Variables that it gets whatever our environment says. Never a secret. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs commands: no shell, own process group, minimal environment, a deadline that ends the whole group. */
export interface Commands {
  run(argv: readonly string[], options: RunOptions): Promise<CommandResult>;
  /** Runs one that is asked something on stdin and answers on stdout; what it says on stderr is for people. */
  ask(argv: readonly string[], options: AskOptions): Promise<Answer>;
  /** Whether there is a program that `run` would start for this first argument in this folder. Starts nothing. */
  runnable(program: string, cwd: string): Promise<boolean>;
}

/** Files that hold secrets. */
export interface PrivateFiles {
  /** The file's text. Refuses what is not a regular file of ours, or is readable by others, or is too large. */
  read(path: string): Promise<string>;
  /** Replaces the file atomically and durably: temporary file 0600 beside it, fsync, rename, fsync of the folder. */
  replace(path: string, content: string): Promise<void>;
  /** What would keep `replace` from its work, in a few words; `undefined` when nothing is seen. Changes nothing. */
  replaceable(path: string): Promise<string | undefined>;
}

/** A file that is to be replaced. */
export interface Replacement {
  readonly path: string;
  readonly content: string;
  /** Whether it holds a private key: then its mode becomes 0600. Else it stays as it was, 0644 of a new one. */
  readonly isPrivate: boolean;
}

/** PEM files of certificates. */
export interface CertificateStore {
  /**
   * The file's text; `undefined` when there is none. Refuses what is no regular file, is too large, or others may write
   * to; one that holds a key also what others may read.
   */
  find(path: string, holds: 'certificates' | 'key'): Promise<string | undefined>;
  /**
   * Replaces files durably, each atomically: all of them are written and synced beside their places first, and then renamed
   * one right after the other, in this order. Owners stay.
   */
  replaceAll(files: readonly Replacement[]): Promise<void>;
  /** What would keep `replaceAll` from its work, in a few words; `undefined` when nothing is seen. Changes nothing. */
  replaceable(path: string): Promise<string | undefined>;
}

/** Files of gates: their env files, and those that hold one secret each. */
export interface GateFiles extends PrivateFiles {
  /** As `read`; `undefined` when there is no such file. */
  find(path: string): Promise<string | undefined>;
  /** Makes a file with its whole content, durably, mode 0600, with the owner of `like`; `false` when the name is taken. */
  create(path: string, content: string, like: string): Promise<boolean>;
  /** Names in a folder, in any order; empty when there is none. */
  namesIn(folder: string): Promise<readonly string[]>;
  /** Removes the file durably; no error when it is gone already. */
  remove(path: string): Promise<void>;
}

/** What is asked of ansible. None of it is a secret but the content of `files`. */
export interface AnsibleOrder {
  /** Absolute path. */
  readonly inventory: string;
  /** Absolute path of a playbook in place of the shipped one. */
  readonly playbook: string | undefined;
  readonly become: boolean;
  readonly action: 'look' | 'write' | 'run';
  /** What is asked of each host, by its name in the inventory; the playbook's head says which fields there are. */
  readonly hosts: ReadonlyMap<string, object>;
  /**
   * Files for the folder that the playbook works with, by name: what is to be written on a host; and empty ones, closed to
   * others, that it is to fetch into.
   */
  readonly files: ReadonlyMap<string, string>;
  /** Where `ansible.cfg` is looked for: the fleet file's folder. */
  readonly cwd: string;
  readonly deadlineMs: number;
}

/** What a run of ansible came to. */
export interface AnsibleRun {
  readonly command: CommandResult;
  /** What each host has answered, with every known secret replaced; one that gave none is not there. */
  readonly answers: ReadonlyMap<string, unknown>;
  /** Files that it has put into its folder, by name. */
  readonly fetched: ReadonlyMap<string, Uint8Array>;
}

/**
 * Runs `ansible-playbook`: in a process group of its own with a deadline, with a folder that only we can read for
 * everything that is secret. No secret is in its arguments, its environment, its variables or its output.
 */
export interface AnsibleRuns {
  run(order: AnsibleOrder): Promise<AnsibleRun>;
}
