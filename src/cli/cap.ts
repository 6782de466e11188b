import type { Entry } from '../ledger/entry.ts';
import { overrideIn } from '../runner/override.ts';
import type { CommandEnd } from './result.ts';

function resultOf({ result }: Pick<CommandEnd, 'result'>): object {
  return typeof result === 'object' && result !== null ? result : {};
}

/** No better than inconclusive is what is done in a rotation in which a rule was overridden, as its ledger says. */
export function capped<End extends Omit<CommandEnd, 'command'>>(
  end: End,
  entries: readonly Entry[],
  rotation: string | undefined,
): End {
  const override = overrideIn(entries, rotation);
  if (override === undefined || (end.verdict !== 'pass' && end.verdict !== 'rehearsed')) return end;
  return {
    ...end,
    verdict: 'unknown',
    exitCode: 12,
    summary: `${end.summary}; not proven: ${override}`,
    result: { ...resultOf(end), override },
  };
}
