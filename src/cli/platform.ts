import type { VaultFiles } from '../credential/ports.ts';
import type { SecretCommands } from '../credential/sources.ts';
import type { AnsibleRuns, CertificateStore, Commands, GateFiles } from '../deploy/ports.ts';
import type { Ran } from '../drill/game-day/play.ts';
import type { Stage } from '../drill/stage.ts';
import type { TlsFiles } from '../fleet/fleet.ts';
import type { StoreSource } from '../fleet/store.ts';
import type { LedgerDisk } from '../ledger/ports.ts';
import type { Clock, Handshakes, KeepConnections, ListenForTrust, Random, Transport } from '../probe/ports.ts';
import type { StorePasswords, StoreView } from '../probe/store-view.ts';
import type { HeldLock, OpenLedger } from '../runner/tools.ts';
import type { LineCommands, LogFiles } from '../watch/ports.ts';

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

/** The replay store of a practice fleet; it stays of its form for as long as the folder exists. */
export const PRACTICE_STORES = ['auto', 'embedded', 'standalone', 'persistent', 'sentinel', 'cluster'] as const;

/** One of them. */
export type PracticeStore = (typeof PRACTICE_STORES)[number];

/** How a local practice fleet is started. */
export interface PracticeOptions {
  readonly home: string;
  /** What its replicas speak; it stays so for as long as the folder exists. */
  readonly protocol: 'keyring-v1' | 'gate-v1';
  readonly store: PracticeStore;
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
  /** Asks the person at the terminal, on stderr; `undefined` where there is none, or no answer. */
  ask(question: string): Promise<string | undefined>;
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
  /** PEM files of parties whose certificates are rotated. */
  certificateStore(): Promise<CertificateStore>;
  /** SHA-256 of the roots that the public trusts, lower-case hex. */
  publicRoots(): Promise<ReadonlySet<string>>;
  /** @param redact replaces every known secret in a text */
  commands(redact: (text: string) => string): Promise<Commands>;
  /** Runs of ansible, with the shipped playbook where a fleet names none. @param redact as of `commands` */
  ansible(commands: Commands, redact: (text: string) => string): Promise<AnsibleRuns>;
  /** Commands that give and use secrets, run in a folder. */
  secretCommands(redact: (text: string) => string, cwd: string): Promise<SecretCommands>;
  /** Everything that an inherited file descriptor gives. Throws `INPUT_UNREADABLE`. */
  readDescriptor(fd: number): Promise<Buffer>;
  /** Our address towards a place, as the system would choose it; sends nothing. */
  localAddress(url: URL): Promise<string | undefined>;
  /** Reads the TLS files and makes a transport that trusts only the fleet's CA. */
  transport(tls: TlsFiles): Promise<Transport>;
  /** Looks at servers by a TLS handshake alone, with the fleet's TLS files. */
  handshakes(tls: TlsFiles): Promise<Handshakes>;
  /** Connections that are kept, with their sessions. @param trust PEM bundle of the authorities that servers are known by */
  keptConnections(trust: string): Promise<KeepConnections>;
  /** Listeners that show a server's certificate to clients. */
  trustListener(): Promise<ListenForTrust>;
  /**
   * Looks up the addresses of host names, by the system or at one name server; the function rejects with a `code`.
   *
   * @param deadlineMs longest time for one name
   */
  addressesOf(server: string | undefined, deadlineMs: number): (host: string) => Promise<readonly string[]>;
  /** What a command prints that lists the replicas. Throws `FLEET_UNSURE` when it fails. */
  listing(argv: readonly string[], options: { readonly cwd: string; readonly deadlineMs: number }): Promise<string>;
  /** Makes a view of the replay store, which connects when it is first asked. */
  store(source: StoreSource, passwords: StorePasswords): Promise<StoreView>;
  /** The replicas' log files. */
  logFiles(): Promise<LogFiles>;
  /** Commands that print lines, run in a folder. */
  lineCommands(cwd: string): Promise<LineCommands>;
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
