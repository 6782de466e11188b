import type { LedgerValue } from '../ledger/entry.ts';
import type { Journal } from './journal.ts';
import type { World } from './world.ts';

/**
 * Records what the configuration of each replica and template says, secrets by fingerprint: before a rotation, and after
 * its rollback, so that the two can be compared.
 */
export async function recordSnapshot(
  { configurations }: Pick<World, 'configurations'>,
  journal: Journal,
  when: 'before' | 'after',
): Promise<void> {
  const state: Record<string, LedgerValue> = {};
  for (const [name, settings] of Object.entries(await configurations.snapshot())) {
    state[name] = Object.fromEntries(Object.entries(settings).map(([setting, values]) => [setting, [...values]]));
  }
  await journal.note('evidence', { when, state });
}
