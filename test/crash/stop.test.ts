import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Ended, locksIn, type PracticeFleet, startPracticeFleet, within } from '../support/practice-fleet.ts';
import { entriesOf, expectEnd, SECRETS } from './crash-run.ts';

const PATIENCE = within(60);

/** One rotation, stopped again and again: each test goes on where the one before left off. */
describe('an overlap that is stopped', () => {
  let fleet: PracticeFleet;
  let expectMaterial: () => void;
  beforeAll(async () => {
    fleet = await startPracticeFleet();
    expectMaterial = SECRETS.watch(fleet, 'overlap');
    return () => fleet.down();
  }, 120_000);

  it('before anything is changed: nothing is left to resume', PATIENCE, async () => {
    const running = fleet.start(['overlap']);
    await running.said('waiting for');
    const before = fleet.material();
    running.process.kill('SIGTERM');
    expectStopped(await running.ended, /SIGTERM/);
    expect(fleet.material()).toEqual(before);
    expect(locksIn(fleet)).toBe(false);
  });

  it('by one SIGINT: at a safe point, while a second rotctl is told who holds the lock', PATIENCE, async () => {
    const running = fleet.start(['overlap']);
    await running.said('opening:');
    const second = await fleet.rotctl(['rollback']);
    expect(second.code).toBe(16);
    expect(second.stderr).toContain(`pid ${running.process.pid}`);
    expect(second.stderr).toContain('command overlap');
    running.process.kill('SIGINT');
    const ended = await running.ended;
    expectStopped(ended, /stopped by SIGINT/);
    expect(ended.stderr).toContain('a second signal ends rotctl at once');
    await expectSafe(fleet);
  });

  it('by the safety lever in mid-run, and held as long as it is pulled', PATIENCE, async () => {
    const lever = join(fleet.home, 'STOP');
    const running = fleet.start(['resume']);
    await running.said('  done  ');
    writeFileSync(lever, '');
    expectStopped(await running.ended, /the safety lever .*STOP is pulled/);
    await expectSafe(fleet);
    const before = fleet.material();
    expectStopped(await fleet.rotctl(['resume']), /the safety lever/);
    expect(fleet.material()).toEqual(before);
    rmSync(lever);
  });

  it('by two SIGINTs: at once', PATIENCE, async () => {
    const running = fleet.start(['resume']);
    await running.said('  done  ');
    running.process.kill('SIGINT');
    await running.said('a second signal ends rotctl at once');
    const since = performance.now();
    running.process.kill('SIGINT');
    const { code } = await running.ended;
    expect(code).toBe(14);
    expect(performance.now() - since).toBeLessThan(2000);
    expect((await fleet.rotctl(['ledger', 'verify'])).code).toBe(0);
  });

  it('comes to the same end by resume, and no valid request was refused', PATIENCE, async () => {
    const before = (await entriesOf(fleet)).filter(({ kind }) => kind === 'header').length;
    expect(before).toBe(1);
    const resumed = await fleet.rotctl(['resume', '--wait']);
    expect(resumed.code, resumed.stderr).toBe(0);
    await expectEnd(fleet, 'overlap', expectMaterial);
  });
});

/** Exit 14, the reason, the next command, and STOPPED as the first word of the last line. */
function expectStopped({ code, stderr }: Ended, reason: RegExp): void {
  expect(code, stderr).toBe(14);
  expect(stderr).toMatch(reason);
  expect(stderr).toMatch(/^next: rotctl /m);
  expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^STOPPED /);
}

/** Every intent has its outcome, the ledger verifies, and no lock is left. */
async function expectSafe(fleet: PracticeFleet): Promise<void> {
  expect((await fleet.rotctl(['ledger', 'verify'])).code).toBe(0);
  expect(locksIn(fleet)).toBe(false);
  const kinds = (await entriesOf(fleet))
    .map(({ kind }) => kind)
    .filter((kind) => kind === 'intent' || kind === 'outcome');
  expect(kinds.at(-1)).toBe('outcome');
  expect(kinds).toEqual(kinds.map((_, index) => (index % 2 === 0 ? 'intent' : 'outcome')));
}
