import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { startPracticeFleet, within } from '../../support/practice-fleet.ts';

test('a fail-over by Sentinel that loses nothing is seen, and passes', within(60), async ({ onTestFinished }) => {
  const fleet = await startPracticeFleet({ replicas: 2, store: 'sentinel' });
  onTestFinished(() => fleet.down());
  const [, hook = '[]'] = /^ {2}failover: (\[.*\])$/m.exec(readFileSync(fleet.fleetFile, 'utf8')) ?? [];
  const over = await fleet.rotctl(['verify-replay', '--json', '--over', 'failover', '--', ...JSON.parse(hook)]);
  expect(over.code, over.stderr).toBe(0);
  const { changes } = JSON.parse(over.stdout).result;
  expect(changes).toContainEqual(expect.objectContaining({ kind: 'store', hazards: ['H4'] }));
  const chaos = await fleet.rotctl(['verify-replay', '--chaos', '--json']);
  expect(chaos.code, chaos.stderr).toBe(0);
  expect(JSON.parse(chaos.stdout).result.outages).toContainEqual(
    expect.objectContaining({ name: 'failover', verdict: 'pass' }),
  );
});
