import { describe, expect, it } from 'vitest';
import { type Metric, type ScorecardOptions, scorecard } from '../../src/drill/scorecard.ts';
import type { Entry } from '../../src/ledger/entry.ts';
import { goodDrill, VERIFIED, withMore } from './scorecard-ledger.ts';
import { ROWS, records, shift } from './scorecard-rows.ts';

const find = (entries: readonly Entry[], id: string, options: ScorecardOptions = VERIFIED): Metric | undefined =>
  scorecard(entries, options).metrics.find((metric) => metric.id === id);

/** The same entry without checks of handshakes. */
function withoutHandshakes(data: Entry['data']): Entry['data'] {
  const { checks, ...rest } = data;
  if (!Array.isArray(checks)) return data;
  const isHandshake = (check: unknown) => /"id":"(?:mtls|session|certificate)\./.test(JSON.stringify(check));
  return { ...rest, checks: checks.filter((check) => !isHandshake(check)) };
}

describe('a metric', () => {
  it.each(ROWS)('%s: %s', (_, id, entries, status, reason) => {
    expect(find(entries(), id)).toMatchObject({ status, reason: expect.stringMatching(reason) });
  });

  it('names the entries that it comes from', () => {
    const refused = find(goodDrill(), 'refused-valid');
    const wanted = goodDrill()
      .filter((entry) => records('traffic')(entry) || records('clients')(entry))
      .map(({ seq }) => seq);
    expect(refused?.entries).toEqual(wanted);
  });

  it.each([
    ['wrong-purpose', 'pass'],
    ['503-on-start', 'fail'],
  ])('of refused requests: found by ready, %s makes it %s', (name, status) => {
    const fault = { fault: name, target: 'signer-b', proof: 'confirmed' };
    const planted = withMore('fault', { ...fault, event: 'planted' });
    const clients = { 'client-b': { accepted: 900, refused: 1, faults: 0 } };
    const refused = withMore('evidence', { clients }, {}, planted);
    const found = withMore('fault', { ...fault, event: 'found', check: 'ready' }, {}, refused);
    expect(find(found, 'refused-valid')?.status).toBe(status);
  });

  it.each([
    ['on its replica', 'signer-a', 'session.ended', 'pass'],
    ['on another', 'signer-b', 'session.ended', 'fail'],
    ['that has nothing to do with handshakes', 'signer-a', 'replay.cross-replica', 'fail'],
  ])('of certificates does not count what a fault that was found has spoilt %s', (_, target, check, status) => {
    const material = { authority: { current: '0123456789abcdef', next: 'fedcba9876543210' } };
    const mtls = goodDrill().map((entry) =>
      entry.kind === 'header' && entry.runbook === 'signer-hmac'
        ? { ...entry, data: { ...entry.data, material } }
        : entry,
    );
    const fault = { fault: 'fixed-ticket-keys', target, proof: 'confirmed' };
    const seen = { id: 'session.ended', target: 'signer-a', verdict: 'fail', expected: 'x', seen: 'y', samples: 1 };
    const planted = withMore('fault', { ...fault, event: 'planted' }, {}, mtls);
    const failed = withMore('evidence', { proof: 'no-session', checks: [seen] }, {}, planted);
    const found = withMore('fault', { ...fault, event: 'found', check }, {}, failed);
    const lifted = withMore('fault', { ...fault, event: 'lifted' }, {}, found);
    expect([failed, lifted].map((entries) => find(entries, 'mtls-health')?.status)).toEqual(['fail', status]);
  });

  it('of certificates applies only where certificates rotate, and is unknown without their evidence', () => {
    const authority = { current: '0123456789abcdef', next: 'fedcba9876543210' };
    const mtls = goodDrill().map((entry) =>
      entry.kind === 'header' && entry.runbook === 'signer-hmac'
        ? { ...entry, data: { ...entry.data, material: { authority } } }
        : entry,
    );
    const blind = mtls.map((entry) => ({ ...entry, data: withoutHandshakes(entry.data) }));
    const evidence = withMore(
      'evidence',
      {
        proof: 'tls',
        checks: [
          {
            id: 'session.ended',
            target: 'signer-a',
            verdict: 'fail',
            expected: 'x',
            seen: 'a session from before was resumed and served',
            samples: 1,
          },
        ],
      },
      {},
      mtls,
    );
    expect([goodDrill(), mtls, blind, evidence].map((entries) => find(entries, 'mtls-health')?.status)).toEqual([
      'not-applicable',
      'pass',
      'unknown',
      'fail',
    ]);
  });

  it('of the overlap leaves out the time in which a planted fault was in the way', () => {
    const slow = shift((entry) => entry.step === 'verify-overlap', 20_000)();
    const held = slow.findIndex(({ step }) => step === 'verify-overlap');
    const template = slow[held - 1];
    if (template === undefined) throw new Error('no entries');
    const told = (event: string, of: Entry): Entry => ({
      ...template,
      at: of.at,
      kind: 'fault',
      data: { fault: 'slow', target: 'signer-a', event, check: 'accepts.next', proof: 'yes' },
    });
    const failed: Entry = { ...template, kind: 'outcome', data: { result: 'failed', targets: ['signer-a'] } };
    const parts = [
      ...slow.slice(0, held),
      told('planted', template),
      failed,
      told('lifted', slow[held] ?? template),
      ...slow.slice(held),
    ];
    const entries = parts.map((entry, index) => ({ ...entry, seq: index + 1 }));
    expect(find(entries, 'time-to-overlap')).toMatchObject({ status: 'pass', value: 3700 });
  });

  it('counts stragglers by their requests', () => {
    const [, , entries] = ROWS.find(([sentence]) => sentence.startsWith('a client signed with the old secret')) ?? [];
    expect(find(entries?.() ?? [], 'stragglers')).toMatchObject({ value: 3, unit: 'requests' });
  });

  it.each(['fail', 'unknown'] as const)('that is critical can be %s', (status) => {
    const shown = new Set(ROWS.filter((row) => row[3] === status).map(([, id]) => id));
    const elsewhere = ['mtls-health', 'ledger-integrity'];
    const critical = scorecard([]).metrics.filter(
      (metric) => metric.class === 'critical' && !elsewhere.includes(metric.id),
    );
    expect(critical.filter(({ id }) => !shown.has(id)).map(({ id }) => id)).toEqual([]);
  });
});

