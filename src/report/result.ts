import type { RotctlError } from '../errors/rotctl-error.ts';
import { unreachable } from '../errors/unreachable.ts';
import type { LedgerValue } from '../ledger/entry.ts';
import type { Finding } from '../probe/finding.ts';

/**
 * How a command can end. `rehearsed` is a dry run's best, `stopped` the operator's or the safety lever's doing, and
 * `advised` an advice that stands, which is neither good nor bad news.
 */
export type ResultVerdict = 'pass' | 'fail' | 'unknown' | 'rehearsed' | 'stopped' | 'advised';

/** What became of a planted fault. */
export interface FaultResult {
  readonly name: string;
  readonly target: string;
  readonly found: boolean;
  /** Id of the check that found it. */
  readonly check?: string;
  readonly recovered: boolean;
}

/** What a command came to: the source of the JSON document, the text, the verdict line and the JUnit file. */
export interface CommandResult {
  /** `check`, `overlap`, …: the document's schema is `rotctl.<command>.v1`. */
  readonly command: string;
  readonly verdict: ResultVerdict;
  readonly exitCode: number;
  /** What the verdict line says after its word. */
  readonly summary: string;
  readonly rotation?: string;
  readonly fleet?: string;
  readonly phase?: string;
  readonly checks: readonly Finding[];
  /** Only of a drill that planted faults. */
  readonly faults?: readonly FaultResult[];
  /** `verified`, `unverified`, `failed`, `not-needed`, `refused`: where a rollback was part of it. */
  readonly rollback?: string;
  readonly error?: RotctlError;
  /** The next command to type. */
  readonly next?: string;
  /** The command's own part. */
  readonly result?: LedgerValue;
}

/** The word of a verdict, as the last line of stderr begins with it. */
export function verdictWord(verdict: ResultVerdict): string {
  switch (verdict) {
    case 'pass':
      return 'PASS';
    case 'fail':
      return 'FAIL';
    case 'unknown':
      return 'INCONCLUSIVE';
    case 'rehearsed':
      return 'REHEARSED';
    case 'stopped':
      return 'STOPPED';
    case 'advised':
      return 'ADVISED';
    default:
      return unreachable(verdict);
  }
}

/** Numbers of a list of checks; those that do not apply are in none of them but `notApplicable`. */
export interface CheckTotals {
  readonly applicable: number;
  readonly passed: number;
  readonly failed: number;
  readonly unknown: number;
  readonly notApplicable: number;
}

/** Counts checks by verdict. */
export function totalsOf(checks: readonly Finding[]): CheckTotals {
  const count = (verdict: Finding['verdict']): number => checks.filter((check) => check.verdict === verdict).length;
  const notApplicable = count('not-applicable');
  return {
    applicable: checks.length - notApplicable,
    passed: count('pass'),
    failed: count('fail'),
    unknown: count('unknown'),
    notApplicable,
  };
}
