import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CheckContext } from '../../src/probe/checks/check.ts';
import { CHECKS } from '../../src/probe/checks/list.ts';
import { burnOwed, dueAt } from '../../src/probe/checks/replay-over-time.ts';
import { runChecks } from '../../src/probe/checks/run-checks.ts';
import type { Finding } from '../../src/probe/finding.ts';
import { MiniStore } from '../support/mini-signer.ts';
import { startFleet, type TestFleet } from './harness.ts';

/** For the end of the window: wide enough that a busy machine does not carry a request across it. */
const WINDOW = { maxAgeMs: 1500, nonceTtlMs: 4000, clockErrorMs: 300, storeTimeoutMs: 100 };
/** For the end of a nonce's life. */
const LIFE = { maxAgeMs: 2000, nonceTtlMs: 1900, clockErrorMs: 50, storeTimeoutMs: 100 };

let fleet: TestFleet;
let context: CheckContext;
beforeAll(async () => {
  fleet = await startFleet(2);
});
afterAll(() => fleet.close());
beforeEach(() => fleet.repair());

function promise(replay: typeof WINDOW): void {
  context = fleet.with({ patienceMs: 10_000, fleet: { ...fleet.context.fleet, replay } });
  for (const { knobs } of fleet.signers) Object.assign(knobs, { maxAgeMs: replay.maxAgeMs, ttlMs: replay.nonceTtlMs });
}

function check(id: string, using = context): Promise<Finding[]> {
  return runChecks(
    CHECKS.filter((each) => each.id === id),
    using,
  );
}

describe('the end of the window', () => {
  beforeEach(() => promise(WINDOW));

  it('passes where nonces live long enough, and says beforehand how long it takes', async () => {
    const waits: number[] = [];
    const findings = await check('replay.window-end', { ...context, onWait: (_why, ms) => waits.push(ms) });
    expect(findings.map(({ target, verdict }) => `${target} ${verdict}`)).toEqual(['signer-a pass', 'signer-b pass']);
    expect(waits.length).toBe(1);
    expect(waits[0]).toBeGreaterThan(0);
    expect(waits[0]).toBeLessThanOrEqual(2200);
  });

  it('finds the replica whose nonces live for one window only', async () => {
    const b = fleet.signers[1];
    if (b !== undefined) Object.assign(b.knobs, { ttlMs: WINDOW.maxAgeMs, store: new MiniStore() });
    const findings = await check('replay.window-end');
    expect(findings.map(({ target, verdict }) => `${target} ${verdict}`)).toEqual(['signer-a pass', 'signer-b fail']);
    expect(findings[1]?.reason).toMatch(/accepted again 2200 ms after its first acceptance/);
  });

  it('proves nothing where the window is shorter than declared, or the replica is gone', async () => {
    const [a, b] = fleet.signers;
    if (a !== undefined) a.knobs.maxAgeMs = 300;
    if (b !== undefined) b.knobs.resets = 1e9;
    const findings = await check('replay.window-end');
    expect(findings.map(({ target, verdict }) => `${target} ${verdict}`)).toEqual([
      'signer-a unknown',
      'signer-b unknown',
    ]);
  });

  it('proves nothing where the window is narrower than the clock error', async () => {
    const narrow = { ...context, fleet: { ...context.fleet, replay: { ...WINDOW, clockErrorMs: 700 } } };
    const findings = await check('replay.window-end', narrow);
    expect(findings.map(({ verdict }) => verdict)).toEqual(['unknown', 'unknown']);
  });
});

describe('after its life a nonce', () => {
  beforeEach(() => promise(LIFE));

  it('is accepted once and then refused everywhere; begun now and finished later', async () => {
    const owed = await burnOwed(context);
    expect(owed.map(({ replica }) => replica)).toEqual(['signer-a', 'signer-b']);
    expect(dueAt({ burnedAt: 1000 }, LIFE)).toBe(2950);
    const findings = await check('replay.after-ttl', { ...context, owed });
    expect(findings.map(({ target, verdict }) => `${target} ${verdict}`)).toEqual(['signer-a pass', 'signer-b pass']);
  });

  it('that is still refused is found', async () => {
    for (const { knobs } of fleet.signers) knobs.ttlMs = 60_000;
    const findings = await check('replay.after-ttl');
    expect(findings.map(({ verdict }) => verdict)).toEqual(['fail', 'fail']);
    expect(findings[0]?.reason).toMatch(/still refused \d+ ms after it was burned, its life being 1900 ms/);
  });

  it('that is accepted twice is found', async () => {
    const owed = await burnOwed(context);
    for (const { knobs } of fleet.signers) knobs.remembers = false;
    const findings = await check('replay.after-ttl', { ...context, owed });
    expect(findings.map(({ verdict }) => verdict)).toEqual(['fail', 'fail']);
    const twice = (burned: string, by: string) =>
      `burned at ${burned}: accepted a second time after its life, by ${by}`;
    expect(findings.map(({ reason }) => reason)).toEqual([
      twice('signer-a', 'signer-a'),
      [twice('signer-b', 'signer-b'), twice('signer-b', 'signer-a'), twice('signer-a', 'signer-b')].join('; '),
    ]);
  });

  it('of a replica where none was burned is unknown', async () => {
    const owed = (await burnOwed(context)).slice(0, 1).map((each) => ({ ...each, burnedAt: each.burnedAt - 60_000 }));
    const findings = await check('replay.after-ttl', { ...context, owed });
    expect(findings[1]).toMatchObject({ target: 'signer-b', verdict: 'unknown' });
  });

  it('is not waited for longer than allowed', async () => {
    const [finding] = await check('replay.after-ttl', { ...context, patienceMs: 1949 });
    expect(finding).toMatchObject({ verdict: 'unknown', reason: 'it has to wait 1950 ms, 1949 ms are allowed' });
  });

  it('is not waited for once the caller has given up', async () => {
    const controller = new AbortController();
    const given = { ...context, signal: controller.signal, onWait: () => controller.abort(new Error('enough')) };
    await expect(check('replay.after-ttl', given)).rejects.toThrow('enough');
  });
});