describe('freshness and integrity', () => {
  it.each([
    [
      'the last pass is a year old',
      'freshness',
      { ...VERIFIED, lastPassAt: '2025-11-01T00:00:00.000Z' },
      'fail',
      /385 days ago/,
    ],
    ['no earlier pass is known', 'freshness', { ledger: VERIFIED.ledger }, 'unknown', /no earlier pass is known/],
    [
      'the ledger does not verify',
      'ledger-integrity',
      { ledger: { ok: false, entries: 0 } },
      'fail',
      /does not verify/,
    ],
    ['the ledger was not verified', 'ledger-integrity', {}, 'unknown', /not verified here/],
    [
      'fewer entries were verified than are scored',
      'ledger-integrity',
      { ledger: { ok: true, entries: 50 } },
      'fail',
      /50 entries were verified, 120 are scored/,
    ],
  ] as const)('%s: %s', (_, id, options, status, reason) => {
    expect(find(goodDrill(), id, options)).toMatchObject({ status, reason: expect.stringMatching(reason) });
  });

  it('takes an earlier pass from the ledger itself', () => {
    const [header] = goodDrill();
    if (header === undefined) throw new Error('no entries');
    const earlier = {
      ...header,
      seq: 0,
      at: '2026-11-11T09:00:00.000Z',
      kind: 'verdict',
      data: { verdict: 'pass', command: 'drill' },
    } as const;
    expect(find([earlier, ...goodDrill()], 'freshness', { ledger: VERIFIED.ledger })).toMatchObject({
      value: 10,
      status: 'pass',
    });
  });
});
