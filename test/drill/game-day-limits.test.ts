import { describe, expect, it } from 'vitest';
import { readLimits } from '../../src/drill/game-day/limits.ts';

const PERCENT = 'GAMEDAY_MIN_PASS_PERCENT';
const SECONDS = 'GAMEDAY_MAX_TOTAL_DURATION_S';
const read = (environment: Record<string, string>, flags: Record<string, string> = {}) =>
  readLimits({ environment, flags });

describe('the limits of a game day', () => {
  it('are 100 % in 120 s when nobody says otherwise', () => {
    expect(read({})).toEqual({
      minPassPercent: { value: 100, source: 'default', from: 'default' },
      maxTotalDurationS: { value: 120, source: 'default', from: 'default' },
    });
  });

  it.each([
    { text: '0', value: 0 },
    { text: '99.5', value: 99.5 },
    { text: '100', value: 100 },
  ])('at least $text %', ({ text, value }) => {
    expect(read({ [PERCENT]: text }).minPassPercent).toEqual({ value, source: 'environment', from: PERCENT });
  });

  it.each([
    { text: '0.5', value: 0.5 },
    { text: '90', value: 90 },
    { text: '86400', value: 86_400 },
  ])('at most $text s', ({ text, value }) => {
    expect(read({ [SECONDS]: text }).maxTotalDurationS).toEqual({ value, source: 'environment', from: SECONDS });
  });

  it('a flag beats the environment', () => {
    const limits = read({ [PERCENT]: '90', [SECONDS]: '60' }, { '--min-pass-percent': '95', '--max-duration': '300' });
    expect(limits.minPassPercent).toEqual({ value: 95, source: 'flag', from: '--min-pass-percent' });
    expect(limits.maxTotalDurationS).toEqual({ value: 300, source: 'flag', from: '--max-duration' });
  });

  it.each([
    { name: PERCENT, text: '', got: 'an empty text' },
    { name: PERCENT, text: 'all', got: '"all"' },
    { name: PERCENT, text: '-1', got: '"-1"' },
    { name: PERCENT, text: '100.1', got: '"100.1"' },
    { name: PERCENT, text: '101', got: '"101"' },
    { name: PERCENT, text: '95%', got: '"95%"' },
    { name: PERCENT, text: ' 95', got: '" 95"' },
    { name: PERCENT, text: '1e2', got: '"1e2"' },
    { name: PERCENT, text: '0x10', got: '"0x10"' },
    { name: PERCENT, text: 'Infinity', got: '"Infinity"' },
    { name: SECONDS, text: '', got: 'an empty text' },
    { name: SECONDS, text: '0', got: '"0"' },
    { name: SECONDS, text: '0.0', got: '"0.0"' },
    { name: SECONDS, text: '-120', got: '"-120"' },
    { name: SECONDS, text: '2min', got: '"2min"' },
    { name: SECONDS, text: '86401', got: '"86401"' },
    { name: SECONDS, text: 'q9Zr7Xk2Lm4Nv8Tb1Wc6', got: 'a text of 20 characters, not shown' },
  ])('$name=$text is an error that names it', ({ name, text, got }) => {
    const error = {
      code: 'USAGE',
      exitCode: 2,
      message: expect.stringMatching(new RegExp(`^${name} must be .*, got `)),
    };
    expect(() => read({ [name]: text })).toThrow(expect.objectContaining(error));
    expect(() => read({ [name]: text })).toThrow(got);
  });

  it('a wrong value is an error also where a flag beats it, and all of them are named', () => {
    const wrong = () => read({ [PERCENT]: '200' }, { '--min-pass-percent': '90', '--max-duration': 'soon' });
    expect(wrong).toThrow(
      'GAMEDAY_MIN_PASS_PERCENT must be a number from 0 to 100, got "200"; --max-duration must be a number of seconds above 0, at most 86400, got "soon"',
    );
  });
});
