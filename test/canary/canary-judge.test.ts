import { describe, expect, test } from 'vitest';
import { type CanaryCounts, CanaryTally } from '../../src/probe/canary-counts.ts';
import { judgeCanary } from '../../src/probe/canary-judge.ts';
import type { Exchange, Outcome } from '../../src/protocol/outcome.ts';

const at = { client: 'client-a', fingerprint: '00aa', route: 'signer-a' };
const settings = { faultBudget: 0.2, minSamples: 50 };
const answer: Exchange = { kind: 'answer', status: 422, headers: {}, body: '', ms: 1 };
const reset: Exchange = { kind: 'fault', code: 'ECONNRESET', detail: '', sent: true, ms: 1 };
const accepted: Outcome = { code: 'ACCEPTED', reason: '422' };
const refused: Outcome = { code: 'AUTH_INVALID_HMAC', reason: '401' };
const quick = { latencyMs: 5, agedMs: 5, maxAgeMs: 2000 };
const unknown: Outcome = { code: 'UNKNOWN', reason: 'ECONNRESET' };

interface Shape {
  readonly accepted?: number;
  readonly refused?: number;
  readonly faults?: number;
  readonly inFlight?: number;
  readonly missed?: number;
}

function window(shape: Shape): CanaryCounts {
  const tally = new CanaryTally('w', 0, 0);
  const settle = (count: number, exchange: Exchange, outcome: Outcome): void => {
    for (let index = 0; index < count; index++) {
      tally.sent(at, 0);
      tally.settled(at, exchange, outcome, quick, 1000);
    }
  };
  settle(shape.accepted ?? 0, answer, accepted);
  settle(shape.refused ?? 0, answer, refused);
  settle(shape.faults ?? 0, reset, unknown);
  for (let index = 0; index < (shape.inFlight ?? 0); index++) tally.sent(at, 0);
  tally.missed(shape.missed ?? 0);
  return tally.counts(1000);
}

describe('judging a window', () => {
  test.each<[string, Shape, Shape | undefined, string]>([
    ['all accepted', { accepted: 50 }, undefined, 'pass'],
    ['one sample too few', { accepted: 49 }, undefined, 'unknown'],
    ['nothing at all', {}, undefined, 'unknown'],
    ['one refusal among thousands', { accepted: 5000, refused: 1 }, undefined, 'fail'],
    ['one refusal with too few samples', { refused: 1 }, undefined, 'fail'],
    ['faults at the budget', { accepted: 80, faults: 20 }, undefined, 'pass'],
    ['faults just above the budget', { accepted: 79, faults: 21 }, undefined, 'fail'],
    ['faults only', { faults: 100 }, undefined, 'fail'],
    [
      'as many faults as the baseline and the budget',
      { accepted: 70, faults: 30 },
      { accepted: 90, faults: 10 },
      'pass',
    ],
    [
      'more faults than the baseline and the budget',
      { accepted: 69, faults: 31 },
      { accepted: 90, faults: 10 },
      'fail',
    ],
    ['a baseline that measured nothing', { accepted: 79, faults: 21 }, {}, 'fail'],
    ['requests in flight are not samples', { accepted: 49, inFlight: 20 }, undefined, 'unknown'],
    ['requests missed, within the budget', { accepted: 80, missed: 20 }, undefined, 'pass'],
    ['too many requests missed', { accepted: 79, missed: 21 }, undefined, 'unknown'],
  ])('%s', (_, shape, baseline, verdict) => {
    const judged = judgeCanary(window(shape), baseline && window(baseline), settings);
    expect(judged.verdict).toBe(verdict);
    expect(judged.reasons.length > 0).toBe(verdict !== 'pass');
  });

  test('reasons name route, client, secret, code and numbers', () => {
    const judged = judgeCanary(window({ accepted: 50, refused: 2, faults: 48 }), undefined, settings);
    expect(judged).toMatchObject({ refused: 2, faults: 48, budget: 20, samples: 52 });
    expect(judged.reasons).toEqual([
      'signer-a refused 2 of 100 valid requests of client-a signed with 00aa: AUTH_INVALID_HMAC',
      '48 of 100 requests failed, more than 20 %: 48 ECONNRESET on signer-a',
    ]);
  });

  test.each<[string, Outcome['code'], { readonly latencyMs: number; readonly agedMs: number }, string]>([
    ['refused for its age at once', 'AUTH_TIMESTAMP_SKEW', { latencyMs: 5, agedMs: 5 }, 'fail'],
    ['refused for its age, half of maxAge under way', 'AUTH_TIMESTAMP_SKEW', { latencyMs: 1000, agedMs: 1000 }, 'fail'],
    ['refused for its age, more than that under way', 'AUTH_TIMESTAMP_SKEW', { latencyMs: 1001, agedMs: 5 }, 'pass'],
    ['refused for its age after a sleep', 'AUTH_TIMESTAMP_SKEW', { latencyMs: 5, agedMs: 1001 }, 'pass'],
    ['refused for its secret, however late', 'AUTH_INVALID_HMAC', { latencyMs: 1999, agedMs: 1999 }, 'fail'],
  ])('one of a hundred requests %s', (_, code, times, verdict) => {
    const tally = new CanaryTally('w', 0, 0);
    for (let index = 0; index < 100; index++) {
      tally.sent(at, 0);
      if (index > 0) tally.settled(at, answer, accepted, quick, 0);
    }
    tally.settled(at, answer, { code, reason: '401' }, { ...times, maxAgeMs: 2000 }, 0);
    expect(judgeCanary(tally.counts(1000), undefined, settings).verdict).toBe(verdict);
    expect(tally.counts(1000).inFlight).toBe(0);
  });

  test('many late requests are more faults than the budget, and named', () => {
    const tally = new CanaryTally('w', 0, 0);
    for (let index = 0; index < 100; index++) {
      tally.sent(at, 0);
      const skew: Outcome = { code: 'AUTH_TIMESTAMP_SKEW', reason: '401' };
      tally.settled(at, answer, index < 30 ? skew : accepted, { ...quick, latencyMs: 1500 }, 0);
    }
    const { verdict, reasons } = judgeCanary(tally.counts(1000), undefined, settings);
    expect([verdict, ...reasons]).toEqual(['fail', '30 of 100 requests failed, more than 20 %: 30 late on signer-a']);
  });

  test('a store failure and a foreign page are faults, not refusals', () => {
    const tally = new CanaryTally('w', 0, 0);
    for (const code of ['STORE_FAILED', 'UNKNOWN'] as const) {
      tally.sent(at, 0);
      tally.settled(at, answer, { code, reason: '' }, quick, 0);
    }
    expect(tally.counts(1)).toMatchObject({
      refused: 0,
      faulted: 2,
      cells: [{ faults: { STORE_FAILED: 1, FOREIGN_PAGE: 1 } }],
    });
  });
});
