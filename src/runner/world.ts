import type { Verdict } from '../errors/verdict.ts';
import type { Fleet, Pin } from '../fleet/fleet.ts';
import type { Phase } from '../machine/phase.ts';
import type { Task } from '../machine/roll.ts';
import type { Setting } from '../machine/rotation.ts';
import type { Proof, RotatingGeneration } from '../machine/step.ts';
import type { Cell, Finding } from '../probe/finding.ts';
import type { IdentityWatch } from '../probe/identity-watch.ts';
import type { Clock } from '../probe/ports.ts';
import type { OutcomeCode } from '../protocol/outcome.ts';
import type { Runbook } from '../runbook/runbook.ts';
import type { Configurations } from './configurations.ts';
import type { Confirmation } from './confirmations.ts';
import type { Loader } from './loader.ts';
import type { Owed } from './owed.ts';
import type { Pairs } from './pair.ts';
import type { Progress } from './progress.ts';

/** What a proof came to. */
export interface Proven {
  readonly verdict: Verdict;
  /** Why it is not a pass, naming the targets; empty when it is. */
  readonly reason: string;
  readonly findings: readonly Finding[];
  readonly cells: readonly Cell[];
  /** Whom it is about, where those are not the targets of the step. */
  readonly about?: readonly string[];
  /** After-TTL checks begun by this proof, to be finished later. */
  readonly owed: readonly Owed[];
  /** Whom it waits for, where nothing is wrong and somebody else has to act; `next` is what to type then. */
  readonly waiting?: Waiting | undefined;
}

/** Somebody is awaited: in words that say for what, and the command to type then. */
export interface Waiting {
  readonly what: string;
  readonly next: string;
}

/** What a replica says to one client's generations. */
export interface Sighted {
  readonly client: string;
  readonly answers: Readonly<Record<RotatingGeneration, OutcomeCode>>;
}

/** A replica that does not accept a valid request, and what it said instead. */
export interface Silent {
  readonly replica: string;
  readonly said: string;
}

/** Takes the proofs that a runbook's steps name. */
export interface Prover {
  /** Waits until the replica accepts signed probes, by any secret it may hold; the proofs that follow tell which. */
  ready(replica: string): Promise<Proven>;
  /** Which replicas, beside some, do not accept a valid request just now, each with what it said instead. */
  silent(phase: Phase, beside: readonly string[]): Promise<readonly Silent[]>;
  /** How a replica answers each client's generations just now, asked once and without patience. */
  sighted(replica: string): Promise<readonly Sighted[]>;
  /** @param phase the phase in which the proof is taken @param targets the targets that the step has changed */
  prove(proof: Proof, phase: Phase, targets: readonly string[]): Promise<Proven>;
  /**
   * Whether the next replica that was not given `next` still refuses it, so that it goes by a configuration of its own.
   * `undefined` where that cannot be told, or was told before. @param touched the replicas that were given it, or may have been
   * @param gone those that nobody is behind any more
   */
  apart?(touched: readonly string[], gone: Pick<World['gone'], 'has'>): Promise<Proven | undefined>;
  /** Burns nonces that a later `namespace` proof tries again; done before each change of a replica. */
  burn(phase: Phase): Promise<void>;
  /**
   * What has to hold when the steps of a phase are done, whichever proofs they have named. `undefined` where nothing has to,
   * or where it is proven already.
   */
  closes?(phase: Phase): Promise<Proven | undefined>;
  /** Destroys what is kept beside the ledger for the proofs of a phase whose steps are all done. Safe to repeat. */
  forget?(phase: Phase): Promise<void>;
  /** The same after-TTL checks with nonces that are burned now, as they are by an attempt that was not told. */
  anew(owed: readonly Owed[]): readonly Owed[];
  /** Finishes after-TTL checks that are due. Unless they pass they are owed anew: the attempt may have taken their nonces. */
  settle(owed: readonly Owed[], phase: Phase): Promise<Proven>;
}

/** What canary traffic saw in one phase, judged. */
export interface TrafficReport {
  readonly verdict: Verdict;
  readonly reason: string;
  readonly sent: number;
  readonly accepted: number;
  /** Valid requests that were refused for an authentication reason. */
  readonly refused: number;
  /** Requests that failed otherwise: resets, timeouts, 429, 5xx, foreign pages. */
  readonly faults: number;
  /** The same counts by route (`balancer`, or a replica's name). */
  readonly routes: Readonly<
    Record<
      string,
      { readonly sent: number; readonly accepted: number; readonly refused: number; readonly faults: number }
    >
  >;
}

/** Steady signed traffic during a rotation. */
export interface Traffic {
  /** Which generations valid requests are signed with from now on. Resolves when none with another is in flight. */
  sign(generations: readonly RotatingGeneration[]): Promise<void>;
  /** What was seen since the last call, against the baseline that `baseline` took. */
  report(): Promise<TrafficReport>;
  /** Whether what was seen since the last report already exceeds a budget. */
  alarm(): string | undefined;
  stop(): Promise<void>;
}

/** Sealed keeping of a rotation's secrets. */
export interface Keeper {
  destroy(rotation: string, generation: RotatingGeneration): Promise<void>;
}

/** The operator's wish to stop. */
export interface Stop {
  readonly signal: AbortSignal;
  /** Why work must stop at the next safe point (a signal, the safety lever), or `undefined`. */
  reason(): Promise<string | undefined>;
}

/** Everything that a rotation in progress works with. */
export interface World {
  readonly fleet: Fleet;
  readonly runbook: Runbook;
  readonly setting: Setting;
  readonly pairs: Pairs;
  readonly loader: Loader;
  readonly configurations: Configurations;
  readonly prover: Prover;
  readonly traffic: Traffic;
  /** As of `Tools`. */
  readonly announce?: ((message: { readonly [key: string]: string }) => Promise<string | undefined>) | undefined;
  readonly keeper: Keeper;
  /** Of a rotation of certificates: brings what we trust and show ourselves to what a phase asks for. */
  readonly settleOwn?: (phase: Phase) => Promise<void>;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly stop: Stop;
  /** What was confirmed by name in the rotation, and counts now. */
  confirmed(): Promise<readonly Confirmation[]>;
  /** Who answers at the replicas' addresses. */
  readonly identities?: IdentityWatch;
  /** Looks again which replicas there are, and where. @throws RotctlError as reading the fleet does */
  readonly enumerate: () => Promise<readonly Pin[]>;
  /** Replicas of the rotation that are gone for good, each with whose word that is. */
  readonly gone: ReadonlyMap<string, string>;
}

/** One task's result: done and proven, left out with a reason, or not proven. */
export type TaskResult =
  | { readonly result: 'done'; readonly skipped?: string }
  | {
      readonly result: 'failed';
      readonly reason: string;
      readonly verdict: Verdict;
      readonly task: Task;
      /** Replicas that were seen to refuse what valid requests are signed with. */
      readonly lockedOut: readonly string[];
      readonly waiting?: Waiting | undefined;
      /** What to do about it, where more is known than what went wrong. */
      readonly hint?: string;
      /** Whether refused signatures spiked. */
      readonly spike?: boolean;
    };
