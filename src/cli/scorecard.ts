import { readLimits } from '../drill/game-day/limits.ts';
import { type Scorecard, scorecard } from '../drill/scorecard.ts';
import type { Entry } from '../ledger/entry.ts';
import { scorecardDocument } from '../report/scorecard-json.ts';
import { renderScorecardText } from '../report/scorecard-text.ts';
import { paletteFor } from './colour.ts';
import { readLedger, refuseBroken } from './ledger.ts';
import type { Platform } from './platform.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';

/** What was typed for `scorecard`. */
export interface ScorecardRequest {
  /** The ledger to score, in place of the fleet's own. */
  readonly from: string | undefined;
}

/**
 * Computes the scorecard of a ledger. Exit 1 when a critical metric fails, 12 when one could not be told.
 *
 * @throws RotctlError `LEDGER_BROKEN` when the ledger does not verify
 */
export async function printScorecard(
  platform: Platform,
  flags: GlobalFlags,
  { from }: ScorecardRequest,
): Promise<CommandEnd> {
  const { path, snapshot } = await readLedger(platform, { ...flags, ledger: from ?? flags.ledger });
  refuseBroken(path, snapshot);
  const card = scoreEntries(platform, snapshot.entries);
  const palette = await paletteFor(platform, flags, platform.stdout);
  return {
    command: 'scorecard',
    verdict: card.verdict,
    exitCode: { pass: 0, fail: 1, unknown: 12 }[card.verdict],
    summary: card.headline.replace(/^[A-Z]+ /, ''),
    ...(card.run === '' ? {} : { rotation: card.run }),
    ...(card.fleet === '' ? {} : { fleet: card.fleet }),
    result: scorecardDocument(card),
    text: renderScorecardText(card, { palette, verbose: flags.verbose }),
  };
}

/**
 * Scores the entries of a ledger that verifies, against what the environment demands of a game day.
 *
 * @throws RotctlError `USAGE` when `GAMEDAY_MIN_PASS_PERCENT` or `GAMEDAY_MAX_TOTAL_DURATION_S` cannot be read
 */
export function scoreEntries({ env }: Pick<Platform, 'env'>, entries: readonly Entry[]): Scorecard {
  const { minPassPercent, maxTotalDurationS } = readLimits({ environment: env, flags: {} });
  const slo = { minPassPercent: minPassPercent.value, maxTotalDurationS: maxTotalDurationS.value };
  return scorecard(entries, { ledger: { ok: true, entries: entries.length }, slo });
}
