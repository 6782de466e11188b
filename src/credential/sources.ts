import type { Secret } from './secret.ts';

/** What a command that gives or uses a secret is run with. */
export interface AskOptions {
  readonly deadlineMs: number;
  /** Names of the variables that it gets of our environment, beside PATH, HOME, LANG and TZ. */
  readonly pass: readonly string[];
  /** Its standard input; without it that is empty. */
  readonly input?: Uint8Array;
}

/**
 * Runs commands that give or use secrets: no shell, own process group, minimal environment, nothing of it in arguments.
 * All of them reject with `SECRET_UNAVAILABLE`, which names the program and has no more of its output than the masked end
 * of its standard error.
 */
export interface SecretCommands {
  /** All of its standard output, at most 64 KiB. */
  ask(argv: readonly string[], options: AskOptions): Promise<Buffer>;
  /** Starts a command that answers each line with one line, for as long as it runs. */
  converse(argv: readonly string[], options: AskOptions): Conversation;
}

/** A command that is kept running. It is started at the first question, and anew when it has ended. */
export interface Conversation {
  /** Sends one line and gets the one that answers it; questions are answered in their order. */
  ask(line: string): Promise<string>;
  /** Ends the command with all that it started. */
  end(): void;
}

/** Where secrets are read from. */
export interface SecretSources {
  /** The text of a file that holds secrets; refuses one that others can read. */
  read(path: string): Promise<string>;
  /** A variable of our own environment. */
  variable(name: string): string | undefined;
  /** Everything that can be read from an inherited file descriptor, once. */
  descriptor(fd: number): Promise<Buffer>;
  /** Commands run in the folder of the fleet file. */
  readonly commands: Pick<SecretCommands, 'ask'>;
  /** The present secret of a client in the sealed store; `undefined` when none is there. */
  sealed(client: string): Promise<Secret | undefined>;
}
