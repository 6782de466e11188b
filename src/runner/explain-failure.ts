import type { Task } from '../machine/roll.ts';
import { CHECKS } from '../probe/checks/list.ts';
import type { Finding } from '../probe/finding.ts';
import { explainTrust } from './certificates/explain.ts';
import { type Explained, explainOverlap } from './explain-overlap.ts';
import { explainRetired } from './explain-retired.ts';
import { stops } from './finding-verdict.ts';
import type { World } from './world.ts';

/**
 * What replicas that a failure is about show of themselves, and what to do about it; `undefined` where nothing
 * explains it.
 *
 * @param targets those that the failure is about @param lockedOut those of them that refuse valid requests
 */
export async function explainFailure(
  world: Pick<World, 'fleet' | 'prover' | 'runbook'>,
  { step: { phase, action } }: Task,
  targets: readonly string[],
  lockedOut: readonly string[],
): Promise<Explained | undefined> {
  // What is only written shows nothing yet.
  if (world.runbook.scheme === 'mtls') return action === 'write' ? undefined : explainTrust(world, phase, targets);
  if (phase === 'opening') return explainOverlap(world, targets, lockedOut);
  return action === 'write' ? undefined : explainRetired(world, phase, targets);
}

/** What to do by the first of the checks that stopped a step, where they say. */
export function remedyIn(findings: readonly Finding[] = []): string | undefined {
  const first = findings.find(stops);
  return CHECKS.find(({ id }) => id === first?.id)?.remedy;
}
