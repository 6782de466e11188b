import type { Verdict } from '../errors/verdict.ts';
import type { Hazard } from './hazards.ts';

/** One check's result on one target: a line of `checks` in the JSON result (`rotctl.<command>.v1`). */
export interface Finding {
  /** Stable id, listed in `spec/checks.md`. */
  readonly id: string;
  readonly verdict: Verdict | 'not-applicable';
  /** Whether an `unknown` here makes the whole inconclusive. */
  readonly critical: boolean;
  /** Replica, client, `balancer` or `fleet`. */
  readonly target: string;
  readonly expected: string;
  readonly seen: string;
  /** Why, when it is not a pass: what the operator must know, with numbers. */
  readonly reason?: string;
  /** Where it is no pass: the hazards of the replay store that it can be, as far as what was seen narrows them. */
  readonly hazards?: readonly Hazard[];
  readonly samples: number;
  readonly ms: number;
  /** Of a failure that its owner knows and has answered for: it stops nothing. */
  readonly accepted?: { readonly reason: string; readonly owner: string };
  /** Where it is no pass: why that matters, and what to do. */
  readonly why?: string;
  readonly remedy?: string;
}

/** A cell of the evidence matrix: one client's generation on one replica in one phase. */
export interface Cell {
  readonly client: string;
  /** The client id that was sent, where that is another than the client's. */
  readonly id?: string;
  readonly generation: 'current' | 'next' | 'wrong';
  readonly replica: string;
  readonly expected: string;
  readonly seen: string;
  readonly verdict: Verdict;
  readonly reason?: string;
  /** UTC, ISO 8601. */
  readonly at: string;
  readonly ms: number;
}
