import type { Verdict } from '../errors/verdict.ts';
import type { CanarySettings } from '../fleet/fleet.ts';
import type { CanaryCell, CanaryCounts } from './canary-counts.ts';

/** What a window of canary traffic says about the change made in it. */
export interface CanaryJudgement {
  readonly verdict: Verdict;
  /** Valid requests that were refused for authentication or replay. One is too many. */
  readonly refused: number;
  readonly faults: number;
  /** How many faults this window could have and pass: the baseline's share and the budget, of the requests settled. */
  readonly budget: number;
  /** Answers that measured something: accepted or refused. */
  readonly samples: number;
  /** What is wrong, with numbers; empty for a pass. */
  readonly reasons: readonly string[];
}

/**
 * Judges a window against one from before the change. Without a baseline its fault share counts as 0. A request that was
 * refused for its age after a long way is a fault (`late`), as one without an answer is.
 *
 * `fail`: a valid request was refused on any route, or the share of faults is above the baseline's share plus the
 * budget; `unknown`: fewer than `minSamples` answers, or more requests missed than the budget allows; else `pass`.
 *
 * @param served the routes that clients take, whose faults count: a replica that is asked for directly while it is being
 *   restarted does not answer, and nobody is hurt; by default all routes
 */
export function judgeCanary(
  window: CanaryCounts,
  baseline: CanaryCounts | undefined,
  settings: Pick<CanarySettings, 'faultBudget' | 'minSamples'>,
  served?: readonly string[],
): CanaryJudgement {
  const cells = servedCells(window, served);
  const { settled, faults } = settledIn(cells);
  const share = faultShare(servedCells(baseline, served)) + settings.faultBudget;
  const samples = window.accepted + window.refused;
  const failures = [...refusalReasons(window), ...faultReasons(cells, share)];
  const doubts = doubtsOf(window, samples, settings);
  return {
    verdict: failures.length > 0 ? 'fail' : doubts.length > 0 ? 'unknown' : 'pass',
    refused: window.refused,
    faults,
    budget: Math.floor(share * settled),
    samples,
    reasons: [...failures, ...doubts],
  };
}

function servedCells(window: CanaryCounts | undefined, served: readonly string[] | undefined): readonly CanaryCell[] {
  return (window?.cells ?? []).filter(({ route }) => served === undefined || served.includes(route));
}

function settledIn(cells: readonly CanaryCell[]): { readonly settled: number; readonly faults: number } {
  const faults = total(cells.map((cell) => total(Object.values(cell.faults))));
  const answered = total(cells.map((cell) => cell.accepted + total(Object.values(cell.refusedAuth))));
  return { settled: answered + faults, faults };
}

function faultShare(cells: readonly CanaryCell[]): number {
  const { settled, faults } = settledIn(cells);
  return settled === 0 ? 0 : faults / settled;
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

function refusalReasons(window: CanaryCounts): string[] {
  return window.cells.flatMap((cell) =>
    Object.entries(cell.refusedAuth).map(
      ([code, count]) =>
        `${cell.route} refused ${count} of ${cell.sent} valid requests of ${cell.client} signed with ${cell.fingerprint}${shownIn(cell)}: ${code}`,
    ),
  );
}

function shownIn({ certificate }: CanaryCell): string {
  return certificate === undefined ? '' : ` over the certificate ${certificate}`;
}

function faultReasons(cells: readonly CanaryCell[], share: number): string[] {
  const { settled, faults } = settledIn(cells);
  if (settled === 0 || faults / settled <= share) return [];
  const kinds = new Map<string, number>();
  for (const cell of cells) {
    for (const [reason, count] of Object.entries(cell.faults)) {
      const kind = `${reason} on ${cell.route}`;
      kinds.set(kind, (kinds.get(kind) ?? 0) + count);
    }
  }
  const worst = [...kinds].sort(([, a], [, b]) => b - a).slice(0, 3);
  const named = worst.map(([kind, count]) => `${count} ${kind}`).join(', ');
  return [`${faults} of ${settled} requests failed, more than ${percent(share)}: ${named}`];
}

function doubtsOf(
  window: CanaryCounts,
  samples: number,
  settings: Pick<CanarySettings, 'faultBudget' | 'minSamples'>,
): string[] {
  const doubts: string[] = [];
  if (samples < settings.minSamples) doubts.push(`${samples} answers, fewer than ${settings.minSamples}`);
  const due = window.sent + window.missed;
  if (window.missed > due * settings.faultBudget) {
    doubts.push(`${window.missed} of ${due} requests were never sent: this machine was too slow or asleep`);
  }
  return doubts;
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}
