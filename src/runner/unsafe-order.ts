import type { LedgerValue } from '../ledger/entry.ts';
import { objectionTo, type Safety } from './safety.ts';

/** The operator's word that a runbook is carried out although it is not proven safe. */
export interface UnsafeOrder {
  readonly reason: string;
  /** Who says so: login name and host. */
  readonly operator: string;
}

/** The override entry that comes before everything else of such a rotation. */
export function overrideRecord(safety: Safety, { reason, operator }: UnsafeOrder): { [key: string]: LedgerValue } {
  const { verdict, states, counterexample } = safety.answer;
  const { runbook } = safety;
  return {
    what: `runbook ${runbook.name} begun although it is not proven safe${counterexample === undefined ? '' : ` (${counterexample.invariant})`}`,
    objection: objectionTo(safety).message,
    runbookDigest: runbook.digest,
    safety: verdict,
    states,
    invariant: counterexample?.invariant ?? null,
    statement: counterexample?.statement ?? null,
    unsafeStep: counterexample?.step ?? null,
    reason,
    operator,
  };
}
