import type { MovingPhase } from './phase.ts';

/** The two generations that a rotation is about. */
export type RotatingGeneration = 'current' | 'next';

/** A kind of target: the signers (or gates), the callers that sign, or the fleet as one. */
export type TargetKind = 'replicas' | 'clients' | 'fleet';

/**
 * What a step changes in the world, as data. The runner carries out exactly this, and the safety checker explores
 * exactly this; neither has knowledge of a step beyond it. The members are the variables of the model:
 *
 * - `replica`/`disk`: conf[r], what the replica would accept after a restart;
 * - `replica`/`memory`: acc[r], what it accepts now, taken from its disk;
 * - `client`/`disk`, `client`/`memory`: sig[c], likewise, for what a client signs with;
 * - `flight`: no request signed with that generation is still on its way;
 * - `material`: what becomes of a generation itself.
 */
export type Effect =
  | { readonly of: 'replica'; readonly where: 'disk'; readonly accepts: readonly RotatingGeneration[] }
  | { readonly of: 'replica'; readonly where: 'memory'; readonly from: 'disk' }
  | { readonly of: 'client'; readonly where: 'disk'; readonly signs: RotatingGeneration }
  | { readonly of: 'client'; readonly where: 'memory'; readonly from: 'disk' }
  | { readonly of: 'flight'; readonly drained: RotatingGeneration }
  | { readonly of: 'material'; readonly generation: RotatingGeneration; readonly becomes: 'sealed' | 'destroyed' };

/** The verbs of the step catalogue. What each may change is checked when a runbook is read. */
export const ACTIONS = ['write', 'reload', 'restart', 'drain', 'prove', 'seal', 'destroy'] as const;

export type Action = (typeof ACTIONS)[number];

/**
 * What must be seen before a step counts.
 *
 * - `accepts`: the generation is accepted, on the step's target or on every replica;
 * - `refuses`: it is refused with `AUTH_INVALID_HMAC`, with a positive control in the same round, held over several tries;
 * - `signs`: usage evidence shows that the client signs with the generation and with no other;
 * - `unused`: usage evidence shows that no client signs with the generation;
 * - `checklist`: the seven items of the staging checklist, and the signature-format one, on every replica;
 * - `replay`: the three replay checks, on every replica;
 * - `namespace`: nonces burned before the step are still refused after it.
 */
export type Proof =
  | { readonly proves: 'accepts'; readonly generation: RotatingGeneration; readonly on: ProofScope }
  | { readonly proves: 'refuses'; readonly generation: RotatingGeneration; readonly on: ProofScope }
  | { readonly proves: 'signs'; readonly generation: RotatingGeneration }
  | { readonly proves: 'unused'; readonly generation: RotatingGeneration }
  | { readonly proves: 'checklist' }
  | { readonly proves: 'replay' }
  | { readonly proves: 'namespace' };

/** Where a proof is taken: on the targets just changed, on every replica, or through the balancer alone. */
export type ProofScope = 'target' | 'every-replica' | 'balancer';

/** In which batches targets are taken. The first batch is `first` targets, the others `batch` targets each. */
export interface Order {
  /** Targets in the first batch; 1 unless the runbook's author has a reason. */
  readonly first: number;
  /** Targets in each further batch. */
  readonly batch: number;
  /** From the last target to the first: on the way back, the one that was changed last, which may be ailing, comes first. */
  readonly backward: boolean;
}

/** What the runner does when a step's proof fails or stays unknown. */
export type OnFailure =
  /** Leave everything as it is, resumable. */
  | 'hold'
  /** Go back by itself where the machine allows it without any client's help; else hold. */
  | 'roll-back';

/** One line of a runbook. */
export interface Step {
  readonly id: string;
  readonly phase: MovingPhase;
  /** The line of the runbook in prose that this step carries out. */
  readonly does: string;
  readonly action: Action;
  readonly over: TargetKind;
  readonly order: Order;
  readonly effects: readonly Effect[];
  readonly proofs: readonly Proof[];
  readonly onFailure: OnFailure;
}

/** The steps of a runbook by the phase in which they run, in order. A phase without steps completes at once. */
export type Program = Readonly<Record<MovingPhase, readonly Step[]>>;

/** The names of the targets that a rotation is about, each list in inventory order. */
export interface Inventory {
  readonly replicas: readonly string[];
  readonly clients: readonly string[];
}

/** The name under which a step over the fleet as a whole is recorded. */
export const FLEET_TARGET = 'fleet';
