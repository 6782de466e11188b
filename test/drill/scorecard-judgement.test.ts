import { describe, expect, it } from 'vitest';
import { type Metric, scorecard, scorecardRecord } from '../../src/drill/scorecard.ts';
import type { Entry } from '../../src/ledger/entry.ts';
import { goodDrill, spoilt, VERIFIED, withMore } from './scorecard-ledger.ts';
import { records } from './scorecard-rows.ts';

type Insert = Partial<Pick<Entry, 'kind' | 'step' | 'at' | 'rotation'>> & { readonly data: Entry['data'] };

/** The good ledger with entries put in after the first that matches, as its neighbours; everything is numbered anew. */
function inserted(after: (entry: Entry) => boolean, more: readonly Insert[], entries = goodDrill()): Entry[] {
  const index = entries.findIndex(after);
  const neighbour = entries[index];
  if (neighbour === undefined) throw new Error('no such entry');
  const whole = entries.toSpliced(
    index + 1,
    0,
    ...more.map((entry): Entry => ({ ...neighbour, kind: 'evidence', ...entry })),
  );
  return whole.map((entry, n) => ({ ...entry, seq: n + 1, prev: `h${n}`, hash: `h${n + 1}` }));
}

const find = (entries: readonly Entry[], id: string): Metric | undefined =>
  scorecard(entries, VERIFIED).metrics.find((metric) => metric.id === id);

const intent = (step: string, target: string) => (entry: Entry) =>
  entry.kind === 'intent' && entry.step === step && (entry.data.targets as string[]).includes(target);

const silentOn = (replica: string): Insert => ({
  data: {
    proof: 'accepts',
    generation: 'current',
    verdict: 'unknown',
    cells: [
      { client: 'client-a', generation: 'current', replica, expected: 'ACCEPTED', seen: 'UNKNOWN', verdict: 'unknown' },
    ],
  },
});

const fault = (event: string, target: string, check?: string): Insert => ({
  kind: 'fault',
  rotation: 'drill-1',
  step: null,
  data: { fault: 'slow', target, event, proof: 'yes', ...(check === undefined ? {} : { check }) },
});

const failedCheck = (id: string, target: string): Insert => ({
  data: {
    proof: 'checklist',
    verdict: 'fail',
    checks: [{ id, target, critical: true, verdict: 'fail', expected: 'a', seen: 'b', samples: 1 }],
  },
});

describe('the failure budget', () => {
  const rolling = intent('roll', 'signer-a');

  it('does not count the batch that is being changed', () => {
    expect(find(inserted(rolling, [silentOn('signer-a')]), 'failure-budget')).toMatchObject({
      value: 0,
      status: 'pass',
    });
  });

  it('counts a replica beside the batch', () => {
    expect(find(inserted(rolling, [silentOn('signer-b')]), 'failure-budget')).toMatchObject({
      value: 1,
      status: 'fail',
    });
  });

  it.each([
    ['named in a list', { silent: ['signer-b', 'signer-c'] }],
    [
      'named in the reason',
      {
        reason:
          '2 other replicas do not serve, more than the failure budget of 0: signer-b (TIMEOUT: no whole answer), signer-c (ECONNREFUSED); taking it back: signer-a',
      },
    ],
  ])('counts the replicas for whose silence a step was not taken, %s', (_, data) => {
    const failed = { kind: 'outcome', data: { result: 'failed', targets: ['signer-a'], ...data } } as const;
    expect(find(inserted(rolling, [failed]), 'failure-budget')).toMatchObject({
      value: 2,
      status: 'fail',
      reason: expect.stringMatching(/signer-b, signer-c failed or unreachable at once/),
    });
  });

  it('does not count a replica whose planted fault was found', () => {
    const entries = inserted(rolling, [
      fault('planted', 'signer-b'),
      silentOn('signer-b'),
      fault('found', 'signer-b', 'accepts.current'),
      fault('lifted', 'signer-b'),
    ]);
    expect(find(entries, 'failure-budget')).toMatchObject({ value: 0, status: 'pass' });
  });

  it('counts another replica while a fault is planted', () => {
    const entries = inserted(rolling, [
      fault('planted', 'signer-b'),
      silentOn('signer-c'),
      fault('found', 'signer-b', 'accepts.current'),
      fault('lifted', 'signer-b'),
    ]);
    expect(find(entries, 'failure-budget')).toMatchObject({ value: 1, status: 'fail' });
  });
});

