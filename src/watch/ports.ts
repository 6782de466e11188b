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
}
