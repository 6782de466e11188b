import type { Fleet } from '../../fleet/fleet.ts';
import type { EntryKind, LedgerValue } from '../../ledger/entry.ts';
import type { Phase } from '../../machine/phase.ts';
import type { Ended, Order } from '../../runner/operate.ts';
import type { Progress } from '../../runner/progress.ts';
import type { Proven } from '../../runner/world.ts';
import type { Hygiene } from '../tools.ts';
import type { Standing } from './as-before.ts';

/** What a rehearsal on an operator's own fleet works with: the commands of an operator, and nothing that breaks things. */
export interface RehearsalTools {
  readonly fleet: Pick<Fleet, 'digest' | 'environment'>;
  readonly runId: string;
  readonly version: string;
  readonly progress: Progress;
  /** Carries out a command on the fleet, with its ledger, under the lock that the rehearsal holds. */
  operate(command: Order['command']): Promise<Ended>;
  /** The phase of the newest rotation while it is open, as the ledger says; else `undefined`. */
  openPhase(): Promise<Phase | undefined>;
  /** Writes an entry of the drill's own to the fleet's ledger. */
  note(kind: EntryKind, data: { readonly [key: string]: LedgerValue }, phase?: Phase): Promise<void>;
  /** Sends requests again, signed as the clients sign now, to the same and to other replicas. */
  proveReplay(phase: Phase): Promise<Proven>;
  /** What every party's stored configuration says now. */
  standing(): Promise<Standing>;
  /** Looks for the fleet's secrets in what the rehearsal has written. */
  searchSecrets(): Promise<Hygiene>;
}
