import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Lockout } from '../../src/fleet/lockout.ts';
import { checksOf } from '../../src/probe/checks/list.ts';
import { runChecks } from '../../src/probe/checks/run-checks.ts';
import { LockoutBudget } from '../../src/probe/lockout.ts';
import type { Transport } from '../../src/probe/ports.ts';
import { createProber } from '../../src/probe/prober.ts';
import { verdictOf } from '../../src/runner/finding-verdict.ts';
import { systemClock } from '../../src/system/clock.ts';
import { pooledRandom } from '../../src/system/random.ts';
import { createTransport } from '../../src/system/transport.ts';
import { fakeClock } from './fakes.ts';
import { PROBE, startFleet, type TestFleet } from './harness.ts';

const LIMIT: Lockout = { refusals: 5, windowMs: 10_000, per: 'client' };
const never = new AbortController().signal;
const at = (client: string, host = 'a:1') => ({ client, host });

describe('refusals stay below what locks out', () => {
  test('four of five pass at once, the fifth when the first has left the window', async () => {
    const clock = fakeClock();
    const budget = new LockoutBudget(clock, LIMIT, 100, never);
    for (let n = 0; n < 4; n += 1) await budget.claim([at('x')]);
    expect(clock.slept).toEqual([]);
    await budget.claim([at('x')]);
    expect(clock.slept).toEqual([10_100]);
  });

  test.each<[Lockout['per'], number]>([
    ['client', 1],
    ['replica', 0],
    ['address', 1],
  ])('counted for each %s, four at one replica make %i wait at another', async (per, waits) => {
    const clock = fakeClock();
    const budget = new LockoutBudget(clock, { ...LIMIT, per }, 0, never);
    await budget.claim([at('x'), at('x'), at('x'), at('x')]);
    await budget.claim([at('x', 'b:1')]);
    expect(clock.slept.length).toBe(waits);
  });

  test('a refusal that nobody expected counts, an acceptance does not', async () => {
    const clock = fakeClock();
    const budget = new LockoutBudget(clock, LIMIT, 0, never);
    for (let n = 0; n < 4; n += 1) budget.met(at('x'), 'AUTH_INVALID_HMAC');
    for (let n = 0; n < 4; n += 1) budget.met(at('y'), 'ACCEPTED');
    await budget.claim([at('y')]);
    expect(clock.slept).toEqual([]);
    await budget.claim([at('x')]);
    expect(clock.slept).toEqual([10_000]);
  });

  test('what is claimed for later counts until then', async () => {
    const clock = fakeClock();
    const budget = new LockoutBudget(clock, LIMIT, 0, never);
    await budget.claim([at('x'), at('x'), at('x'), at('x')], 5000);
    await budget.claim([at('x')]);
    expect(clock.slept).toEqual([15_000]);
  });

  test.each(['none', undefined] as const)('nothing waits with lockout %s', async (lockout) => {
    const clock = fakeClock();
    const budget = new LockoutBudget(clock, lockout, 0, never);
    await budget.claim(Array.from({ length: 1000 }, () => at('x')));
    expect({ slept: clock.slept, most: budget.most }).toEqual({ slept: [], most: Number.POSITIVE_INFINITY });
  });
});

describe('a fleet that locks a client out', () => {
  let fleet: TestFleet;
  beforeAll(async () => {
    fleet = await startFleet(2);
  });
  afterAll(() => fleet.close());

  test.each<Lockout>([
    { refusals: 12, windowMs: 500, per: 'client' },
    { refusals: 9, windowMs: 500, per: 'address' },
    { refusals: 5, windowMs: 300, per: 'replica' },
  ])(
    'after $refusals refusals in $windowMs ms for each $per is checked whole, and never does',
    async (lockout) => {
      const seen = new Map<string, number[]>();
      let locked = 0;
      const real = createTransport({ ca: fleet.pki.ca, ...fleet.pki.client });
      const keyOf = (host: string, client: string) =>
        lockout.per === 'address' ? '' : lockout.per === 'client' ? client : `${client} ${host}`;
      const transport: Transport = {
        close: () => real.close(),
        async send(to, request, options) {
          const exchange = await real.send(to, request, options);
          const refused = exchange.kind === 'answer' && [401, 403, 409].includes(exchange.status);
          if (!refused) return exchange;
          const key = keyOf(to.url.host, request.headers['x-keyring-client-id'] ?? '');
          const now = performance.now();
          const recent = [...(seen.get(key) ?? []), now].filter((at) => at > now - lockout.windowMs);
          seen.set(key, recent);
          if (recent.length >= lockout.refusals) locked += 1;
          return exchange;
        },
      };
      const settings = { ...PROBE, deadlineMs: 300 };
      const [clock, random] = [systemClock, pooledRandom()];
      const prober = createProber({ settings, outcomes: [], transport, clock, random, runId: 'test', lockout });
      const checks = checksOf({ protocol: 'keyring-v1' }).filter(({ needs }) => !needs.includes('patience'));
      const { concurrency: _, ...context } = fleet.context;
      const findings = await runChecks(checks, { ...context, prober, sparing: true });
      const bad = findings.filter(({ verdict, critical }) => verdict === 'fail' || (critical && verdict === 'unknown'));
      expect(bad).toEqual([]);
      expect({ verdict: verdictOf(findings), locked }).toEqual({ verdict: 'pass', locked: 0 });
      expect([...seen.values()].flat().length).toBeGreaterThan(0);
      await real.close();
    },
    240_000,
  );
});
