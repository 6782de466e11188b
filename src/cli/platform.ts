import type { VaultFiles } from '../credential/ports.ts';
import type { Commands, GateFiles } from '../deploy/ports.ts';
import type { Ran } from '../drill/game-day/play.ts';
import type { Stage } from '../drill/stage.ts';
import type { TlsFiles } from '../fleet/fleet.ts';
import type { LedgerDisk } from '../ledger/ports.ts';
import type { Clock, Random, Transport } from '../probe/ports.ts';
import type { HeldLock, OpenLedger } from '../runner/tools.ts';
import type { LogFiles } from '../watch/ports.ts';

/** A stream that people or programs read. */
export interface Output {
  write(text: string): void;
  /** Whether it is a terminal that a cursor may be moved on. */
  readonly live: boolean;
  /** Width in columns; 80 where it is not known. */
  readonly columns: number;
}

/** Who is working, for the lock and the ledger: never more than a login name and a host name. */
export interface Operator {
  readonly user: string;
  readonly host: string;
}

/** How a local practice fleet is started. */
export interface PracticeOptions {
  readonly home: string;
  /** What its replicas speak; it stays so for as long as the folder exists. */
  readonly protocol: 'keyring-v1' | 'gate-v1';
  readonly store: 'auto' | 'embedded';
  readonly faults: readonly { readonly name: string; readonly target: string }[];
}

/** A drill that is to be played by a process of its own. */
export interface DrillOrder {
  /** The command line after `rotctl`. */
  readonly args: readonly string[];
  /** Absolute path of the folder that its practice fleet lives in. */
  readonly home: string;
}

/**
 * Everything of the outside world that the command line uses. `main.ts` makes the one real instance; its members load
 * what they need when they are called, so that a command pays only for what it uses.
 */
export interface Platform {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly version: string;
  readonly operator: Operator;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly clock: Clock;
  readonly random: Random;
  /** Aborts at the first SIGINT, SIGTERM or SIGHUP; the reason is the signal's name. The second ends the process. */
  readonly interrupted: AbortSignal;
  /** Folders that are shipped beside the program. */
  readonly shipped: { readonly runbooks: string; readonly spec: string };
  readonly canaryWorker: URL;
  /** A text file for people (configuration, runbook, vectors): UTF-8, at most 16 MiB. Throws `INPUT_UNREADABLE`. */
  readText(path: string): Promise<string>;
  exists(path: string): Promise<boolean>;
  /** Writes a report atomically, making its folder; mode 0600. */
  writeReport(path: string, content: string): Promise<void>;
  /** Renames a folder to `<folder>.previous`, in place of an earlier one; returns the new name. */
  moveAside(folder: string): Promise<string>;
  privateFiles(): Promise<GateFiles & VaultFiles>;
  /** @param redact replaces every known secret in a text */
  commands(redact: (text: string) => string): Promise<Commands>;
  /** Reads the TLS files and makes a transport that trusts only the fleet's CA. */
  transport(tls: TlsFiles): Promise<Transport>;
  /** The replicas' log files. */
  logFiles(): Promise<LogFiles>;
  /** The ledger's disk, for commands that only look. */
  ledgerDisk(): Promise<LedgerDisk>;
  openLedger(path: string): Promise<OpenLedger & { readonly torn: string | undefined }>;
  lock(
    path: string,
    work: { readonly runId: string; readonly command: string; readonly breakFor?: string },
  ): Promise<HeldLock>;
  /** Files below the folders (without the private ones), and arguments and environments of processes, to be searched. */
  secretPlaces(
    folders: readonly string[],
    privateFolders: readonly string[],
  ): AsyncIterable<{ readonly name: string; readonly content: string }>;
  /** Starts a local practice fleet in processes of their own, and takes hold of its knobs. */
  startPractice(options: PracticeOptions): Promise<Stage>;
  /** Takes hold of a practice fleet that runs already. */
  attachPractice(home: string): Promise<Stage>;
  /** Processors that this process may use. */
  readonly cores: number;
  /** Plays a drill by a process of its own; stops it safely when `stop` aborts. Its fleet is down afterwards. Never rejects. */
  runDrill(order: DrillOrder, stop: AbortSignal): Promise<Ran>;
}
