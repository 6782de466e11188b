/** One step of what is advised. */
export interface AdvisedStep {
  /** Counts from 1. */
  readonly step: number;
  /** The part of the plan that it belongs to. */
  readonly phase: string;
  readonly action: string;
  /** What is put where; empty where nothing is. */
  readonly install: readonly string[];
  /** What must be seen before the next step. */
  readonly proof: string;
  /** The way back from here. */
  readonly back: string;
}

/** What a plan speaks of, of the fleet at hand. Durations in milliseconds. */
export interface PlanFleet {
  readonly name: string;
  readonly replicas: readonly string[];
  readonly clients: readonly string[];
  /** Whether callers must show a certificate already. */
  readonly mutualTls: boolean;
  readonly soakMs: number;
  readonly minSamples: number;
  /** The longest that a signed request of any client can still be on its way. */
  readonly quietMs: number;
}

/** How a service will prove who it is, without a secret that others hold too. */
export type AsymmetricIdentity = 'ed25519' | 'spiffe';

/** The identities that the migration is for, and why. */
export interface IdentityChoice {
  readonly identities: readonly AsymmetricIdentity[];
  readonly why: string;
}
