import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Entry, LedgerValue } from '../../src/ledger/entry.ts';
import type { Phase } from '../../src/machine/phase.ts';
import { readRunbook } from '../../src/runbook/read.ts';
import { isOpen, newestHistory } from '../../src/runner/history.ts';
import { overrideIn } from '../../src/runner/override.ts';

const FILE = 'runbooks/signer-hmac.yaml';
const runbook = readRunbook(readFileSync(FILE, 'utf8'), FILE);

function entry(seq: number, kind: Entry['kind'], phase: Phase, data: { [key: string]: LedgerValue }): Entry {
  const head = { rotation: 'r1', fleet: 'f', runbook: 'signer-hmac', step: null, at: '2026-11-22T00:00:00.000Z' };
  return { ...head, seq, kind, phase, data, prev: '', hash: '' };
}

/** A rotation whose steps are not those of the present runbook: this many intents follow from none of its phases. */
function rotationBy(digest: string, phase: Phase): Entry[] {
  const material = { 'client-a': { current: 'c0', next: 'n0' } };
  const header = { runbookDigest: digest, templates: [], replicas: ['a', 'b'], clients: ['client-a'], material };
  return [entry(1, 'header', 'stable', header), entry(2, 'intent', 'stable', {}), entry(3, 'evidence', phase, {})];
}

it('a finished rotation of another runbook, or of this one before it was edited, stands in nobody’s way', () => {
  for (const phase of ['destroyed', 'rolled-back'] as const) {
    const history = newestHistory(rotationBy('sha256:other', phase), runbook, 'f');
    expect(history).toMatchObject({ id: 'r1', rotation: { phase }, inventory: { replicas: ['a', 'b'] } });
    expect(isOpen(history)).toBe(false);
  }
});

it('an open one is refused, as what it is', () => {
  expect(() => newestHistory(rotationBy('sha256:other', 'overlap'), runbook, 'f')).toThrow(
    expect.objectContaining({
      code: 'INPUT_INVALID',
      message: 'runbook signer-hmac is not the one that rotation r1 began with',
    }),
  );
});

it('an open one of another runbook has to end first, and says what it is', () => {
  const other = { ...runbook, name: 'signer-mtls', digest: 'sha256:mtls' };
  expect(() => newestHistory(rotationBy('sha256:other', 'overlap'), other, 'f')).toThrow(
    expect.objectContaining({
      code: 'MOVE_REFUSED',
      message: expect.stringMatching(
        /^rotation r1 is one of signer-hmac and not over \(phase overlap\): .* signer-mtls has to wait$/,
      ),
      next: 'rotctl status',
    }),
  );
});

it('entries of this very runbook must follow from one another', () => {
  expect(() => newestHistory(rotationBy(runbook.digest, 'destroyed'), runbook, 'f')).toThrow(
    expect.objectContaining({ code: 'LEDGER_BROKEN' }),
  );
  expect(newestHistory([], runbook, 'f')).toBeUndefined();
});

it('an override is that of its own rotation alone', () => {
  const override = entry(4, 'override', 'stable', { what: 'begun although unsafe', reason: 'because' });
  expect(overrideIn([override], 'r1')).toBe('override in entry 4: begun although unsafe, because: because');
  expect(overrideIn([override], 'r2')).toBeUndefined();
  expect(overrideIn([override], undefined)).toBeUndefined();
});

it('an open one of another fleet is refused, before its replicas are taken for ours', () => {
  const entries = rotationBy(runbook.digest, 'overlap');
  expect(() => newestHistory(entries, runbook, 'g')).toThrow('is of the fleet f; this one is g');
  expect(isOpen(newestHistory(rotationBy('sha256:other', 'destroyed'), runbook, 'g'))).toBe(false);
});
