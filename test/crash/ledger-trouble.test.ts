import { copyFileSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { locksIn, type PracticeFleet, startPracticeFleet, within } from '../support/practice-fleet.ts';
import { entriesOf, expectEnd, SECRETS } from './crash-run.ts';

const PATIENCE = within(60);

/** One rotation whose ledger is in trouble again and again: each test goes on where the one before left off. */
describe('a rotation whose ledger is in trouble', () => {
  let fleet: PracticeFleet;
  let expectMaterial: () => void;
  beforeAll(async () => {
    fleet = await startPracticeFleet();
    expectMaterial = SECRETS.watch(fleet, 'overlap');
    return () => fleet.down();
  }, 120_000);

  it('an entry torn by a kill is said, told of in the ledger, and survived', PATIENCE, async () => {
    const killed = await fleet.rotctl(['overlap'], { entry: 'crash-main', env: { CRASH_AT: 'intent:2:torn' } });
    expect(killed.signal, killed.stderr).toBe('SIGKILL');
    expect((await fleet.rotctl(['status'])).stdout).toMatch(/a crash left \d+ bytes of entry \d+/);
    expect((await fleet.rotctl(['ledger', 'verify'])).code).toBe(0);
    const lever = join(fleet.home, 'STOP');
    writeFileSync(lever, '');
    const next = await fleet.rotctl(['resume', '--verbose']);
    expect(next.code, next.stderr).toBe(14);
    expect(next.stderr).toMatch(/torn tail: \d+ bytes/);
    expect(next.stderr).toMatch(/the lock of a dead holder was taken over/);
    rmSync(lever);
    const told = (await entriesOf(fleet)).filter(({ data }) => 'tornBytes' in data);
    expect(told).toHaveLength(1);
    expect(locksIn(fleet)).toBe(false);
  });

  it('a full disk: held, and nothing is changed without a durable intent', PATIENCE, async () => {
    const before = fleet.material();
    // Rounded down: not even the next entry has room, however long those before it are.
    const blocks = Math.floor(statSync(fleet.ledger).size / 1024);
    const full = await fleet.rotctl(['resume'], { shell: `ulimit -f ${blocks}` });
    expect(full.code, full.stderr).toBe(12);
    expect(full.stderr).toMatch(/^(.*: )?ledger: .*(EFBIG|too large)/m);
    expect(full.stderr).toMatch(/^next: rotctl resume/m);
    expect(fleet.material()).toEqual(before);
    expect(locksIn(fleet)).toBe(false);
    expect((await fleet.rotctl(['ledger', 'verify'])).code).toBe(0);
  });

  it('a flipped byte: every command that changes something ends with 2, and nothing is changed', PATIENCE, async () => {
    const copy = `${fleet.ledger}.copy`;
    copyFileSync(fleet.ledger, copy);
    const bytes = readFileSync(fleet.ledger);
    const middle = Math.floor(bytes.length / 2);
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    writeFileSync(fleet.ledger, bytes);
    const before = fleet.material();
    for (const command of ['resume', 'overlap', 'rollback', 'retire']) {
      const { code, stderr } = await fleet.rotctl([command]);
      expect([command, code], stderr).toEqual([command, 2]);
      expect(stderr).toMatch(/rotation-ledger\.yaml:\d+/);
    }
    expect((await fleet.rotctl(['ledger', 'verify'])).code).toBe(1);
    expect(readFileSync(fleet.ledger)).toEqual(bytes);
    expect(fleet.material()).toEqual(before);
    copyFileSync(copy, fleet.ledger);
    rmSync(copy);
  });

  it('comes to the same end by resume, and no valid request was refused', PATIENCE, async () => {
    const resumed = await fleet.rotctl(['resume', '--wait']);
    expect(resumed.code, resumed.stderr).toBe(0);
    await expectEnd(fleet, 'overlap', expectMaterial);
  });
});
