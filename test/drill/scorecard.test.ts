import { describe, expect, it } from 'vitest';
import { type Scorecard, scorecard, scorecardRecord } from '../../src/drill/scorecard.ts';
import type { Entry, LedgerValue } from '../../src/ledger/entry.ts';
import { renderScorecardJson } from '../../src/report/scorecard-json.ts';
import { renderScorecardText } from '../../src/report/scorecard-text.ts';
import { goodDrill, spoilt, VERIFIED, withMore } from './scorecard-ledger.ts';

const statusOf = (card: Scorecard, id: string) => card.metrics.find((metric) => metric.id === id)?.status;
const lead = (card: Scorecard) =>
  card.lead.map(({ title, text, ms }) => `${title}: ${ms === null ? text : `${ms} ms`}`);

/** A fault on signer-b that lasts from the first entry of a rotation to its overlap, with or without being found. */
function underFault(name: string, check: string | undefined, spoil: (entry: Entry) => Entry['data']): Entry[] {
  const good = goodDrill().map((entry) => ({ ...entry, data: spoil(entry) }));
  const overlap = good.findIndex(({ phase }) => phase === 'overlap');
  const template = good[0];
  if (template === undefined) throw new Error('no entries');
  const told = (event: string, data: { [key: string]: LedgerValue } = {}): Entry => ({
    ...template,
    kind: 'fault',
    data: { fault: name, target: 'signer-b', event, ...data },
  });
  const found = check === undefined ? [] : [told('found', { check })];
  const entries = [
    template,
    told('planted', { proof: 'confirmed' }),
    ...good.slice(1, overlap),
    ...found,
    told('lifted'),
    ...good.slice(overlap),
  ];
  return entries.map((entry, index) => ({
    ...entry,
    seq: index + 1,
    at: entry.kind === 'fault' ? (good[Math.min(index, good.length - 1)]?.at ?? entry.at) : entry.at,
    prev: `h${index}`,
    hash: `h${index + 1}`,
  }));
}

const leakInOpening = ({ phase, data, kind }: Entry): Entry['data'] =>
  kind === 'evidence' && phase === 'opening' && data.proof === 'replay'
    ? {
        ...data,
        checks: [
          {
            id: 'replay.cross-replica',
            verdict: 'fail',
            critical: true,
            target: 'signer-b',
            expected: 'REPLAY_NONCE_USED',
            seen: 'ACCEPTED',
            samples: 2,
            ms: 3,
          },
        ],
      }
    : data;

describe('a good game day', () => {
  const card = scorecard(goodDrill(), VERIFIED);

  it('passes with the word and the coverage', () => {
    expect(card).toMatchObject({
      verdict: 'pass',
      headline: 'PASS 15/15 checks, 0 unknown',
      totalChecks: 15,
      passedChecks: 15,
      scorePercent: 100,
    });
    expect(card.metrics.filter(({ status }) => status !== 'pass').map(({ id }) => id)).toEqual(['mtls-health']);
  });

  it('leads with the four numbers', () => {
    expect(lead(card)).toEqual([
      'refused valid requests: 0 of 761',
      'old secret dead: 3/3 replicas',
      'accepted replays: 0 of 378',
      'time to undo: 1100 ms',
    ]);
  });

  it('knows its metrics by number, one to twenty-one', () => {
    expect(card.metrics.map(({ number }) => number)).toEqual(Array.from({ length: 21 }, (_, index) => index + 1));
  });

  it('measures its durations', () => {
    const values = Object.fromEntries(
      card.metrics.filter(({ unit }) => unit === 'ms').map(({ id, value }) => [id, value]),
    );
    expect(values).toEqual({
      'time-to-overlap': 3800,
      'time-to-switch': 600,
      'overlap-length': 2100,
      'retire-latency': 0,
      'time-to-detect': 600,
      'time-to-decide': 200,
      'time-to-undo': 1100,
    });
  });

  it('does not count the outage that the drill brings about as a lock-out', () => {
    expect(statusOf(card, 'lock-out')).toBe('pass');
  });
});

