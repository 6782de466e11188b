/** What became of a command. Output is capped and has every known secret replaced. */
export interface CommandResult {
  readonly ok: boolean;
  /** `exit 3`, `killed by SIGKILL after 5000 ms`, `not found`. */
  readonly how: string;
  /** The end of stdout and stderr, escaped, at most a few hundred characters. */
  readonly output: string;
  readonly ms: number;
}

/** Runs commands: no shell, own process group, minimal environment, a deadline that ends the whole group. */
export interface Commands {
  run(argv: readonly string[], options: { readonly cwd: string; readonly deadlineMs: number }): Promise<CommandResult>;
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
