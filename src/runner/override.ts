import type { Entry, LedgerValue } from '../ledger/entry.ts';
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
    what: `carried out although ${objectionTo(safety).message}`,
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

/**
 * Why nothing that is done in a rotation can count as proven: what was overridden in it, as its ledger says.
 *
 * @returns `undefined` for a rotation in which nothing was
 */
export function overrideIn(entries: readonly Entry[], rotation: string | undefined): string | undefined {
  const entry = entries.find(({ kind, rotation: of }) => kind === 'override' && of === rotation);
  if (entry === undefined) return undefined;
  const { what, reason } = entry.data;
  return `override in entry ${entry.seq}: ${String(what)}; reason given: ${String(reason)}`;
}
