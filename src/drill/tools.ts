import type { Secret } from '../credential/secret.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { EntryKind, LedgerValue } from '../ledger/entry.ts';
import type { Finding } from '../probe/finding.ts';
import type { Clock } from '../probe/ports.ts';
import type { Tools as ProbeTools } from '../probe/round.ts';
import type { Ended, Order } from '../runner/operate.ts';
import type { Progress } from '../runner/progress.ts';
import type { DrillKind, Seen } from './faults.ts';
import type { Stage } from './stage.ts';

/** What a drill plays with. The fleet is driven by `operate`, as an operator would drive it. */
export interface DrillTools {
  readonly stage: Stage;
  readonly kind: DrillKind;
  readonly fleet: Fleet;
  readonly runId: string;
  readonly version: string;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly probes: ProbeTools;
  /** Carries out a command on the fleet, under its lock, with its ledger. */
  operate(order: Pick<Order, 'command'>): Promise<Ended>;
  /** What checks and rounds have seen since the last call. */
  seen(): Seen;
  /** Writes an entry of the drill's own to the fleet's ledger. */
  note(kind: EntryKind, data: { readonly [key: string]: LedgerValue }): Promise<void>;
  /** Each client's secret as it is in force now. */
  secrets(): Promise<ReadonlyMap<string, Secret>>;
  /** Whether nonces burned before are still refused, on every replica. */
  namespace(): Promise<readonly Finding[]>;
  /** Burns nonces for a later `namespace`. */
  burn(): Promise<void>;
  /** Looks for the fleet's secrets where they must not be. */
  searchSecrets(): Promise<Hygiene>;
}

/** What a search for secrets came to. */
export interface Hygiene {
  /** Places (files, process arguments, output) that were searched. */
  readonly searched: number;
  /** Names of the places in which one was found. */
  readonly where: readonly string[];
}

/** A fault to plant: its name, and the replica that is to have it. */
export interface Planted {
  readonly name: string;
  readonly target: string;
}

/** What became of a planted fault. */
export interface FaultEnd extends Planted {
  readonly found: boolean;
  /** The check that found it. */
  readonly check: string | null;
  readonly recovered: boolean;
}
