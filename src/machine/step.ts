import type { MovingPhase } from './phase.ts';

/** The two generations that a rotation is about. */
export type RotatingGeneration = 'current' | 'next';

/** A kind of target: what new instances are made from, the signers (or gates), the callers that sign, or the fleet as one. */
export type TargetKind = 'templates' | 'replicas' | 'clients' | 'fleet';

/** The kinds of target that an inventory lists by name. */
export type ListedKind = Exclude<TargetKind, 'fleet'>;

/** Whether a party names its generations by key ids of their own, or by labels that every fleet has by default. */
export type KeyIds = 'default' | 'own';

/** What a verifying process goes by. Which of these a protocol knows is in `src/runbook/vocabulary.ts`. */
export interface ReplicaSettings {
  /** The generations whose signatures (or certificates) it accepts, the primary one first. */
  readonly accepts: readonly RotatingGeneration[];
  /** The generation of the certificate that it shows to clients. */
  readonly presents: RotatingGeneration;
  /** Whether a signature counts only under the key id of the generation that made it. */
  readonly strict: boolean;
  /** Generations whose key ids are refused, whatever was signed. */
  readonly revokes: readonly RotatingGeneration[];
  readonly keyIds: KeyIds;
  /** Of signers with a default client id, for which requests are taken that name none: the generation that stands under it. */
  readonly defaultId: RotatingGeneration | 'none';
  /** Where it looks nonces up: the declared namespace of the replay store, or any other. */
  readonly namespace: 'declared' | 'other';
}

/** What a calling process goes by. */
export interface ClientSettings {
  /** The generation that it signs with, or whose certificate it shows. */
  readonly signs: RotatingGeneration;
  /** Whether it sends a signature by the other generation beside that one. */
  readonly dual: boolean;
  readonly keyIds: KeyIds;
  /** The generations of servers' certificates that it trusts. */
  readonly accepts: readonly RotatingGeneration[];
}

/**
 * What a step changes in the world, as data. The runner carries out exactly this, and the safety checker explores
 * exactly this; neither has knowledge of a step beyond it. The members are the variables of the model:
 *
 * - `template`: what an instance that is made anew starts with;
 * - `replica`/`disk`: what the replica would go by after a restart;
 * - `replica`/`memory`: what it goes by now, taken from its disk, or told to the process alone;
 * - `client`/`disk`, `client`/`memory`: likewise, for a client;
 * - `flight`: no request signed with that generation is still on its way;
 * - `sessions`: no session or ticket made under that generation can still be used;
 * - `material`: what becomes of a generation itself.
 *
 * `restores` names the settings that a runbook says are to be `as-before`. In a program they are not in `set`; in a task
 * they are there too, with the value that the rotation began with (`as-before.ts`). The checker goes by `set` alone; the
 * runner puts back what stood there, which may be nothing: a variable that was not set and so had its default.
 */
export type Effect =
  | ({ readonly of: 'template'; readonly where: 'disk'; readonly set: Partial<ReplicaSettings> } & Restoring)
  | ({ readonly of: 'replica'; readonly where: 'disk' | 'memory'; readonly set: Partial<ReplicaSettings> } & Restoring)
  | ({ readonly of: 'client'; readonly where: 'disk'; readonly set: Partial<ClientSettings> } & Restoring)
  | { readonly of: 'replica'; readonly where: 'memory'; readonly from: 'disk' }
  | { readonly of: 'client'; readonly where: 'memory'; readonly from: 'disk' }
  | { readonly of: 'flight'; readonly drained: RotatingGeneration }
  | { readonly of: 'sessions'; readonly ended: RotatingGeneration }
  | { readonly of: 'material'; readonly generation: RotatingGeneration; readonly becomes: 'sealed' | 'destroyed' };

/** The settings that may be `as-before`: those that a rotation does not always begin with the same value of. */
export type Restorable = 'strict' | 'keyIds';

interface Restoring {
  readonly restores?: readonly Restorable[];
}

