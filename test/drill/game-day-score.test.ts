import { describe, expect, it } from 'vitest';
import { readLimits } from '../../src/drill/game-day/limits.ts';
import type { JobEnd } from '../../src/drill/game-day/play.ts';
import { scoreGameDay } from '../../src/drill/game-day/score.ts';
import { gameDayDocument, gameDayResult } from '../../src/report/game-day-json.ts';
import { renderGameDay } from '../../src/report/game-day-text.ts';
import { jobFor, playedEnd, printed } from './game-day-fakes.ts';

const PLAIN = jobFor('signer-hmac', 50, { asked: true });
const WITH = jobFor('signer-hmac-keeps-old', 60, { faults: ['keeps-old@signer-b'] });
const GOOD = playedEnd(PLAIN, printed('pass', ['pass', 'pass', 'not-applicable']));
const fault = (found: boolean, recovered: boolean) => ({ name: 'keeps-old', target: 'signer-b', found, recovered });
const FOUND = playedEnd(
  WITH,
  printed('pass', ['pass'], { faults: [{ ...fault(true, true), check: 'refuses.current' }] }),
);

function score(ends: readonly JobEnd[], settings: { percent?: string; totalMs?: number; stopped?: boolean } = {}) {
  const { percent, totalMs = 70_000, stopped = false } = settings;
  const limits = readLimits({ environment: {}, flags: { '--min-pass-percent': percent } });
  return scoreGameDay({ ends, limits, totalMs, stopped });
}

const brief = (ends: readonly JobEnd[], settings: Parameters<typeof score>[1] = {}) => {
  const { verdict, exitCode, totalChecks, passedChecks, unknownChecks, scorePercent, slo } = score(ends, settings);
  return [
    verdict,
    exitCode,
    `${passedChecks}/${totalChecks}, ${unknownChecks} unknown`,
    scorePercent,
    slo.passPercentMet,
  ];
};

