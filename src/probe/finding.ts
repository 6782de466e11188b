import type { Verdict } from '../errors/verdict.ts';

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
  readonly samples: number;
  readonly ms: number;
  /** Of a failure that its owner knows and has answered for: it stops nothing. */
  readonly accepted?: { readonly reason: string; readonly owner: string };
}

/** A cell of the evidence matrix: one client's generation on one replica in one phase. */
export interface Cell {
  readonly client: string;
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
