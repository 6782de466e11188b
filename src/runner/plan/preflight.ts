import { NO_ANSWERS, sumOf, totalOf } from '../../probe/answers.ts';
import { checksOf } from '../../probe/checks/list.ts';
import type { Precondition } from '../../runbook/runbook.ts';
import { checkIdsOf } from '../preflight.ts';
import { type Cost, checkAnswers, counted, type Sizes } from './cost.ts';

/** Time left for a request's own journey at the end of its window (`replay-over-time.ts`). */
const JOURNEY_MS = 100;

/**
 * What a runbook's preconditions cost before a new rotation, tried live as the checks that they stand for (`preflight.ts`).
 * Checks that several of them stand for are made once.
 */
export function preflightCost(sizes: Sizes, preconditions: readonly Precondition[]): Cost {
  const { fleet, replicas } = sizes;
  const once = fleet.probe.scheme?.singleUse !== false;
  const isReplayTried = preconditions.includes('shared-replay-store') && once;
  const ids = checkIdsOf(preconditions).filter((id) => isTried(fleet, id));
  const hasPages = fleet.clients.some(({ usage }) => usage.some(({ from }) => from === 'metrics' || from === 'ledger'));
  const pages = (preconditions.includes('current-signed') ? 2 : 0) + (hasPages ? 2 : 0);
  const answers = sumOf([
    checkAnswers(sizes, ids),
    isReplayTried && fleet.store !== undefined ? { ACCEPTED: replicas } : NO_ANSWERS,
    pages > 0 ? { PAGE: pages * replicas } : NO_ANSWERS,
  ]);
  const { maxAgeMs, clockErrorMs } = fleet.replay;
  const leastMs = isReplayTried ? Math.max(0, 2 * (maxAgeMs - clockErrorMs - JOURNEY_MS)) : 0;
  return { ...counted(answers), leastMs, mostMs: leastMs + totalOf(answers) * fleet.probe.deadlineMs };
}

/** Whether a check is one for this fleet, by its own declaration. */
function isTried(fleet: Sizes['fleet'], id: string): boolean {
  if (fleet.probe.scheme?.singleUse === false && id.startsWith('replay.')) return false;
  if (id === 'clock.window' && fleet.replay.maxAgeMs === 0) return false;
  return checksOf(fleet).some((check) => check.id === id);
}