describe('the verdict', () => {
  it('is inconclusive when nothing was measured, and no metric passes', () => {
    const card = scorecard([]);
    expect(card).toMatchObject({
      verdict: 'unknown',
      headline: 'INCONCLUSIVE 0/16 checks, 16 unknown',
      scorePercent: null,
    });
    expect(card.metrics.filter(({ status }) => status !== 'unknown')).toEqual([]);
    expect(lead(card).every((line) => line.endsWith('not measured'))).toBe(true);
  });

  it('has no pass among the measured metrics when only the header is there', () => {
    const card = scorecard(goodDrill().slice(0, 1), VERIFIED);
    const passed = card.metrics.filter(({ status }) => status === 'pass').map(({ id }) => id);
    expect(passed).toEqual(['ledger-integrity', 'operator-load', 'freshness']);
    expect(card.verdict).toBe('unknown');
  });

  it('is inconclusive without a percentage while one critical metric is unknown', () => {
    const card = scorecard(
      spoilt(({ data }) => (data.hygiene === undefined ? data : undefined)),
      VERIFIED,
    );
    expect(card).toMatchObject({
      verdict: 'unknown',
      headline: 'INCONCLUSIVE 13/15 checks, 2 unknown',
      scorePercent: null,
    });
    expect(card.slo.passPercentMet).toBeNull();
  });

  it('is a failure when one metric fails, whatever else is unknown', () => {
    const card = scorecard(
      spoilt(({ data }) =>
        data.hygiene === undefined ? data : { hygiene: { searched: 1, found: 1, where: ['x.log'] } },
      ),
      { lastPassAt: VERIFIED.lastPassAt },
    );
    expect(card).toMatchObject({ verdict: 'fail', unknownChecks: 1, failedChecks: 1, scorePercent: null });
  });

  it('has a percentage when something failed and nothing is unknown', () => {
    const card = scorecard(
      spoilt(({ data }) =>
        data.hygiene === undefined ? data : { hygiene: { searched: 1, found: 1, where: ['x.log'] } },
      ),
      VERIFIED,
    );
    expect(card).toMatchObject({ verdict: 'fail', headline: 'FAIL 14/15 checks, 0 unknown', scorePercent: 93 });
    expect(card.slo.passPercentMet).toBe(false);
  });

  it('is not touched by a warning, which is counted beside it', () => {
    const card = scorecard(goodDrill(), { ...VERIFIED, lastPassAt: '2025-01-01T00:00:00.000Z' });
    expect(card).toMatchObject({ verdict: 'pass', headline: 'PASS 15/15 checks, 0 unknown, 1 warning' });
  });

  it('is capped at inconclusive by an override, with its entry named', () => {
    const card = scorecard(withMore('override', { what: 'unsafe order', reason: 'late', by: 'op' }), VERIFIED);
    expect(card).toMatchObject({
      verdict: 'unknown',
      scorePercent: null,
      caps: ['override in entry 121: unsafe order'],
    });
  });

  it('leaves out what the plan declared not to apply, but not what was measured and failed', () => {
    const away = { 'secret-hygiene': 'no places to search here', 'refused-valid': 'not wanted' };
    const declared = spoilt(({ data, kind, runbook }) => {
      if (data.hygiene !== undefined) return undefined;
      return kind === 'header' && runbook === 'drill' ? { ...data, expects: ['rotation'], notApplicable: away } : data;
    });
    const card = scorecard(declared, VERIFIED);
    expect(card).toMatchObject({ verdict: 'pass', totalChecks: 14 });
    expect(statusOf(card, 'secret-hygiene')).toBe('not-applicable');
    expect(statusOf(card, 'refused-valid')).toBe('pass');
  });

  it.each([
    ['met by 12.9 s of 120', {}, true],
    ['met at exactly its limit', { maxTotalDurationS: 12.9 }, true],
    ['missed just below it', { maxTotalDurationS: 12.89 }, false],
  ])('does not depend on the duration asked for: %s', (_, slo, met) => {
    const card = scorecard(goodDrill(), { ...VERIFIED, slo });
    expect([card.verdict, card.slo.totalDurationMet]).toEqual(['pass', met]);
  });
});

describe('a planted fault', () => {
  it('that was found excuses what it does by its nature', () => {
    const card = scorecard(underFault('memory-store', 'replay.cross-replica', leakInOpening), VERIFIED);
    const metric = card.metrics.find(({ id }) => id === 'replay-leaks');
    expect(metric).toMatchObject({ status: 'pass', value: 0 });
    expect(metric?.details?.at(-1)).toMatch(
      /not counted: fault memory-store was planted on signer-b, and found by replay.cross-replica/,
    );
    expect(card.verdict).toBe('pass');
  });

  it('that was not found excuses nothing', () => {
    const card = scorecard(underFault('memory-store', undefined, leakInOpening), VERIFIED);
    expect([statusOf(card, 'replay-leaks'), statusOf(card, 'fault-proof')]).toEqual(['fail', 'fail']);
  });

  it('of another nature excuses nothing either', () => {
    const card = scorecard(underFault('misses-next', 'accepts.next', leakInOpening), VERIFIED);
    expect(statusOf(card, 'replay-leaks')).toBe('fail');
  });

  it('that is lifted excuses nothing of what comes after', () => {
    const late = ({ phase, data }: Entry) =>
      phase === 'retiring' && data.proof === 'replay'
        ? {
            ...data,
            checks: [
              {
                id: 'replay.same-replica',
                verdict: 'fail',
                target: 'signer-b',
                expected: 'REPLAY_NONCE_USED',
                seen: 'ACCEPTED',
                samples: 2,
              },
            ],
          }
        : data;
    expect(
      statusOf(scorecard(underFault('memory-store', 'replay.cross-replica', late), VERIFIED), 'replay-leaks'),
    ).toBe('fail');
  });

  it('need not be there: without one its metrics do not apply', () => {
    const card = scorecard(
      goodDrill().filter(({ kind }) => kind !== 'fault'),
      VERIFIED,
    );
    expect(['time-to-detect', 'time-to-decide', 'fault-proof'].map((id) => statusOf(card, id))).toEqual([
      'not-applicable',
      'not-applicable',
      'not-applicable',
    ]);
  });
});

