import { escapeForeign } from '../../errors/escape.ts';
import type { Verdict } from '../../errors/verdict.ts';

/** `critical` decides the scorecard's word, `warn` is shown beside it, `info` is only shown. */
export type MetricClass = 'critical' | 'warn' | 'info';

/** What a metric came to. `not-applicable` always bears the reason that was declared beforehand. */
export type MetricStatus = Verdict | 'not-applicable';

/** What a metric's definition yields. */
export interface Measure {
  /** `null` when nothing was measured. Durations are milliseconds. */
  readonly value: number | null;
  readonly unit: string;
  /** The bound in words, with its unit: `<= 5000 ms`, `0`. Empty where none is declared. */
  readonly target: string;
  /** How many observations the value rests on; 0 is never a pass. */
  readonly samples: number;
  readonly status: MetricStatus;
  /** Why, when it is not a pass. */
  readonly reason?: string;
  /** The parts of the value (by phase, replica, client, cell), and what was left out of it and why. */
  readonly details?: readonly string[];
  /** `seq` of the ledger entries that it comes from, ascending. */
  readonly entries: readonly number[];
}

/** One line of the scorecard. */
export interface Metric extends Measure {
  /** As in the table of metrics, from 1. */
  readonly number: number;
  /** Stable id: other programs match on it. */
  readonly id: string;
  readonly title: string;
  readonly class: MetricClass;
}

/** What a definition found, before it is judged. */
export interface Found {
  readonly value: number;
  readonly unit: string;
  readonly target: string;
  readonly samples: number;
  /** What breaks the target. One is enough for `fail`. */
  readonly failures?: readonly string[];
  /** What was not measured though it had to be. One is enough for `unknown`. */
  readonly doubts?: readonly string[];
  readonly details?: readonly string[];
  readonly entries: Iterable<number>;
}

const LONGEST_LINE = 400;

/** Judges what was found: a failure beats a doubt beats a pass, and without samples there is no pass and no value. */
export function judged(found: Found): Measure {
  const { failures = [], doubts = [], details = [], samples } = found;
  const status = failures.length > 0 ? 'fail' : doubts.length > 0 || samples === 0 ? 'unknown' : 'pass';
  const reasons = [...failures, ...doubts];
  const reason = reasons.length > 0 ? reasons.join('; ') : 'nothing was measured';
  return {
    value: samples === 0 ? null : found.value,
    unit: found.unit,
    target: found.target,
    samples,
    status,
    ...(status === 'pass' ? {} : { reason: escapeForeign(reason, LONGEST_LINE) }),
    ...(details.length === 0 ? {} : { details: details.map((detail) => escapeForeign(detail, LONGEST_LINE)) }),
    entries: [...new Set(found.entries)].sort((a, b) => a - b),
  };
}

/** A metric that the plan left out, with the plan's reason. */
export function notApplicable(unit: string, reason: string, entries: readonly number[] = []): Measure {
  return {
    value: null,
    unit,
    target: '',
    samples: 0,
    status: 'not-applicable',
    reason: escapeForeign(reason, LONGEST_LINE),
    entries,
  };
}
