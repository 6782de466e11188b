import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { checksOf } from '../../src/probe/checks/list.ts';
import { runChecks } from '../../src/probe/checks/run-checks.ts';
import { type Knobs, SECRETS } from '../support/mini-signer.ts';
import { startFleet, type TestFleet } from './harness.ts';

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await startFleet(2);
});
afterAll(() => fleet.close());
beforeEach(() => fleet.repair());

const down: Partial<Knobs> = { unavailable: 1000 };
const limited: Partial<Knobs> = { rateLimited: 1000 };
const lacking: Partial<Knobs> = { clients: { 'client-a': [SECRETS.other] } };

async function secrets(a: Partial<Knobs>, b: Partial<Knobs>): Promise<[string, string][]> {
  for (const [n, change] of [a, b].entries()) Object.assign(fleet.signers[n]?.knobs ?? {}, change);
  const checks = checksOf({ protocol: 'keyring-v1' }).filter(({ id }) => id === 'replay.secrets');
  return (await runChecks(checks, fleet.context)).map(({ verdict, reason }) => [verdict, reason ?? '']);
}

describe('a secret with which no replica took a nonce', () => {
  it.each<[string, Partial<Knobs>, RegExp]>([
    ['the store is down', down, /this one did not refuse it: 503 SIGNER_UNAVAILABLE/],
    ['the rate is limited', limited, /this one did not refuse it: 429 rate limited/],
  ])('is not said to be missing where %s', async (_why, change, reason) => {
    const told = ['unknown', expect.stringMatching(reason)];
    expect(await secrets(change, change)).toEqual([told, told]);
  });

  it('is missing where it is refused, and unknown where the store is down', async () => {
    expect(await secrets(down, lacking)).toEqual([
      ['unknown', expect.stringMatching(/SIGNER_UNAVAILABLE/)],
      ['fail', expect.stringMatching(/no replica accepts it: 401 AUTH_INVALID_HMAC/)],
    ]);
  });
});
