import { RotctlError } from '../errors/rotctl-error.ts';
import type { Entry } from '../ledger/entry.ts';
import type { Inventory } from '../machine/step.ts';
import {
  type ApprovedMove,
  CONFIRMABLE,
  CONFIRMABLE_TRUST,
  type Confirmation,
  confirmationRecord,
} from './confirmations.ts';
import { isOpen, newestHistory } from './history.ts';
import type { Tools } from './tools.ts';

/**
 * Writes a confirmation into the open rotation, under the fleet's lock.
 *
 * @param operator who typed it, which may be another than who answers for it
 * @throws RotctlError `MOVE_REFUSED` when no rotation is open, or its phase waits for nothing of the kind; `LOCK_HELD`
 */
export async function recordConfirmation(
  tools: Pick<Tools, 'lock' | 'openLedger' | 'runbook' | 'fleet'>,
  said: Pick<Confirmation, 'of' | 'by' | 'note'>,
  operator: string,
): Promise<Entry> {
  const lock = await tools.lock('confirm');
  try {
    const ledger = await tools.openLedger();
    try {
      const history = newestHistory(await ledger.entries(), tools.runbook, tools.fleet.name);
      if (!isOpen(history)) {
        throw new RotctlError('MOVE_REFUSED', 'confirm is refused: no rotation is open', { next: 'rotctl status' });
      }
      const { id, runbook, rotation, inventory } = history;
      const confirmable = tools.runbook.scheme === 'mtls' ? { ...CONFIRMABLE, ...CONFIRMABLE_TRUST } : CONFIRMABLE;
      requireAwaited(said, rotation.phase, inventory, confirmable);
      const head = { rotation: id, fleet: tools.fleet.name, runbook, phase: rotation.phase, step: null };
      return await ledger.append({ ...head, kind: 'confirmation', data: { ...confirmationRecord(said), operator } });
    } finally {
      await ledger.close();
    }
  } finally {
    await lock.release();
  }
}

/** The phases in which a move is still ahead, so that it may be approved of. */
const AHEAD: Readonly<Record<ApprovedMove, readonly Entry['phase'][]>> = {
  'move-clients': ['stable', 'opening', 'overlap'],
  retire: ['stable', 'opening', 'overlap', 'moving', 'switched', 'widening'],
  destroy: ['stable', 'opening', 'overlap', 'moving', 'switched', 'retiring', 'retired', 'widening'],
};

function requireAwaited(
  { of }: Pick<Confirmation, 'of'>,
  phase: Entry['phase'],
  { clients, replicas }: Inventory,
  confirmable: typeof CONFIRMABLE,
): void {
  const next = 'rotctl status';
  if ('approve' in of) {
    if (AHEAD[of.approve].includes(phase)) return;
    throw new RotctlError('MOVE_REFUSED', `confirm is refused in phase ${phase}: ${of.approve} is not ahead`, { next });
  }
  const [name, known] = 'client' in of ? [of.client, clients] : [of.replica, replicas];
  if (!known.includes(name)) {
    const whom = `it has ${known.join(', ')}`;
    throw new RotctlError('MOVE_REFUSED', `confirm is refused: ${name} is not in the open rotation; ${whom}`, { next });
  }
  if (!('client' in of)) return;
  const expected = confirmable[phase];
  if (expected === undefined) {
    throw new RotctlError('MOVE_REFUSED', `confirm is refused in phase ${phase}: nothing is confirmed there`, { next });
  }
  if (of.generation === expected) return;
  const what = `clients are to sign with ${expected} there, and not with ${of.generation}`;
  throw new RotctlError('MOVE_REFUSED', `confirm is refused in phase ${phase}: ${what}`, { next });
}
