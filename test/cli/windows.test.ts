import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PracticeFleet, startPracticeFleet, within } from '../support/practice-fleet.ts';

let fleet: PracticeFleet;
let yaml = '';
const until = new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+Z/, 'Z');

beforeAll(async () => {
  fleet = await startPracticeFleet();
  yaml = readFileSync(fleet.fleetFile, 'utf8');
}, within(60).timeout);

afterAll(() => fleet.down());

function freeze(on: boolean): void {
  const window = `blockedWindows: [{ from: '2026-01-01T00:00:00Z', to: '${until}', reason: year-end freeze }], `;
  writeFileSync(fleet.fleetFile, on ? yaml.replace('policy: { ', `policy: { ${window}`) : yaml);
}

async function rotctl(...args: string[]) {
  const { code, stdout } = await fleet.rotctl([...args, '--json']);
  return { code, ...JSON.parse(stdout) };
}

describe('while the policy blocks', () => {
  test('nothing begins: 13 with the earliest time, and no ledger', within(60), async () => {
    freeze(true);
    const refused = await rotctl('overlap');
    expect(refused).toMatchObject({ code: 13, error: { code: 'PRECONDITION_FAILED' }, next: 'rotctl overlap' });
    expect(refused.error.message).toContain(`year-end freeze; free from ${until}`);
    expect(existsSync(fleet.ledger)).toBe(false);
    expect((await rotctl('plan')).result.blocked).toContain(`free from ${until}`);
    expect((await rotctl('status')).result.policy).toContain(`free from ${until}`);
  });

  test('`check` of a sound fleet ends with 13, and says that only the moment is wrong', within(60), async () => {
    const end = await rotctl('check');
    const bad = end.checks.filter(
      ({ verdict }: { verdict: string }) => verdict !== 'pass' && verdict !== 'not-applicable',
    );
    expect({ code: end.code, bad: bad.map(({ id }: { id: string }) => id) }).toEqual({
      code: 13,
      bad: ['policy.window'],
    });
    expect(bad[0]).toMatchObject({ why: expect.stringMatching(/\S/), remedy: expect.stringContaining('rollback') });
  });

  test('an open rotation pauses with 15, and a rollback is not blocked', within(120), async () => {
    freeze(false);
    expect(await rotctl('check')).toMatchObject({ code: 0, verdict: 'pass' });
    expect(await rotctl('overlap')).toMatchObject({ code: 0, phase: 'switched' });
    freeze(true);
    const paused = await rotctl('retire', '--json');
    expect(paused).toMatchObject({
      code: 15,
      verdict: 'stopped',
      error: { code: 'GATE_WAITING' },
      next: 'rotctl retire',
    });
    expect(paused.error.hint).toContain(`from ${until} on`);
    const open = await rotctl('check');
    const bad = open.checks.filter(({ verdict }: { verdict: string }) => verdict === 'fail');
    expect({ code: open.code, bad: bad.map(({ id }: { id: string }) => id) }).toEqual({
      code: 13,
      bad: ['policy.window', 'ledger.no-open-rotation'],
    });
    expect(await rotctl('rollback')).toMatchObject({ code: 0, phase: 'rolled-back' });
  });

  test('a ledger that was tampered with fails `check` with 1', within(60), async () => {
    freeze(false);
    const text = readFileSync(fleet.ledger, 'utf8');
    writeFileSync(fleet.ledger, text.replace('fleet: practice', 'fleet: practise'));
    const end = await rotctl('check');
    writeFileSync(fleet.ledger, text);
    const bad = end.checks.filter(({ verdict }: { verdict: string }) => verdict === 'fail');
    expect({ code: end.code, bad: bad.map(({ id }: { id: string }) => id) }).toEqual({
      code: 1,
      bad: ['ledger.whole'],
    });
  });
});
