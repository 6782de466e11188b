import type { DeployDriver } from '../deploy/driver.ts';
import type { Verdict } from '../errors/verdict.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Phase } from '../machine/phase.ts';
import type { Task } from '../machine/roll.ts';
import type { Setting } from '../machine/rotation.ts';
import type { Proof, RotatingGeneration } from '../machine/step.ts';
import type { Cell, Finding } from '../probe/finding.ts';
import type { Clock } from '../probe/ports.ts';
import type { Runbook } from '../runbook/runbook.ts';
import type { Configurations } from './configurations.ts';
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
  /** After-TTL checks begun by this proof, to be finished later. */
  readonly owed: readonly Owed[];
}

/** Takes the proofs that a runbook's steps name. */
export interface Prover {
  /** Waits until the replica accepts signed probes, by any secret it may hold; the proofs that follow tell which. */
  ready(replica: string): Promise<Proven>;
  /** Which replicas, beside some, do not accept a valid request just now, each with what it said instead. */
  silent(phase: Phase, beside: readonly string[]): Promise<readonly string[]>;
  /** @param phase the phase in which the proof is taken @param targets the targets that the step has changed */
  prove(proof: Proof, phase: Phase, targets: readonly string[]): Promise<Proven>;
  /** Burns nonces that a later `namespace` proof tries again; done before each change of a replica. */
  burn(phase: Phase): Promise<void>;
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
  readonly driver: DeployDriver;
  readonly configurations: Configurations;
  readonly prover: Prover;
  readonly traffic: Traffic;
  readonly keeper: Keeper;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly stop: Stop;
}

/** One task's result: done and proven, left out with a reason, or not proven. */
export type TaskResult =
  | { readonly result: 'done'; readonly skipped?: string }
  | { readonly result: 'failed'; readonly reason: string; readonly verdict: Verdict; readonly task: Task };