/** The verbs of the step catalogue. What each may change is checked when a runbook is read. */
export const ACTIONS = [
  'write',
  'reload',
  'restart',
  'push',
  'drain',
  'end-sessions',
  'prove',
  'seal',
  'destroy',
] as const;

export type Action = (typeof ACTIONS)[number];

/**
 * What must be seen before a step counts.
 *
 * - `accepts`: the generation is accepted, on the step's target or on every replica, under its own key id or that of before;
 * - `refuses`: it is refused with `AUTH_INVALID_HMAC`, with a positive control in the same round, held over several tries;
 * - `signs`: usage evidence shows that the client signs with the generation, beside which only a dual signature counts;
 * - `unused`: usage evidence shows that no client needs the generation any more;
 * - `presents`: the replica shows a certificate of the generation, or the client is seen with one and with no other;
 * - `trusts`, `distrusts`: the client's own report of a handshake with the generation's server certificate;
 * - `default-id`: a request that names no client id is taken for the id under which the generation stands;
 * - `key-ids`: traffic shows that every client names its generations by key ids of their own;
 * - `no-session`: a session made under the generation, kept or saved, is served no more;
 * - `checklist`: the seven items of the staging checklist, and the signature-format one, on every replica;
 * - `replay`: the three replay checks, on every replica;
 * - `namespace`: nonces burned before the step are still refused after it;
 * - `quiet`: no spike of refused signatures in the replicas' logs since the last look.
 */
export type Proof =
  | {
      readonly proves: 'accepts';
      readonly generation: RotatingGeneration;
      readonly on: ProofScope;
      /** Under the key id that clients put to it before the rotation; absent: under the generation's own. */
      readonly keyIds?: 'as-before';
    }
  | { readonly proves: 'refuses'; readonly generation: RotatingGeneration; readonly on: ProofScope }
  | { readonly proves: 'signs'; readonly generation: RotatingGeneration }
  | { readonly proves: 'unused'; readonly generation: RotatingGeneration }
  | { readonly proves: 'presents'; readonly generation: RotatingGeneration; readonly on: ProofScope }
  | { readonly proves: 'default-id'; readonly generation: RotatingGeneration; readonly on: ProofScope }
  | { readonly proves: 'trusts' | 'distrusts'; readonly generation: RotatingGeneration }
  | { readonly proves: 'key-ids' }
  | { readonly proves: 'no-session'; readonly generation: RotatingGeneration }
  | { readonly proves: 'checklist' }
  | { readonly proves: 'replay' }
  | { readonly proves: 'namespace' }
  | { readonly proves: 'quiet' };

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
  /** How many targets get the step at all, from the first on; `undefined` for every one. */
  readonly only: number | undefined;
  /** What becomes of a step on a target that does not answer: it fails, or the target is left out. */
  readonly unreachable: 'fail' | 'skip';
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

/**
 * How a fleet stands when a rotation of it begins, as far as fleets differ: a gate that was rotated before has key ids of
 * its own, and may enforce them.
 */
export interface Beginning {
  /** Whether gates, and what they are made from, enforce key ids. Those are then own ones: no other is sound under it. */
  readonly strict: boolean;
  /** Of gates, of what they are made from, and of clients alike. */
  readonly keyIds: KeyIds;
}

/** The names of the targets that a rotation is about, each list in inventory order, and how they stand before it. */
export interface Inventory {
  /** Sources that instances are made from anew, and that a reconciler restores: an image, a config repository. */
  readonly templates: readonly string[];
  readonly replicas: readonly string[];
  readonly clients: readonly string[];
  /** Absent where nothing was ever rotated: key ids by default, and none enforced. */
  readonly beginning?: Beginning;
  /** Replicas in each batch but the first of a step; where it is absent, as the step says. */
  readonly batch?: number;
}

/** The name under which a step over the fleet as a whole is recorded. */
export const FLEET_TARGET = 'fleet';
