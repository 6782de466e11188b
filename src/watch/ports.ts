import type { LineCommand, PrometheusServer } from '../fleet/evidence.ts';
import type { Transport } from '../probe/ports.ts';

/** A part of a log file, and what the file was at that moment. */
export interface LogPiece {
  /** Tells this file from another that gets its name later. */
  readonly identity: string;
  /** Bytes in the file. */
  readonly size: number;
  /** What stands at the place that was asked for; shorter than asked where the file ends before. */
  readonly bytes: Uint8Array;
}

/** Files that others write to, read in parts. */
export interface LogFiles {
  /**
   * At most `most` bytes from byte `from` on; `undefined` when there is no such file. Links are followed.
   *
   * @throws RotctlError `INPUT_UNREADABLE` when it is no regular file, or the system refuses
   */
  read(path: string, from: number, most: number): Promise<LogPiece | undefined>;
  /**
   * Files beside this one whose names begin with its name, in which a rotated log may be; none where the folder cannot be
   * read.
   */
  beside(path: string): Promise<readonly string[]>;
}

/** What a command printed, or why that is not known. */
export type Printed = { readonly text: string } | { readonly trouble: string };

/** Runs commands that print lines: no shell, minimal environment, ended at their deadline. */
export interface LineCommands {
  /** The whole standard output of a command that ended well, at most `mostBytes`; what it says of itself is not told. */
  run(command: LineCommand, mostBytes: number): Promise<Printed>;
}

/** Prometheus servers, each spoken to as its settings say, with its token. */
export interface PrometheusServers {
  /**
   * GET of a path below the server's address.
   *
   * @throws RotctlError `INPUT_UNREADABLE`, `SECRET_REFUSED` for a certificate or a token that cannot be read
   */
  get(server: PrometheusServer, path: string): ReturnType<Transport['send']>;
}
