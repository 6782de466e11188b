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

async function check(edit: (text: string) => string, ...args: string[]) {
  writeFileSync(fleet.fleetFile, edit(yaml));
  const before = await signerCounts(fleet.home);
  const { code, stdout } = await fleet.rotctl(['check', '--json', ...args]);
  const end = JSON.parse(stdout);
  const counted = countedSince(before, await signerCounts(fleet.home));
  return { code, end, counted, expected: end.result?.requests?.answers };
}

/** The fleet file in production, where no replay store is taken away. */
function inProduction(text: string, more = ''): string {
  return text.replace('environment: practice', `environment: production${more}`).replace(/^chaos:\n(?: .*\n)+/m, '');
}

/** Requests that a signer counts: what goes elsewhere than its path it does not. */
function comparable({ OTHER: _, ...answers }: Record<string, number>): Record<string, number> {
  return answers;
}

/** The bisect's last halvings depend on how long a request is on its way. */
const SLACK = 8;

function expectAgreement(counted: Record<string, number>, expected: Record<string, number>): void {
  expect(Object.keys(counted).sort()).toEqual(Object.keys(comparable(expected)).sort());
  for (const [code, count] of Object.entries(comparable(expected)))
    expect(Math.abs((counted[code] ?? 0) - count), `${code}: ${counted[code]} of ${count}`).toBeLessThanOrEqual(SLACK);
}

describe('what `check` says that it will send is what the signers count', () => {
  test('where nothing is said of a lockout, bad signatures and all', within(60), async () => {
    const { code, counted, expected } = await check((text) => text);
    expect(code).toBe(0);
    expectAgreement(counted, expected);
  });

  test('in production, without a bad signature for what can be seen without one', within(60), async () => {
    const { code, counted, expected } = await check((text) => inProduction(text, '\nlockout: none'));
    expect(code).toBe(0);
    expectAgreement(counted, expected);
    const { AUTH_INVALID_HMAC: bad = 0 } = counted;
    expect(bad).toBeLessThan(100);
  });
});

test('production without a word on lockout is refused before any probe', within(60), async () => {
  const { code, end, counted } = await check((text) => inProduction(text));
  expect({ code, error: end.error.code, counted }).toEqual({ code: 13, error: 'PRECONDITION_FAILED', counted: {} });
  expect(end.error.hint).toContain('lockout: none');
});
