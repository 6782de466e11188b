import { readFileSync } from 'node:fs';
import type { Entry, EntryDraft } from '../../src/ledger/entry.ts';
import { isMoving, type Trigger } from '../../src/machine/phase.ts';
import { nextTask, settingOf } from '../../src/machine/rotation.ts';
import { readRunbook } from '../../src/runbook/read.ts';
import { Journal } from '../../src/runner/journal.ts';

const RUNBOOK = new URL('../../runbooks/signer-hmac.yaml', import.meta.url).pathname;
export const PROGRAM = readRunbook(readFileSync(RUNBOOK, 'utf8'), RUNBOOK).program;
export const SETTING = settingOf(PROGRAM, {
  templates: [],
  replicas: ['signer-a', 'signer-b', 'signer-c'],
  clients: ['client-a', 'client-b'],
});

/** A rotation that is written the way the runner writes it, without a fleet. */
export class Writing {
  readonly entries: Entry[] = [];
  readonly journal: Journal;

  constructor(id = 'signer-hmac-2026-11-21-0001') {
    const append = async (draft: EntryDraft): Promise<Entry> => {
      const seq = this.entries.length + 1;
      const entry = {
        ...draft,
        seq,
        at: new Date(Date.UTC(2026, 10, 21, 12, 0, seq)).toISOString(),
        prev: '',
        hash: '',
      };
      this.entries.push(entry);
      return entry;
    };
    this.journal = new Journal({ append }, SETTING, { rotation: id, fleet: 'practice', runbook: 'signer-hmac' });
  }

  async begin(): Promise<void> {
    const { replicas, clients } = SETTING.inventory;
    const material = Object.fromEntries(clients.map((client) => [client, { current: '1111', next: '2222' }]));
    await this.journal.note('header', { replicas: [...replicas], clients: [...clients], material, compromised: false });
  }

  /** Pulls a trigger and carries out every task of the phase that it leads to. */
  async move(trigger: Trigger): Promise<void> {
    await this.journal.apply({ kind: 'trigger', trigger }, { goal: 'switched' });
    while (nextTask(SETTING, this.journal.rotation) !== undefined) await this.task();
    if (isMoving(this.journal.rotation.phase))
      await this.journal.apply({ kind: 'trigger', trigger: 'complete' }, { goal: 'switched' });
  }

  async task(result: 'done' | 'failed' | 'crashed' = 'done'): Promise<void> {
    const task = nextTask(SETTING, this.journal.rotation);
    if (task === undefined) throw new Error('no task is due');
    const targets = [...task.targets];
    await this.journal.apply({ kind: 'intent' }, { action: task.step.action, targets });
    if (result === 'crashed') return;
    for (const proof of task.step.proofs) {
      const generation = 'generation' in proof ? { generation: proof.generation } : {};
      await this.journal.note('evidence', {
        proof: proof.proves,
        ...generation,
        verdict: result === 'done' ? 'pass' : 'fail',
      });
    }
    if (result === 'done') await this.journal.apply({ kind: 'done' }, { targets, verdict: 'pass' });
    else await this.journal.apply({ kind: 'failed' }, { targets, verdict: 'fail', reason: 'signer-b refused next' });
  }
}
