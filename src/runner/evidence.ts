import type { LedgerValue } from '../ledger/entry.ts';
import type { Cell, Finding } from '../probe/finding.ts';
import type { Proven } from './world.ts';

type Data = { readonly [key: string]: LedgerValue };

/** The parts of a proof that go into the ledger: what was expected and seen where, never what was sent. */
export function toLedger(proven: Pick<Proven, 'cells' | 'findings' | 'owed' | 'reason'>): Data {
  return {
    ...(proven.reason === '' ? {} : { reason: proven.reason }),
    ...(proven.cells.length === 0 ? {} : { cells: proven.cells.map(cellToLedger) }),
    ...(proven.findings.length === 0 ? {} : { checks: proven.findings.map(findingToLedger) }),
    ...(proven.owed.length === 0 ? {} : { owed: proven.owed.map((owed) => ({ ...owed })) }),
  };
}

/** A check's result as it stands in the ledger. */
export function findingToLedger(finding: Finding): Data {
  const { id, verdict, critical, target, expected, seen, reason, hazards, samples, ms, accepted } = finding;
  return {
    id,
    verdict,
    critical,
    target,
    expected,
    seen,
    ...(reason === undefined ? {} : { reason }),
    ...(hazards === undefined ? {} : { hazards: [...hazards] }),
    samples,
    ms: Math.round(ms),
    ...(accepted === undefined ? {} : { accepted: { ...accepted } }),
  };
}

function cellToLedger(cell: Cell): Data {
  const { client, id, generation, replica, expected, seen, verdict, reason, at, ms } = cell;
  return {
    client,
    ...(id === undefined ? {} : { id }),
    generation,
    replica,
    expected,
    seen,
    verdict,
    ...(reason === undefined ? {} : { reason }),
    at,
    ms: Math.round(ms),
  };
}
