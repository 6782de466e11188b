import { describe, expect, it } from 'vitest';
import type { Entry, EntryKind, LedgerValue } from '../../src/ledger/entry.ts';
import type { Phase } from '../../src/machine/phase.ts';
import { confirmationsIn, confirmationText } from '../../src/runner/confirmations.ts';

function entry(kind: EntryKind, phase: Phase, data: { readonly [key: string]: LedgerValue }): Entry {
  const head = { rotation: 'r', fleet: 'f', runbook: 'signer-hmac', step: null };
  return { ...head, seq: 1, at: '2026-01-01T00:00:00.000Z', prev: '', hash: '', kind, phase, data };
}

const into = (from: Phase, to: Phase, trigger = 'retire') => entry('checkpoint', to, { trigger, from });
const approved = (phase: Phase) => entry('confirmation', phase, { approve: 'retire', by: 'A. Jones' });
const said = (phase: Phase, more: { readonly [key: string]: LedgerValue } = {}) =>
  entry('confirmation', phase, { client: 'client-a', generation: 'next', by: 'A. Jones', ...more });
const gone = (phase: Phase) => entry('confirmation', phase, { replica: 's-3', gone: true, by: 'A. Jones' });

describe('a confirmation', () => {
  it.each<[string, readonly Entry[], number]>([
    ['counts in the phase in which it was given', [into('overlap', 'moving'), said('moving')], 1],
    ['counts in the phase that follows on a resting one', [said('switched'), into('switched', 'retiring')], 1],
    ['is spent when the phase is over', [said('moving'), into('moving', 'switched')], 0],
    ['is spent two phases later', [said('switched'), into('switched', 'retiring'), into('retiring', 'retired')], 0],
    [
      'is spent when the rotation turns back',
      [said('switched'), into('switched', 'returning'), into('returning', 'switched')],
      0,
    ],
    ['needs a name', [entry('confirmation', 'moving', { client: 'client-a', generation: 'next' })], 0],
    ['of a replica that is gone lasts', [gone('opening'), into('opening', 'overlap'), into('overlap', 'moving')], 1],
    ['of a move lasts over other moves', [approved('opening'), into('opening', 'overlap', 'complete')], 1],
    ['of a move is spent when it is made', [approved('switched'), into('switched', 'retiring')], 0],
    ['of a move that there is not is none', [entry('confirmation', 'switched', { approve: 'all', by: 'A' })], 0],
    ['of a replica needs to say that it is gone', [entry('confirmation', 'moving', { replica: 's-3', by: 'A' })], 0],
  ])('%s', (_, entries, count) => {
    expect(confirmationsIn(entries)).toHaveLength(count);
  });

  it('is told with its name, its time and its note', () => {
    const [first, second] = confirmationsIn([said('moving', { note: 'CHG-7' }), gone('moving')]).map((one) =>
      confirmationText(one),
    );
    expect(first).toBe('client-a signs with next: confirmed by A. Jones at 2026-01-01T00:00:00.000Z (CHG-7)');
    expect(second).toBe('s-3 is gone: confirmed by A. Jones at 2026-01-01T00:00:00.000Z');
  });
});
