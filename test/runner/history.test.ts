import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Entry, EntryDraft, LedgerValue } from '../../src/ledger/entry.ts';
import type { Task } from '../../src/machine/roll.ts';
import { begin, nextTask, settingOf } from '../../src/machine/rotation.ts';
import { readRunbook } from '../../src/runbook/read.ts';
import { isOpen, readHistory } from '../../src/runner/history.ts';
import { Journal } from '../../src/runner/journal.ts';

const FILE = 'runbooks/signer-hmac.yaml';
const { program } = readRunbook(readFileSync(FILE, 'utf8'), FILE);
const inventory = { templates: ['image'], replicas: ['signer-a', 'signer-b'], clients: ['client-a'] };
const setting = settingOf(program, inventory);

/** A ledger in memory; `failing` makes the next append fail, as a full disk does. */
class MemoryLedger {
  readonly entries: Entry[] = [];
  failing = false;

  async append(draft: EntryDraft): Promise<Entry> {
    if (this.failing) throw new Error('no space');
    const entry = { ...draft, seq: this.entries.length + 1, at: new Date(0).toISOString(), prev: '', hash: '' };
    this.entries.push(entry);
    return entry;
  }
}

async function begun() {
  const ledger = new MemoryLedger();
  const journal = new Journal(ledger, setting, { rotation: 'r1', fleet: 'f', runbook: 'signer-hmac' });
  await journal.note('header', {
    runbookDigest: 'sha256:0',
    templates: inventory.templates,
    replicas: inventory.replicas,
    clients: inventory.clients,
    material: { 'client-a': { current: 'c0', next: 'n0' } },
  });
  return { ledger, journal, fold: () => readHistory(ledger.entries, program) };
}

describe('a rotation is the fold of its entries', () => {
  it('in every state that a whole rotation passes through', async () => {
    const { journal, fold } = await begun();
    const check = () => expect(fold()?.rotation).toEqual(journal.rotation);
    const triggers = [
      'overlap',
      'complete',
      'move-clients',
      'complete',
      'retire',
      'complete',
      'destroy',
      'complete',
    ] as const;
    const failed = new Set<Task>();
    for (const trigger of triggers) {
      await journal.apply({ kind: 'trigger', trigger }, { goal: 'destroyed' });
      check();
      for (;;) {
        try {
          await journal.apply({ kind: 'intent' });
        } catch {
          break;
        }
        check();
        // Each task fails once; what failed is tried again from its batch's first step.
        const task = nextTask(setting, journal.rotation);
        if (task === undefined || failed.has(task)) {
          await journal.apply({ kind: 'done' });
        } else {
          failed.add(task);
          await journal.apply({ kind: 'failed' }, { reason: 'not yet' });
          expect(fold()?.heldBecause).toBe('not yet');
        }
        check();
      }
    }
    expect(failed.size).toBeGreaterThan(20);
    expect(journal.rotation.phase).toBe('destroyed');
    expect(isOpen(fold())).toBe(false);
  });

  it('with an intent without an outcome, as a crash leaves it', async () => {
    const { journal, fold } = await begun();
    await journal.apply({ kind: 'trigger', trigger: 'overlap' }, { goal: 'switched' });
    await journal.apply({ kind: 'intent' });
    expect(fold()).toMatchObject({ goal: 'switched', rotation: { phase: 'opening', intended: true, held: false } });
    expect(fold()?.rotation.touched).toEqual(['image']);
  });

  it('is refused when an entry cannot follow the ones before it', async () => {
    const { ledger, journal, fold } = await begun();
    await journal.apply({ kind: 'trigger', trigger: 'overlap' });
    const forged: { readonly [key: string]: LedgerValue } = { trigger: 'destroy' };
    await ledger.append({
      rotation: 'r1',
      fleet: 'f',
      runbook: 'signer-hmac',
      phase: 'opening',
      step: null,
      kind: 'destroy',
      data: forged,
    });
    expect(fold).toThrow(/cannot follow phase opening/);
  });

  it('takes a gate that names a trigger for no move', async () => {
    const { journal, fold } = await begun();
    await journal.apply({ kind: 'trigger', trigger: 'overlap' });
    await journal.note('gate', { gate: 'time', trigger: 'retire', verdict: 'unknown' });
    expect(fold()?.rotation.phase).toBe('opening');
  });

  it('remembers a wish to go back from the lock taken for it, before the first move', async () => {
    const { journal, fold } = await begun();
    await journal.apply({ kind: 'trigger', trigger: 'overlap' }, { goal: 'switched' });
    await journal.note('lock', { token: 2, command: 'rollback', goal: 'rolled-back' });
    expect(fold()).toMatchObject({ goal: 'rolled-back', rotation: { phase: 'opening' } });
  });

  it('does not count what only takes back as touched', async () => {
    const { journal, fold } = await begun();
    await journal.apply({ kind: 'trigger', trigger: 'overlap' });
    await journal.apply({ kind: 'trigger', trigger: 'rollback' });
    await journal.apply({ kind: 'intent' });
    expect(fold()?.rotation.touched).toEqual([]);
  });
});

describe('the journal', () => {
  it('changes nothing when the machine refuses', async () => {
    const { ledger, journal } = await begun();
    await expect(journal.apply({ kind: 'trigger', trigger: 'retire' })).rejects.toMatchObject({
      code: 'MOVE_REFUSED',
      message: expect.stringContaining('allowed: overlap'),
    });
    expect(ledger.entries).toHaveLength(1);
    expect(journal.rotation).toEqual(begin());
  });

  it('keeps its state when an entry could not be written', async () => {
    const { ledger, journal } = await begun();
    ledger.failing = true;
    await expect(journal.apply({ kind: 'trigger', trigger: 'overlap' })).rejects.toThrow('no space');
    expect(journal.rotation.phase).toBe('stable');
  });
});