describe('computing it again', () => {
  const recorded = (card: Scorecard) =>
    withMore('verdict', { verdict: card.verdict, command: 'drill', scorecard: scorecardRecord(card) });
  const bytes = (entries: readonly Entry[]) => renderScorecardJson(scorecard(entries, VERIFIED));

  it('gives the same bytes for the same entries', () => {
    expect(bytes(goodDrill())).toBe(bytes(structuredClone(goodDrill())));
  });

  it('gives the same bytes after the verdict was recorded, and after later work in the same ledger', () => {
    const card = scorecard(goodDrill(), VERIFIED);
    const later = withMore('override', { what: 'something later' }, { rotation: 'rotation-3' }, recorded(card));
    expect(bytes(recorded(card))).toBe(bytes(goodDrill()));
    expect(bytes(later)).toBe(bytes(goodDrill()));
  });

  it('breaks the ledger’s integrity when the recorded result is another', () => {
    const entries = goodDrill().map((entry) =>
      entry.data.hygiene === undefined
        ? entry
        : { ...entry, data: { hygiene: { searched: 40, found: 1, where: ['x'] } } },
    );
    const forged = withMore(
      'verdict',
      { verdict: 'pass', command: 'drill', scorecard: scorecardRecord(scorecard(goodDrill(), VERIFIED)) },
      {},
      entries,
    );
    const integrity = scorecard(forged, VERIFIED).metrics.find(({ id }) => id === 'ledger-integrity');
    expect(integrity).toMatchObject({ status: 'fail', reason: 'entry 121 records another result for secret-hygiene' });
  });

  it('scores the newest of several drills', () => {
    const second = goodDrill().map((entry) => ({
      ...entry,
      seq: entry.seq + 120,
      rotation: entry.rotation === 'drill-1' ? 'drill-2' : `${entry.rotation}b`,
      prev: entry.seq === 1 ? 'sha256:120' : entry.prev,
    }));
    const card = scorecard([...goodDrill(), ...second], VERIFIED);
    expect([card.run, card.metrics[4]?.samples]).toEqual(['drill-2', 761]);
  });

  it('changes none of the entries', () => {
    const entries = goodDrill();
    scorecard(entries, VERIFIED);
    expect(entries).toEqual(goodDrill());
  });

  it('survives entries that hold anything but what they should', () => {
    const strange: LedgerValue[] = [null, 7, 'text', [], {}, [null], { cells: null }];
    for (const value of strange) {
      const card = scorecard(spoilt(({ data }) => Object.fromEntries(Object.keys(data).map((key) => [key, value]))));
      expect(card.verdict).not.toBe('pass');
    }
  });
});

describe('the reports', () => {
  it('give the make target its field names', () => {
    const document = JSON.parse(renderScorecardJson(scorecard(goodDrill(), VERIFIED)));
    expect(document).toMatchObject({
      schema: 'rotctl.scorecard.v1',
      generated_at: goodDrill().at(-1)?.at,
      total_checks: 15,
      passed_checks: 15,
      score_percent: 100,
      total_duration_s: 12.9,
      slo: { min_pass_percent: 100, max_total_duration_s: 120, pass_percent_met: true, total_duration_met: true },
    });
    expect(document.results).toHaveLength(21);
    expect(document.results[4]).toMatchObject({
      number: 5,
      id: 'refused-valid',
      class: 'critical',
      status: 'pass',
      value: 0,
      samples: 761,
    });
  });

  it('show the lead numbers before the table, and the table aligned', () => {
    const lines = renderScorecardText(scorecard(goodDrill(), VERIFIED)).split('\n');
    expect(lines[0]).toBe('PASS 15/15 checks, 0 unknown');
    expect(lines[3]).toBe('  refused valid requests  0 of 761');
    const rows = lines.filter((line) => /^ +\d+ {2}\S.* (pass|not-applicable)$/.test(line));
    expect(rows).toHaveLength(21);
    expect(new Set(rows.map((row) => row.search(/(pass|not-applicable)$/))).size).toBe(1);
  });

  it('say what failed or is unknown, why, and in which entries', () => {
    const entries = spoilt(({ data }) =>
      data.hygiene === undefined ? data : { hygiene: { searched: 40, found: 1, where: ['signer-a.log'] } },
    );
    const text = renderScorecardText(scorecard(entries, { lastPassAt: VERIFIED.lastPassAt }));
    expect(text).toContain(
      'failed or unknown:\n  18 secret hygiene: fail: a secret was found in signer-a.log [entry 120]\n  19 ledger integrity: unknown: ',
    );
    expect(text).toContain('no percentage');
    expect(text).not.toMatch(/\d %,/);
  });

  it('show foreign text without its control characters', () => {
    const entries = spoilt(({ data }) =>
      data.hygiene === undefined ? data : { hygiene: { searched: 40, found: 1, where: ['\u001b[31mred'] } },
    );
    const card = scorecard(entries, VERIFIED);
    expect(renderScorecardText(card)).toContain('\\x1b[31mred');
    expect(renderScorecardJson(card)).not.toContain('\\u001b');
  });
});
