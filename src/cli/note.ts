import type { EntryKind, LedgerValue } from '../ledger/entry.ts';
import type { Phase } from '../machine/phase.ts';
import type { Tools } from '../runner/tools.ts';

/** Writes one entry outside a rotation, under the fleet's lock. */
export async function noteInLedger(
  tools: Pick<Tools, 'lock' | 'openLedger'>,
  head: { readonly rotation: string; readonly fleet: string; readonly runbook: string },
  kind: EntryKind,
  data: { readonly [key: string]: LedgerValue },
  phase: Phase = 'stable',
): Promise<void> {
  const lock = await tools.lock('note');
  try {
    const ledger = await tools.openLedger();
    try {
      await ledger.append({ ...head, phase, step: null, kind, data });
    } finally {
      await ledger.close();
    }
  } finally {
    await lock.release();
  }
}
