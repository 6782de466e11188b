import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Platform } from '../../src/cli/platform.ts';
import { runCli } from '../../src/cli/run.ts';
import { acquireLock } from '../../src/ledger/lock.ts';
import { readWhole } from '../../src/ledger/verify.ts';
import { systemProcesses } from '../../src/system/process-identity.ts';
import { builtProgram, type PracticeFleet, startPracticeFleet, within } from '../support/practice-fleet.ts';
import { Captured, makeWorld } from './world.ts';

let fleet: PracticeFleet;
let platform: Platform;
let requests = 0;
let statuses: Record<string, number> = {};
const stdout = new Captured();
const stderr = new Captured();

beforeAll(async () => {
  fleet = await startPracticeFleet();
  const { platform: base } = makeWorld();
  platform = {
    ...base,
    cwd: fleet.home,
    stdout,
    stderr,
    canaryWorker: pathToFileURL(join(await builtProgram(), 'dist/canary-worker.js')),
    async lock(path, { runId, command }) {
      const ports = { disk: await base.ledgerDisk(), processes: systemProcesses(), clock: base.clock };
      const lock = await acquireLock(path, { runId, command }, ports);
      return { token: lock.holder.token, brokeStale: undefined, release: () => lock.release() };
    },
    // The canary has a connection of its own in a thread of its own: what passes here are probes and pages alone.
    async transport(tls) {
      const real = await base.transport(tls);
      return {
        ...real,
        send: async (...args) => {
          requests += 1;
          const exchange = await real.send(...args);
          const status = exchange.kind === 'answer' ? String(exchange.status) : 'no answer';
          statuses[status] = (statuses[status] ?? 0) + 1;
          return exchange;
        },
        close: () => real.close(),
      };
    },
  };
}, within(60).timeout);

afterAll(() => fleet.down());

async function rotctl(...args: string[]) {
  stdout.text = '';
  stderr.text = '';
  requests = 0;
  statuses = {};
  const code = await runCli([...args, '--json'], platform);
  return { code, ...JSON.parse(stdout.text), counted: requests, statuses, stderr: stderr.text };
}

const entries = async () => readWhole(fleet.ledger, await platform.ledgerDisk());

/** The statuses that a command's plan expects, in all. */
function expectedStatuses({ traffic }: { traffic: { statuses: Record<string, number> }[] }): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const [status, count] of traffic.flatMap(({ statuses: of }) => Object.entries(of)))
    sum[status] = (sum[status] ?? 0) + count;
  return sum;
}

/** Each status as often as the plan says, give or take a tenth and a few: what comes round is asked again. */
function expectStatuses(seen: Record<string, number>, part: Parameters<typeof expectedStatuses>[0]): void {
  const { other: _, ...expected } = expectedStatuses(part);
  for (const [status, count] of Object.entries(expected)) {
    const slack = Math.max(10, 0.1 * count);
    expect(Math.abs((seen[status] ?? 0) - count), `${status}: ${seen[status]} of ${count}`).toBeLessThanOrEqual(slack);
  }
}

/** The shipped runbook without the wait for requests that are still on their way. */
function hasty(): string {
  const text = readFileSync('runbooks/signer-hmac.yaml', 'utf8');
  const step = / {4}- step: drain-current\n(?: {6}.*\n)+/;
  if (!step.test(text)) throw new Error('the shipped runbook has no such step');
  return text.replace(step, '');
}

describe('a rotation by a saved plan', () => {
  test('sends about the requests that the plan says; planning sends none', within(120), async () => {
    const planned = await rotctl('plan', '-o', 'whole.json');
    expect(planned).toMatchObject({ code: 0, verdict: 'rehearsed', counted: 0 });
    const [overlap, retire] = planned.result.commands;
    const opened = await rotctl('overlap', '--plan', 'whole.json');
    expect(opened).toMatchObject({ code: 0, verdict: 'pass', phase: 'switched' });
    expect(Math.abs(opened.counted / overlap.requests - 1), `${opened.counted} of ${overlap.requests}`).toBeLessThan(
      0.1,
    );
    expectStatuses(opened.statuses, overlap);
    const digest = JSON.parse(readFileSync(join(fleet.home, 'whole.json'), 'utf8')).digest;
    expect((await entries()).find(({ kind }) => kind === 'lock')?.data.plan).toBe(digest);

    const again = await rotctl('overlap', '--plan', 'whole.json');
    expect(again).toMatchObject({ code: 2, error: { code: 'PLAN_STALE' }, counted: 0 });
    const closed = await rotctl('retire', '--wait');
    expect(closed).toMatchObject({ code: 0, phase: 'destroyed' });
    expect(Math.abs(closed.counted / retire.requests - 1), `${closed.counted} of ${retire.requests}`).toBeLessThan(0.1);
    expectStatuses(closed.statuses, retire);
  });

  test('keeps in its header by which proof it began', async () => {
    const header = (await entries()).find(({ kind }) => kind === 'header');
    expect(header?.data.safety).toMatchObject({
      verdict: 'safe',
      environment: expect.arrayContaining(['crash', 'scale-out']),
    });
  });
});

describe('a runbook that is not proven safe', () => {
  test('begins no rotation: nothing is sent or written', async () => {
    writeFileSync(join(fleet.home, 'hasty.yaml'), hasty());
    const before = (await entries()).length;
    for (const args of [['overlap'], ['overlap', '--dry-run'], ['overlap', '--compromised']]) {
      const refused = await rotctl(...args, '--runbook', 'hasty.yaml');
      expect(refused).toMatchObject({
        code: 2,
        verdict: 'fail',
        error: { code: 'RUNBOOK_UNSAFE', column: 7 },
        counted: 0,
      });
      expect(refused.result.safety.counterexample.lines.length).toBeGreaterThan(0);
    }
    expect((await entries()).length).toBe(before);
  });

  test('is carried out on the operator’s word, and no command of that rotation passes', within(120), async () => {
    const before = (await entries()).length;
    const order = ['--runbook', 'hasty.yaml', '--unsafe-order'];
    expect(await rotctl('overlap', ...order)).toMatchObject({ code: 2, error: { code: 'USAGE' } });
    const opened = await rotctl('overlap', ...order, '--reason', 'the window closes at four');
    expect(opened).toMatchObject({ code: 12, verdict: 'unknown', phase: 'switched' });
    expect(opened.stderr).toContain('it is begun all the same');
    const [override, header] = (await entries()).slice(before);
    expect(override).toMatchObject({
      kind: 'override',
      rotation: opened.rotation,
      data: { reason: 'the window closes at four', safety: 'unsafe', operator: expect.stringMatching(/.@./) },
    });
    expect(header?.kind).toBe('header');
    expect((await rotctl('status')).result.rotations.at(-1).override).toContain('the window closes at four');
    const rehearsed = await rotctl('retire', '--dry-run', '--runbook', 'hasty.yaml');
    expect(rehearsed).toMatchObject({ code: 12, verdict: 'unknown' });
    const closed = await rotctl('retire', '--wait', '--runbook', 'hasty.yaml');
    expect(closed).toMatchObject({ code: 12, verdict: 'unknown', phase: 'destroyed' });
    expect(await rotctl('scorecard')).toMatchObject({ code: 12, verdict: 'unknown' });
  });

  test('once that rotation is over, a proven one passes again', within(60), async () => {
    expect(await rotctl('overlap', '--dry-run')).toMatchObject({ code: 0, verdict: 'rehearsed' });
  });
});
