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
}

/** Files that hold secrets. */
export interface PrivateFiles {
  /** The file's text. Refuses what is not a regular file of ours, or is readable by others, or is too large. */
  read(path: string): Promise<string>;
  /** Replaces the file atomically and durably: temporary file 0600 beside it, fsync, rename, fsync of the folder. */
  replace(path: string, content: string): Promise<void>;
}

/** Files of a gate: its env file, and those that hold its secrets. */
export type GateFiles = PrivateFiles;