describe('coverage', () => {
  const last = ({ data }: Entry) => data.hygiene !== undefined;
  const failing = failedCheck('fleet.distinct', 'signer-b');

  it('does not hold a failure against the fleet that a found fault explains', () => {
    const entries = inserted(last, [
      fault('planted', 'signer-b'),
      failing,
      fault('found', 'signer-b', 'fleet.distinct'),
      fault('lifted', 'signer-b'),
    ]);
    expect(find(entries, 'coverage')?.status).toBe('pass');
  });

  it('holds it against the fleet when the fault was not found', () => {
    const entries = inserted(last, [fault('planted', 'signer-b'), failing, fault('lifted', 'signer-b')]);
    expect(find(entries, 'coverage')?.status).toBe('fail');
  });

  it.each([
    ['was ready when the step was taken again', true, 'pass'],
    ['was never ready', false, 'fail'],
  ])('of a replica that was not ready at first, and %s', (_, again, status) => {
    const late = inserted(intent('roll', 'signer-a'), [failedCheck('ready', 'signer-a')]);
    const entries = again ? late : late.filter(({ kind, step }) => kind !== 'outcome' || step !== 'roll');
    expect(find(entries, 'coverage')?.status).toBe(status);
  });

  it('takes the checks that the drill’s header names instead of the shipped ones', () => {
    const named = spoilt(({ kind, runbook, data }) =>
      kind === 'header' && runbook === 'drill' ? { ...data, checks: ['clock.window', 'tls.handshake'] } : data,
    );
    expect(find(named, 'coverage')).toMatchObject({ status: 'unknown', reason: 'not exercised: tls.handshake' });
  });
});

describe('counting', () => {
  it('takes only acceptances beyond the expected for replays', () => {
    const twice = spoilt(({ data }) => {
      if (!Array.isArray(data.checks)) return data;
      const checks = (data.checks as Entry['data'][]).map((check) =>
        check.id === 'replay_nonce_rejected' ? { ...check, verdict: 'fail', seen: 'ACCEPTED, ACCEPTED' } : check,
      );
      return { ...data, checks };
    });
    const preflights = 2;
    const replicas = 3;
    expect(find(twice, 'replay-leaks')).toMatchObject({ value: preflights * replicas, status: 'fail' });
  });

  it('takes what is new in each of several counts of a client', () => {
    const entries = inserted(records('clients'), [{ data: { clients: { 'client-a': { accepted: 70, refused: 0 } } } }]);
    expect(find(entries, 'refused-valid')?.samples).toBe((find(goodDrill(), 'refused-valid')?.samples ?? 0) + 10);
  });

  it('does not take a look at usage after the removal for one before it', () => {
    const before = goodDrill();
    const proof = before.find(({ data }) => data.proof === 'unused');
    const without = before.filter((entry) => entry !== proof);
    const late = inserted(intent('remove-current', 'signer-a'), [{ data: proof?.data ?? {} }], without);
    expect(find(late, 'stragglers')).toMatchObject({
      status: 'unknown',
      reason: expect.stringMatching(/without proof/),
    });
  });

  it('takes the time of a fault from its first sign, not from its planting', () => {
    const planted = inserted(({ seq }) => seq === 1, [fault('planted', 'signer-a')]);
    const whole = inserted(
      ({ kind, phase }) => kind === 'checkpoint' && phase === 'switched',
      [{ ...fault('found', 'signer-a', 'ready') }, { ...fault('lifted', 'signer-a') }],
      planted,
    );
    expect(find(whole, 'time-to-overlap')?.value).toBe(find(goodDrill(), 'time-to-overlap')?.value);
  });
});

describe('a recorded scorecard', () => {
  it('that names another status for the same value breaks the integrity', () => {
    const record = scorecardRecord(scorecard(goodDrill(), VERIFIED));
    const results = (record.results as Entry['data'][]).map((result) =>
      result.id === 'coverage' ? { ...result, status: 'unknown' } : result,
    );
    const entries = withMore('verdict', { verdict: 'pass', command: 'drill', scorecard: { ...record, results } });
    expect(find(entries, 'ledger-integrity')).toMatchObject({
      status: 'fail',
      reason: expect.stringMatching(/coverage/),
    });
  });
});
