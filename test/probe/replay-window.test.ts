import { describe, expect, it } from 'vitest';
import type { ReplayContract } from '../../src/fleet/fleet.ts';
import { missedWith } from '../../src/probe/checks/replay-concurrent.ts';
import { windowReport } from '../../src/probe/replay-window.ts';
import type { ClockReading } from '../../src/probe/skew.ts';
import { renderWindow } from '../../src/report/window-text.ts';

const FIELD: ReplayContract = { maxAgeMs: 60_000, nonceTtlMs: 120_000, clockErrorMs: 1000, storeTimeoutMs: 5000 };
const GATE: ReplayContract = {
  maxAgeMs: 300_000,
  nonceTtlMs: 600_000,
  clockErrorMs: 1000,
  storeTimeoutMs: 5000,
  unsignedMs: 1000,
};

function clock(offsetMs = 0, windowMs = 60_000): ClockReading {
  return { kind: 'measured', offsetMs, windowMs, errorMs: 5, samples: 28 };
}

const ALIKE = ['a', 'b'].map((replica) => ({ replica, clock: clock(), lifeMs: undefined }));
const NAMES = { ttl: 'the TTL', maxAge: 'the age limit' };

describe('the bound of a nonce’s life', () => {
  it.each<[string, ReplayContract, number, string]>([
    ['is missed by the settings of the field', FIELD, 127_000, 'unknown'],
    ['is covered by 127 s', { ...FIELD, nonceTtlMs: 127_000 }, 127_000, 'pass'],
    ['is missed by one millisecond less', { ...FIELD, nonceTtlMs: 126_999 }, 127_000, 'unknown'],
    ['fails below twice the window', { ...FIELD, nonceTtlMs: 119_999 }, 127_000, 'fail'],
    ['has a second more where whole seconds are signed', GATE, 608_000, 'unknown'],
  ])('%s', (_what, contract, neededMs, verdict) => {
    expect(windowReport(contract, ALIKE)).toMatchObject({
      neededMs,
      verdict,
      marginMs: contract.nonceTtlMs - neededMs,
    });
  });

  it('takes what was measured where it is worse than what is declared', () => {
    const [a, b] = [
      { replica: 'a', clock: clock(-3000), lifeMs: 59_999 },
      { replica: 'b', clock: clock(0, 90_000), lifeMs: 120_010 },
    ];
    const report = windowReport(FIELD, [a, b]);
    expect(report.terms.map(({ name, ms, from }) => `${name} ${ms} ${from}`)).toEqual([
      'maxAge 90000 measured',
      'E 3000 measured',
      'D 5000 declared',
    ]);
    expect(report).toMatchObject({ haveMs: 59_999, haveFrom: 'measured', verdict: 'fail' });
  });

  it('counts the clocks as they are: behind at the first, ahead at the second', () => {
    const report = windowReport(FIELD, [
      { replica: 'a', clock: clock(400), lifeMs: undefined },
      { replica: 'b', clock: clock(-300), lifeMs: undefined },
    ]);
    expect(report.nowMs).toBe(60_400 + 60_300 + 5000);
  });

  it('is not told where a clock could not be read, and fails where a window has no end', () => {
    const enough = { ...FIELD, nonceTtlMs: 200_000 };
    const silent = { replica: 'b', clock: { kind: 'unknown', reason: 'x', samples: 1 }, lifeMs: undefined } as const;
    const endless = { kind: 'no-edge', side: 'past', reachMs: 1, samples: 1 } as const;
    expect(windowReport(enough, [...ALIKE, silent]).verdict).toBe('unknown');
    expect(windowReport(enough, [{ replica: 'a', clock: endless, lifeMs: undefined }]).verdict).toBe('fail');
  });

  it('is told with every number, what is a default, and what to set first', () => {
    const text = renderWindow(windowReport({ ...FIELD, assumed: ['clockError'] }, ALIKE), NAMES);
    expect(text).toContain('= 2 × 60 s + 2 × 1 s + 5 s');
    expect(text).toMatch(/E {9}1 s +default, not stated in rotctl\.yaml; measured at most 0 ms/);
    expect(text).toMatch(/margin {4}-7 s +too short/);
    expect(text).toContain('now: 1. set the TTL to 130 s on every replica; 2. wait 120 s');
    expect(text).toContain('to raise the age limit: first raise the TTL');
  });

  it('says of a gate that anyone can change the fraction of a second', () => {
    expect(renderWindow(windowReport(GATE, ALIKE), NAMES)).toContain('the signature covers whole seconds');
  });
});

describe('the chance that a gap between looking and writing was missed', () => {
  it.each([
    ['is certain without a gap', 0, [{ copies: 12, spreadMs: 5 }], 1],
    ['is none where the gap is as long as the burst', 5, [{ copies: 12, spreadMs: 5 }], 0],
    ['is halved by each copy where the gap is half of it', 1, [{ copies: 3, spreadMs: 2 }], 0.25],
    ['is that of all bursts together', 1, Array(3).fill({ copies: 2, spreadMs: 2 }), 0.125],
  ])('%s', (_what, gapMs, shots, chance) => {
    expect(missedWith(gapMs, shots)).toBeCloseTo(chance, 10);
  });
});
