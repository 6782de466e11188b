import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultName } from '../faults.ts';

const SLOW_MS = 3000;
const SKEW_MS = 1200;

/** The replica's clock, Unix milliseconds; ahead under the fault `skewed-clock`. */
export function clockOf(faults: ReadonlySet<FaultName>): number {
  return Date.now() + (faults.has('skewed-clock') ? SKEW_MS : 0);
}

/** Fault `slow`: waits before an answer. */
export async function dawdle(faults: ReadonlySet<FaultName>): Promise<void> {
  if (faults.has('slow')) await sleep(SLOW_MS);
}
