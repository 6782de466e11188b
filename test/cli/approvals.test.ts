import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { type PracticeFleet, startPracticeFleet, within } from '../support/practice-fleet.ts';

let fleet: PracticeFleet;

beforeAll(async () => {
  fleet = await startPracticeFleet({ replicas: 3 });
  const yaml = readFileSync(fleet.fleetFile, 'utf8');
  const policy = 'batch: 2, approvals: { needed: 2, from: [Ann, Bo, Cy], before: [move-clients, retire] }, ';
  writeFileSync(fleet.fleetFile, yaml.replace('policy: { ', `policy: { ${policy}`));
}, within(60).timeout);

afterAll(() => fleet.down());

async function rotctl(...args: string[]) {
  const { code, stdout } = await fleet.rotctl([...args, '--json']);
  return { code, ...JSON.parse(stdout) };
}

/** The targets of each intent of a step, in order. */
function intents(step: string): string[][] {
  const entries = parseAllDocuments(readFileSync(fleet.ledger, 'utf8')).map((document) => document.toJS());
  return entries.filter((entry) => entry.kind === 'intent' && entry.step === step).map((entry) => entry.data.targets);
}

describe('a fleet whose policy wants two people, and replicas two at a time', () => {
  test('the first replica goes alone, the others together, and clients wait for two people', within(120), async () => {
    const paused = await rotctl('overlap');
    expect(paused).toMatchObject({ code: 15, phase: 'overlap', error: { code: 'GATE_WAITING' } });
    expect(paused.error.message).toContain('Ann or Bo or Cy may, nobody has yet');
    expect(intents('roll')).toEqual([['signer-a'], ['signer-b', 'signer-c']]);
  });

  test('nobody else counts, and one of them is not enough, nor one twice', within(60), async () => {
    for (const name of ['Dee', 'Ann', ' ann'])
      expect(await rotctl('confirm', '--approve', 'move-clients', '--by', name)).toMatchObject({ code: 0 });
    const paused = await rotctl('overlap');
    expect(paused.code).toBe(15);
    expect(paused.error.message).toMatch(/waits for 1 more .*Bo or Cy may/);
    const { stdout } = await fleet.rotctl(['status']);
    expect(stdout).toContain('move-clients: approved by Ann');
  });

  test('with a second one it goes on, and the next move needs both anew', within(120), async () => {
    await rotctl('confirm', '--approve', 'move-clients', '--by', 'Bo');
    expect(await rotctl('overlap')).toMatchObject({ code: 0, phase: 'switched' });
    expect(await rotctl('confirm', '--approve', 'move-clients', '--by', 'Cy')).toMatchObject({ code: 13 });
    const paused = await rotctl('retire');
    expect(paused).toMatchObject({ code: 15, phase: 'switched' });
    expect(paused.error.message).toContain('retire waits for 2 more');
  });

  test('going back needs nobody', within(120), async () => {
    expect(await rotctl('rollback')).toMatchObject({ code: 0, phase: 'rolled-back' });
    expect(intents('roll-back')).toEqual([['signer-c'], ['signer-b', 'signer-a']]);
  });
});
