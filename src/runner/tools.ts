import type { Secret } from '../credential/secret.ts';
import type { Signers } from '../credential/signer.ts';
import type { Vault } from '../credential/vault.ts';
import type { CertificateDriver } from '../deploy/certificates.ts';
import type { DeployDriver } from '../deploy/driver.ts';
import type { GateDriver } from '../deploy/gate.ts';
import type { KeyKind } from '../fleet/certificates.ts';
import type { Fleet, Pin } from '../fleet/fleet.ts';
import type { Entry, LedgerWriter } from '../ledger/entry.ts';
import type { RotatingGeneration } from '../machine/step.ts';
import type { IdentityWatch } from '../probe/identity-watch.ts';
import type { KeyIds } from '../probe/key-ids.ts';
import type { Clock, Random } from '../probe/ports.ts';
import type { Runbook } from '../runbook/runbook.ts';
import type { NextAuthority } from './certificates/next-authority.ts';
import type { CertificateTerms, RotatedCertificates } from './certificates/terms.ts';
import type { Confirmation } from './confirmations.ts';
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

/** What a rotation of certificates needs beside the rest. */
export interface CertificateAccess {
  readonly driver: CertificateDriver;
  /** Makes or reaches the authority that certificates move to. */
  authority(present: KeyKind): Promise<NextAuthority>;
  /** Has our connections go by our own files as they stand now. */
  adopt(): Promise<void>;
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
  /** Present exactly for fleets that say where their certificates stand, and who issues others. */
  readonly certificates: CertificateAccess | undefined;
  readonly vault: Vault;
  /** Gives a message to the fleet's `announce` command; resolves to why that failed. Absent where there is none. */
  readonly announce?: ((message: { readonly [key: string]: string }) => Promise<string | undefined>) | undefined;
  /** Who answers at the replicas' addresses. */
  readonly identities?: IdentityWatch;
  /** Looks again which replicas there are, and where. @throws RotctlError as reading the fleet does */
  enumerate(): Promise<readonly Pin[]>;
  /** Keys that are held elsewhere. */
  readonly signers: Signers;
  lock(command: string): Promise<HeldLock>;
  openLedger(): Promise<OpenLedger>;
  /** Every entry, without opening the ledger for writing; none where there is no ledger yet. */
  readLedger(): Promise<readonly Entry[]>;
  /** What was confirmed by name in the open rotation, and counts now. */
  confirmed(): Promise<readonly Confirmation[]>;
  /** Reads each client's present secret from where the fleet file says that it lives. */
  readCurrent(clients: readonly string[]): Promise<ReadonlyMap<string, Secret>>;
  /** Reads the secrets to rotate to that the fleet file says where to read. */
  readNext(clients: readonly string[]): Promise<ReadonlyMap<string, Secret>>;
  /** Checks that a runbook's preconditions are met, live; changes nothing. */
  preflight(
    pairs: Pairs,
    preconditions: Runbook['preconditions'],
    terms?: GateTerms,
    certificates?: CertificateTerms,
  ): Promise<Preflight>;
  /** How many refused signatures there are anyhow, watched for as long as the fleet file says; `undefined` where it does not. */
  baseline?(): Promise<Readonly<Record<string, number>> | undefined>;
  /** @param terms of a rotation of gates @param certificates of a rotation of certificates, with its id */
  prover(pairs: Pairs, terms?: GateTerms, certificates?: RotatedCertificates): Promise<Prover>;
  /**
   * Starts steady traffic, signed with the generations that are valid as things stand; in a rotation of certificates it
   * shows those of these generations.
   */
  traffic(pairs: Pairs, before: readonly RotatingGeneration[], certificates?: CertificateTerms): Promise<Traffic>;
}
