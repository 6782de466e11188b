import type { Secret } from '../credential/secret.ts';
import type { Vault } from '../credential/vault.ts';
import type { DeployDriver } from '../deploy/driver.ts';
import type { GateDriver } from '../deploy/gate.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Entry, LedgerWriter } from '../ledger/entry.ts';
import type { RotatingGeneration } from '../machine/step.ts';
import type { KeyIds } from '../probe/key-ids.ts';
import type { Clock, Random } from '../probe/ports.ts';
import type { Runbook } from '../runbook/runbook.ts';
import type { GateTerms } from './gate/terms.ts';
import type { Pairs } from './pair.ts';
import type { Preflight } from './preflight.ts';
import type { Progress } from './progress.ts';
import type { Prover, Stop, Traffic } from './world.ts';

/** A ledger that is open for appending; its chain was verified when it was opened. */
export interface OpenLedger extends LedgerWriter {
  /** Every entry so far, oldest first. */
  entries(): Promise<readonly Entry[]>;
  close(): Promise<void>;
}

/** The lock that lets one rotation at a time work on a fleet. */
export interface HeldLock {
  /** Grows with each holder; recorded, so that a late writer is seen. */
  readonly token: number;
  /** The dead holder that it was taken from, in words, or `undefined`. */
  readonly brokeStale: string | undefined;
  release(): Promise<void>;
}

/** What a fleet of gates needs beside the rest. */
export interface GateAccess {
  readonly driver: GateDriver;
  /** Under which key ids probes sign. */
  readonly keyIds: KeyIds;
}

/** Everything that an operation needs and does not make itself. `main.ts` and `cli/` put it together. */
export interface Tools {
  readonly fleet: Fleet;
  readonly runbook: Runbook;
  readonly runId: string;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly progress: Progress;
  readonly stop: Stop;
  readonly driver: DeployDriver;
  /** Present exactly for fleets of `gate-v1`. */
  readonly gate: GateAccess | undefined;
  readonly vault: Vault;
  lock(command: string): Promise<HeldLock>;
  openLedger(): Promise<OpenLedger>;
  /** Every entry, without opening the ledger for writing; none where there is no ledger yet. */
  readLedger(): Promise<readonly Entry[]>;
  /** Reads each client's present secret from where the fleet file says that it lives. */
  readCurrent(clients: readonly string[]): Promise<ReadonlyMap<string, Secret>>;
  /** Checks that a runbook's preconditions are met, live; changes nothing. */
  preflight(pairs: Pairs, preconditions: Runbook['preconditions'], terms?: GateTerms): Promise<Preflight>;
  /** @param terms of a rotation of gates */
  prover(pairs: Pairs, terms?: GateTerms): Prover;
  /** Starts steady traffic, signed with the generations that are valid as things stand. */
  traffic(pairs: Pairs, before: readonly RotatingGeneration[]): Promise<Traffic>;
}
