import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PracticeFleet, startPracticeFleet, within } from '../support/practice-fleet.ts';

let fleet: PracticeFleet;
let yaml = '';

beforeAll(async () => {
  fleet = await startPracticeFleet();
  yaml = readFileSync(fleet.fleetFile, 'utf8');
}, within(60).timeout);

afterAll(() => fleet.down());

function tellBy(script: string, rest = ''): void {
  writeFileSync(fleet.fleetFile, `${yaml}announce: { command: [sh, -c, '${script}']${rest} }\n`);
}

const told = () => {
  const file = join(fleet.home, 'told.jsonl');
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  return lines.map((line) => JSON.parse(line) as Record<string, string>);
};

async function rotctl(...args: string[]) {
  const { code, stdout } = await fleet.rotctl([...args, '--json']);
  return { code, ...JSON.parse(stdout) };
}

describe('announcements', () => {
  test('where they are required, a phase that cannot be announced is not entered', within(120), async () => {
    const before = fleet.material();
    tellBy('exit 3', ', required: true');
    const held = await rotctl('overlap');
    expect(held).toMatchObject({ code: 12, error: { code: 'HELD' }, phase: 'stable' });
    expect(held.error.message).toContain('opening could not be announced (exit 3)');
    expect(fleet.material()).toEqual(before);
  });

  test('are made before and after each phase, and each is in the ledger', within(120), async () => {
    tellBy('cat >> told.jsonl');
    expect(await rotctl('resume')).toMatchObject({ code: 0, phase: 'switched' });
    expect(told().map(({ event, phase }) => `${event} ${phase}`)).toEqual([
      'before opening',
      'after opening',
      'before moving',
      'after moving',
    ]);
    expect(told()[0]).toMatchObject({ schema: 'rotctl.announcement.v1', fleet: 'practice', environment: 'practice' });
    expect(readFileSync(fleet.ledger, 'utf8').match(/gate: announce/g)?.length).toBeGreaterThanOrEqual(4);
  });

  test('where they are not required, their failure stops nothing', within(120), async () => {
    tellBy('exit 3');
    expect(await rotctl('rollback')).toMatchObject({ code: 0, phase: 'rolled-back' });
  });
});
