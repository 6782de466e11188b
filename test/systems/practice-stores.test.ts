import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { run, startFleet, type TestFleet } from '../practice/harness.ts';
import { eventually } from '../support/until.ts';

const PROGRAM = join(fileURLToPath(new URL('../..', import.meta.url)), 'bin/rotctl.js');
let fleet: TestFleet | undefined;
afterEach(() => fleet?.stop());

interface Found {
  readonly id: string;
  readonly verdict: string;
  readonly target: string;
  readonly seen: string;
  readonly reason?: string;
  readonly hazards?: readonly string[];
}

async function verifyReplay(): Promise<{ code: number | null; wrong: readonly Found[]; checks: readonly Found[] }> {
  const words = ['verify-replay', '--json', '--fleet', fleet?.ready.fleetFile ?? ''];
  const { code, stdout } = await run([process.execPath, PROGRAM, ...words]);
  const { checks } = JSON.parse(stdout) as { checks: readonly Found[] };
  return { code, checks, wrong: checks.filter(({ verdict }) => verdict === 'fail' || verdict === 'unknown') };
}

test('sentinel: a sound store passes, and after a fail-over, which is told', async () => {
  fleet = await startFleet('--store', 'sentinel');
  expect(await verifyReplay()).toMatchObject({ code: 0, wrong: [] });
  expect((await fleet.ctl('store', 'failover')).code).toBe(0);
  await eventually('the clients are accepted', async () =>
    (await fleet?.status())?.clients.every(({ lastCode }) => lastCode === 'ACCEPTED'),
  );
  const after = await verifyReplay();
  expect(after).toMatchObject({ code: 0, wrong: [] });
  const replication = after.checks.find(({ id }) => id === 'store.replication');
  expect(replication?.seen).toMatch(/1 good for min-replicas-to-write, became primary by a fail-over at offset \d+/);
}, 120_000);

test('cluster of gates: a sound store passes on all three nodes', async () => {
  fleet = await startFleet('--store', 'cluster', '--protocol', 'gate-v1');
  const { code, wrong, checks } = await verifyReplay();
  expect({ code, wrong }).toEqual({ code: 0, wrong: [] });
  for (const id of ['store.primary', 'store.cluster', 'store.kept', 'store.connections'])
    expect(checks.filter((check) => check.id === id && check.verdict === 'pass').length, id).toBe(3);
}, 120_000);

test('standalone without persistence fails, and so does a signer that looks before it writes; a flush is told', async () => {
  fleet = await startFleet('--store', 'standalone', '--fault', 'non-atomic-store@signer-b');
  const { code, wrong } = await verifyReplay();
  expect(code).toBe(1);
  const named = wrong.map(({ id, target, hazards }) => [id, target, hazards]);
  expect(named).toContainEqual(['store.kept', expect.stringContaining('127.0.0.1:'), ['H5']]);
  expect(named).toContainEqual(['store.commands', 'signer-b', ['H12']]);
  await fleet.ctl('store', 'flush');
  const flushed = await verifyReplay();
  expect(flushed.wrong.find(({ id }) => id === 'store.flushed')).toMatchObject({
    hazards: ['H19'],
    seen: 'flushall 1',
  });
}, 120_000);
