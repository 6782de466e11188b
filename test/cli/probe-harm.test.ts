import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PracticeFleet, startPracticeFleet, within } from '../support/practice-fleet.ts';
import { countedSince, signerCounts } from '../support/signer-counts.ts';

let fleet: PracticeFleet;
let yaml = '';

beforeAll(async () => {
  fleet = await startPracticeFleet();
  yaml = readFileSync(fleet.fleetFile, 'utf8');
}, within(60).timeout);

afterAll(() => fleet.down());

/** A body for which practice signers sign. */
function harmful(declared = ''): void {
  const body = `body: '{"call":"transfer"}'${declared}`;
  writeFileSync(fleet.fleetFile, yaml.replace(`body: '{"probe":true}'`, body));
}

describe('a probe that the service carries out', () => {
  test('stops `check` at the first one: inconclusive, and an incident in the ledger', within(60), async () => {
    harmful();
    const before = await signerCounts(fleet.home);
    const { code, stdout, stderr } = await fleet.rotctl(['check', '--json']);
    const end = JSON.parse(stdout);
    expect({ code, verdict: end.verdict, error: end.error?.code }).toEqual({
      code: 12,
      verdict: 'unknown',
      error: 'PROBE_NOT_INERT',
    });
    expect(end.error.message).toMatch(/^signer-[abc] answered an accepted probe of client-a with 200/);
    expect(end.error.hint).toContain('probe: { inert: [{ status: 200 }] }');
    expect(stderr).toContain('INCIDENT signer-');
    // Replicas are looked at side by side: each may have been sent one.
    const { ACCEPTED = 0 } = countedSince(before, await signerCounts(fleet.home));
    expect(ACCEPTED).toBeGreaterThan(0);
    expect(ACCEPTED).toBeLessThanOrEqual(fleet.replicas.length);
    const ledger = readFileSync(fleet.ledger, 'utf8');
    expect(ledger).toContain('kind: incident');
    expect(ledger).toContain('PROBE_NOT_INERT');
    expect((await fleet.rotctl(['ledger', 'verify'])).code).toBe(0);
  });

  test('stops `overlap` before it begins', within(60), async () => {
    harmful();
    const before = fleet.material();
    const { code, stdout } = await fleet.rotctl(['overlap', '--json']);
    expect({ code, error: JSON.parse(stdout).error?.code }).toEqual({ code: 12, error: 'PROBE_NOT_INERT' });
    expect(fleet.material()).toEqual(before);
    expect((await fleet.rotctl(['status'])).stdout).toContain('rotctl check');
  });

  test('is no incident where the owner has declared that answer inert', within(120), async () => {
    harmful('\n  inert: [{ status: 200, pointer: { path: /signature, matches: ^practice- } }]');
    const { code, stdout } = await fleet.rotctl(['check', '--json']);
    expect({ code, verdict: JSON.parse(stdout).verdict }).toEqual({ code: 0, verdict: 'pass' });
  });

  test('is no incident where the service refuses it', within(120), async () => {
    writeFileSync(fleet.fleetFile, yaml);
    expect((await fleet.rotctl(['check'])).code).toBe(0);
  });
});
