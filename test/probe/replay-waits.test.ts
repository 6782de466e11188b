import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answers } from '../../src/probe/answers.ts';
import { checksOf } from '../../src/probe/checks/list.ts';
import { runChecks } from '../../src/probe/checks/run-checks.ts';
import { budgetOf } from '../../src/probe/checks/sends.ts';
import type { Finding } from '../../src/probe/finding.ts';
import type { Transport } from '../../src/probe/ports.ts';
import { createProber } from '../../src/probe/prober.ts';
import { judge } from '../../src/protocol/judge.ts';
import { createTransport } from '../../src/system/transport.ts';
import { PROBE, startFleet, type TestFleet } from './harness.ts';

/** What burns a nonce, or keeps a request, and reads it later. */
const IDS = [
  'replay.key-function',
  'replay.cross-replica',
  'replay.secrets',
  'replay.nonce-spelling',
  'replay.balancer',
] as const;

/** Turns come after longer than nonces live, and requests. */
const LOCKOUT = { refusals: 40, windowMs: 1200, per: 'client' } as const;
const [MAX_AGE_MS, TTL_MS] = [1000, 2200];

interface Looked {
  readonly findings: readonly Finding[];
  readonly waits: number;
  readonly counted: Record<string, number>;
  readonly declared: Answers;
}

let fleet: TestFleet;
const looked = new Map<string, Looked>();
beforeAll(async () => {
  fleet = await startFleet(2, { maxAgeMs: MAX_AGE_MS, ttlMs: TTL_MS });
  await Promise.all(IDS.map(async (id) => looked.set(id, await look(id))));
}, 120_000);
afterAll(() => fleet.close());

/** Looks while so many refusals have just been met that none may be for a while. */
async function look(id: string): Promise<Looked> {
  const counted: Record<string, number> = {};
  const real = createTransport({ ca: fleet.pki.ca, ...fleet.pki.client });
  const transport: Transport = {
    close: () => real.close(),
    async send(to, request, options) {
      const exchange = await real.send(to, request, options);
      const { code } = judge(exchange);
      counted[code] = (counted[code] ?? 0) + 1;
      return exchange;
    },
  };
  let waits = 0;
  const { clock, random } = fleet.context;
  const prober = createProber({
    ...{ settings: { ...PROBE, deadlineMs: 400 }, outcomes: [], transport, clock, random, runId: 'test' },
    ...{ lockout: LOCKOUT, onLockoutWait: () => (waits += 1) },
  });
  const { replicas } = fleet.context.fleet;
  const [front] = replicas;
  if (front === undefined) throw new Error('no replica');
  const replay = { ...fleet.context.fleet.replay, maxAgeMs: MAX_AGE_MS, nonceTtlMs: TTL_MS };
  const context = fleet.with({ prober, sparing: true, fleet: { ...fleet.context.fleet, replay, balancer: front } });
  await prober.claim(
    'client-a',
    Array.from({ length: prober.mostRefusals }, () => front),
  );
  const findings = await runChecks(
    checksOf({ protocol: 'keyring-v1' }).filter((check) => check.id === id),
    context,
  );
  await real.close();
  const sizes = { replicas: 2, clients: 1, accepted: 1, sparing: true, mostRefusals: prober.mostRefusals };
  const parts = { ...context.fleet, protocol: 'keyring-v1' as const };
  return { findings, waits, counted, declared: budgetOf([id], { fleet: parts, ...sizes }).answers };
}

describe.each(IDS)('%s, where refusals wait for longer than nonces and requests live', (id) => {
  it('passes on a sound fleet', () => {
    const { findings = [], waits = 0 } = looked.get(id) ?? {};
    expect(waits).toBeGreaterThan(0);
    expect(findings.filter(({ verdict }) => verdict !== 'pass')).toEqual([]);
  });

  it('sends what it says that it will', () => {
    const { counted, declared } = looked.get(id) ?? {};
    expect(counted).toEqual(declared);
  });
});

it('a nonce that was read after its life, because a rate limit asked to wait, is no evidence', async () => {
  const { replay, replicas } = fleet.context.fleet;
  const context = fleet.with({
    fleet: { ...fleet.context.fleet, replay: { ...replay, maxAgeMs: MAX_AGE_MS, nonceTtlMs: TTL_MS } },
  });
  Object.assign(fleet.signers[1]?.knobs ?? {}, { rateLimited: 1, retryAfter: '3' });
  const checks = checksOf({ protocol: 'keyring-v1' }).filter(({ id }) => id === 'replay.secrets');
  const found = (await runChecks(checks, context)).find(({ target }) => target === replicas[1]?.name);
  expect([found?.verdict, found?.reason]).toEqual([
    'unknown',
    expect.stringMatching(/accepted \d{4} ms after it was burned, when its life of 2200 ms may have been over/),
  ]);
});
