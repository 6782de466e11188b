import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checksOf } from '../../src/probe/checks/list.ts';
import { runChecks } from '../../src/probe/checks/run-checks.ts';
import type { Finding } from '../../src/probe/finding.ts';
import type { Transport } from '../../src/probe/ports.ts';
import { createProber } from '../../src/probe/prober.ts';
import { createTransport } from '../../src/system/transport.ts';
import { PROBE, startFleet, type TestFleet } from './harness.ts';

const MAX_AGE_MS = 300;

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await startFleet(2, { maxAgeMs: MAX_AGE_MS });
});
afterAll(() => fleet.close());

/** Runs one check while the machine stands still for longer than a request is good for, before each of these sendings of known bytes. */
async function findingsOf(id: string, stalls: number): Promise<readonly Finding[]> {
  const real = createTransport({ ca: fleet.pki.ca, ...fleet.pki.client });
  const { clock, random } = fleet.context;
  const sent = new Set<string>();
  let left = stalls;
  const transport: Transport = {
    close: () => real.close(),
    async send(to, request, options) {
      const bytes = JSON.stringify(request);
      if (sent.has(bytes) && left > 0) {
        left -= 1;
        await clock.sleep(MAX_AGE_MS + 100);
      }
      sent.add(bytes);
      return real.send(to, request, options);
    },
  };
  const prober = createProber({ settings: PROBE, outcomes: [], transport, clock, random, runId: 'test' });
  const checks = checksOf({ protocol: 'keyring-v1' }).filter((check) => check.id === id);
  const findings = await runChecks(checks, fleet.with({ prober }));
  await real.close();
  return findings;
}

describe.each(['replay.same-replica', 'replay.cross-replica'])('%s, when its bytes grow too old', (id) => {
  it('passes where burning them anew shows what the store does', async () => {
    const findings = await findingsOf(id, 1);
    expect(findings.map(({ verdict }) => verdict)).toEqual(['pass', 'pass']);
  });

  it('says so where they are too old each time', async () => {
    const findings = await findingsOf(id, 1000);
    expect(findings.map(({ verdict }) => verdict)).toEqual(['unknown', 'unknown']);
    expect(findings.at(-1)?.reason).toMatch(/answered \d+ ms after its timestamp/);
  });
});
