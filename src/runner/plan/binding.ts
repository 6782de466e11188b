import { RotctlError } from '../../errors/rotctl-error.ts';
import type { Entry } from '../../ledger/entry.ts';

/** The last entry of a ledger; `null` for one without entries. */
export type LedgerHead = { readonly seq: number; readonly hash: string } | null;

/** What ties a command to the plan that it carries out. */
export interface PlanBinding {
  /** SHA-256 of the plan's content, `sha256:<hex>`; recorded in the ledger. */
  readonly digest: string;
  /** Where the ledger ended when the plan was made. */
  readonly ledger: LedgerHead;
}

/** Where a ledger ends. */
export function headOf(entries: readonly Entry[]): LedgerHead {
  const last = entries.at(-1);
  return last === undefined ? null : { seq: last.seq, hash: last.hash };
}

/** A ledger's end in words. */
export function sayHead(head: LedgerHead): string {
  return head === null ? 'without entries' : `ending with entry ${head.seq} (${head.hash.slice(0, 19)})`;
}

/**
 * Refuses a plan when the ledger does not end where it did: whatever was written since may have changed what the plan says,
 * so no entry is let pass.
 *
 * @throws RotctlError `PLAN_STALE`
 */
export function requireHead({ ledger }: PlanBinding, entries: readonly Entry[]): void {
  const now = headOf(entries);
  if (now?.seq === ledger?.seq && now?.hash === ledger?.hash) return;
  throw new RotctlError('PLAN_STALE', `the plan is stale: ledger ${sayHead(ledger)} then, ${sayHead(now)} now`, {
    next: 'rotctl plan -o FILE',
  });
}