describe('the score of a game day', () => {
  it('counts all checks of all drills and each fault that was found and recovered from', () => {
    expect(brief([GOOD, FOUND])).toEqual(['pass', 0, '4/4, 0 unknown', 100, true]);
  });

  it('fails for a fault that was not found, with 10', () => {
    const end = playedEnd(WITH, printed('fail', ['pass'], { exitCode: 10, faults: [fault(false, true)] }));
    expect(brief([GOOD, end])).toEqual(['fail', 10, '3/4, 0 unknown', 75, false]);
  });

  it('fails with 11 for a fault that was not recovered from', () => {
    const end = playedEnd(WITH, printed('fail', ['pass'], { exitCode: 11, faults: [fault(true, false)] }));
    expect(brief([GOOD, end])).toEqual(['fail', 11, '3/4, 0 unknown', 75, false]);
  });

  it('fails for a failed check also where the least score is reached: no limit excuses a failed drill', () => {
    const end = playedEnd(PLAIN, printed('fail', ['pass', 'pass', 'pass', 'fail'], { exitCode: 10 }));
    expect(brief([end], { percent: '75' })).toEqual(['fail', 10, '3/4, 0 unknown', 75, true]);
    expect(brief([end], { percent: '75.1' })).toEqual(['fail', 10, '3/4, 0 unknown', 75, false]);
  });

  it('fails for a drill that failed though all of its checks passed', () => {
    const error = { code: 'FAILED_HELD', message: 'held' };
    const { rows, ...day } = score([playedEnd(PLAIN, printed('fail', ['pass'], { exitCode: 11, error }))]);
    expect([day.verdict, day.exitCode, day.totalChecks, day.passedChecks]).toEqual(['fail', 11, 2, 1]);
    expect(rows[0]?.reason).toBe('FAILED_HELD: held');
  });

  it('shows no percentage while a check is unknown, and ends with 12', () => {
    expect(brief([playedEnd(PLAIN, printed('unknown', ['pass', 'unknown']))])).toEqual([
      'unknown',
      12,
      '1/2, 1 unknown',
      null,
      null,
    ]);
  });

  it('a failure beats an unknown', () => {
    const failed = playedEnd(WITH, printed('fail', ['fail', 'unknown'], { exitCode: 10 }));
    expect(brief([GOOD, failed])).toEqual(['fail', 10, '2/4, 1 unknown', null, null]);
  });

  it.each([
    { what: 'was stopped when the time was up', end: playedEnd(PLAIN, printed('stopped', ['pass']), { cut: 'time' }) },
    { what: 'printed nothing', end: playedEnd(PLAIN, '') },
    { what: 'printed something else', end: playedEnd(PLAIN, '{"schema":"rotctl.check.v1"}') },
    { what: 'checked nothing', end: playedEnd(PLAIN, printed('pass', [])) },
    { what: 'could not start its fleet', end: playedEnd(PLAIN, printed('fail', [], { exitCode: 12 })) },
  ])('is unknown where the plain drill $what, however good the others', ({ end }) => {
    const [verdict, exitCode, , percent] = brief([end, FOUND]);
    expect([verdict, exitCode, percent]).toEqual(['unknown', 12, null]);
  });

  it('does not blame a drill that was cut for a fault that it had not found yet', () => {
    const end = playedEnd(WITH, printed('stopped', ['pass'], { faults: [fault(false, false)] }), { cut: 'time' });
    expect(brief([GOOD, end])).toEqual(['unknown', 12, '3/4, 1 unknown', null, null]);
  });

  it('passes when the campaign had more than there was time for, and says so', () => {
    const away: JobEnd = { job: jobFor('more'), state: 'not-run', reason: 'it takes about 60 s, and 3 s were left' };
    expect(brief([GOOD, away])).toEqual(['pass', 0, '2/2, 0 unknown', 100, true]);
    const text = renderGameDay(score([GOOD, away]), { columns: 80 });
    expect(text).toContain('1 drill, 0 of 0 faults found, 1 not run');
    expect(text).toContain('not run:\n  signer-hmac: it takes about 60 s, and 3 s were left');
  });

  it('does not pass when something that was asked for by name was not run', () => {
    const away: JobEnd = { job: jobFor('more', 60, { asked: true }), state: 'not-run', reason: 'no time' };
    expect(brief([GOOD, away])).toEqual(['unknown', 12, '2/3, 1 unknown', null, null]);
  });

  it.each([
    { totalMs: 119_900, verdict: 'pass', met: true },
    { totalMs: 120_000, verdict: 'pass', met: true },
    { totalMs: 120_100, verdict: 'fail', met: false },
  ])('$totalMs ms of 120 s: $verdict', ({ totalMs, verdict, met }) => {
    const day = score([GOOD], { totalMs });
    expect([day.verdict, day.slo.totalDurationMet]).toEqual([verdict, met]);
  });

  it('is stopped when the operator stopped it', () => {
    expect(brief([playedEnd(PLAIN, printed('stopped', ['pass']), { cut: 'operator' })], { stopped: true })).toEqual([
      'stopped',
      14,
      '1/2, 1 unknown',
      null,
      null,
    ]);
  });

  it('of nothing is unknown', () => {
    expect(brief([])).toEqual(['unknown', 12, '0/0, 0 unknown', null, null]);
  });

  it('adds up the lead metrics, takes the longest duration, and says where one was not measured', () => {
    const text = renderGameDay(score([GOOD, FOUND]), { columns: 80 });
    expect(text).toContain('  refused valid requests  0 of 600\n');
    expect(text).toContain('  old secret dead         6/6 replicas\n');
    expect(text).toContain('  accepted replays        not measured, not measured in 2 drills\n');
    expect(text).toContain('  time to undo            4.3 s at most\n');
  });
});

describe('the scorecard file', () => {
  it('has exactly the fields that its readers know', () => {
    const document = gameDayDocument(score([GOOD, FOUND]), Date.UTC(2026, 0, 2));
    expect(Object.keys(document)).toEqual([
      'generated_at',
      'total_checks',
      'passed_checks',
      'score_percent',
      'total_duration_s',
      'slo',
      'results',
    ]);
    expect(document).toMatchObject({
      generated_at: '2026-01-02T00:00:00.000Z',
      total_checks: 4,
      passed_checks: 4,
      score_percent: 100,
      total_duration_s: 70,
      slo: { min_pass_percent: 100, max_total_duration_s: 120, pass_percent_met: true, total_duration_met: true },
      results: [
        { id: 'signer-hmac', verdict: 'pass', total_checks: 2, planted: [] },
        { id: 'signer-hmac-keeps-old', verdict: 'pass', total_checks: 2, faults: [{ found: true, recovered: true }] },
      ],
    });
  });

  it('is in the command’s result, with where each limit comes from', () => {
    const result = gameDayResult(score([GOOD], { percent: '90' }), 0);
    expect(result.sources).toEqual({ min_pass_percent: '--min-pass-percent', max_total_duration_s: 'default' });
  });
});
