import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MOVING_PHASES, type MovingPhase } from '../../src/machine/phase.ts';
import { settingOf } from '../../src/machine/rotation.ts';
import type { Beginning } from '../../src/machine/step.ts';
import { readRunbook } from '../../src/runbook/read.ts';
import { Picture } from '../../src/runner/plan/changes.ts';
import type { Tools } from '../../src/runner/tools.ts';

const FILE = 'runbooks/gate-hmac.yaml';
const runbook = readRunbook(readFileSync(FILE, 'utf8'), FILE);

/** What some phases would change, in words, by step. Of gates nothing is read from files yet. */
async function changesIn(phases: readonly MovingPhase[], beginning?: Beginning) {
  const inventory = {
    templates: [],
    replicas: ['a'],
    clients: ['x'],
    ...(beginning === undefined ? {} : { beginning }),
  };
  const picture = await Picture.take({ runbook } as Tools, inventory, undefined);
  const { tasks } = settingOf(runbook.program, inventory);
  return new Map(
    MOVING_PHASES.filter((phase) => phases.includes(phase)).flatMap((phase) =>
      tasks[phase].map((task) => [
        task.step.id,
        picture.apply(task).map(({ setting, from, to }) => `${setting}: ${from} → ${to}`),
      ]),
    ),
  );
}

const THERE_AND_BACK = ['opening', 'moving', 'returning', 'closing'] as const;

describe('a plan says what is put back', () => {
  it('as before, with its value, on a fleet that was never rotated', async () => {
    const changes = await changesIn(THERE_AND_BACK);
    expect(changes.get('set-secret-and-prev')).toContain('key ids: default → own');
    expect(changes.get('strict-as-before')).toEqual(['strict: yes → as before (no)']);
    expect(changes.get('sign-with-current')).toContain('key ids: own → as before (default)');
    expect(changes.get('restore-secret')).toEqual([
      'accepts: next, current → current',
      'key ids: own → as before (default)',
    ]);
  });

  it('as it is, where the rotation has not changed it', async () => {
    const changes = await changesIn(THERE_AND_BACK, { strict: true, keyIds: 'own' });
    expect(changes.get('set-secret-and-prev')).toContain('key ids: own → own');
    expect(changes.get('strict-as-before')).toEqual(['strict: yes → yes']);
    expect(changes.get('restore-secret')).toContain('key ids: own → own');
  });

  it('from what it began with, and not from a default', async () => {
    const changes = await changesIn(['moving'], { strict: false, keyIds: 'own' });
    expect(changes.get('dual-sign-with-next')).toContain('key ids: own → own');
  });
});
