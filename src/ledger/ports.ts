/** Wall clock, Unix milliseconds. */
export interface LedgerClock {
  now(): number;
}

/** Bytes that can be read at a position. */
export interface ReadableFile {
  /** Bytes in the file now. */
  size(): Promise<number>;
  /** Reads into `into` from `position`; returns how many bytes were read, 0 at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>;
  close(): Promise<void>;
}

/** The ledger's file, open for appending. Every method rejects with the system's own error. */
export interface AppendFile extends ReadableFile {
  /** Writes all of `bytes` at the end of the file; a short write goes on, and one that makes no progress rejects. */
  append(bytes: Uint8Array): Promise<void>;
  /** Resolves when what was written is on the disk. */
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
}

/** What the ledger and the lock need of the disk. Files are made with mode 0600; links are not followed. */
export interface LedgerDisk {
  /** `undefined` when there is no such file; rejects when it is no regular file. */
  openRead(path: string): Promise<ReadableFile | undefined>;
  /** Opens an existing file for appending. */
  openAppend(path: string): Promise<AppendFile>;
  /** Makes an empty file that must not exist yet, durably (fsync of the folder). */
  create(path: string): Promise<void>;
  /** Writes `bytes` over what stands at `position`, and fsyncs: makes them durable even if an earlier fsync had failed. */
  rewrite(path: string, position: number, bytes: Uint8Array): Promise<void>;
  /** Replaces the file atomically and durably: temporary file, fsync, rename, fsync of the folder. */
  replace(path: string, content: string | Uint8Array): Promise<void>;
  /** Makes the file with its whole content or not at all; `false` when the name is taken. */
  createExclusive(path: string, content: string): Promise<boolean>;
  /** A small file's bytes; `undefined` when there is none. */
  readSmall(path: string): Promise<Uint8Array | undefined>;
  /** Removes the file, durably; nothing happens when there is none. */
  remove(path: string): Promise<void>;
}

/** What `openLedger` needs. */
export interface LedgerPorts {
  readonly disk: LedgerDisk;
  readonly clock: LedgerClock;
}

/** A process, told apart from every other that ever was, as far as the system allows. */
export interface ProcessIdentity {
  readonly host: string;
  /** Names the machine itself, so that two hosts of one name are told apart; `null` where the system does not tell. */
  readonly machine: string | null;
  readonly pid: number;
  /** The pid namespace, since a pid means nothing outside it; `null` where there are none. */
  readonly pidNamespace: string | null;
  /** When the process started, in clock ticks since boot; `null` where the system does not tell. */
  readonly startTime: number | null;
  readonly bootId: string | null;
}

/** What can be learned about processes of this host. */
export interface Processes {
  self(): ProcessIdentity;
  /** `absent` is a proof (no such process, or a zombie); `startTime` is `null` where the system does not tell. */
  look(pid: number): 'absent' | { readonly startTime: number | null };
}

/** What the lock needs. */
export interface LockPorts {
  readonly disk: LedgerDisk;
  readonly processes: Processes;
  readonly clock: LedgerClock & {
    /** Monotonic milliseconds. */
    monotonic(): number;
    sleep(ms: number): Promise<void>;
  };
}
