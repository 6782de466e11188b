import { describe, expect, it } from 'vitest';
import type * as z from 'zod';
import { nearest } from '../../src/document/nearest.ts';
import { ruleOf } from '../../src/document/rules.ts';
import { duration, durationOrNone, durationText, pattern, size } from '../../src/document/scalars.ts';

function ruleBroken(type: z.ZodType, value: unknown): string | undefined {
  return type.safeParse(value, { error: ruleOf }).error?.issues[0]?.message;
}

describe('duration', () => {
  it.each([
    ['1ms', 1],
    ['250ms', 250],
    ['2s', 2000],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['366d', 366 * 86_400_000],
  ])('%s is %d milliseconds', (text, ms) => {
    expect(duration().parse(text)).toBe(ms);
  });

  it.each([
    60,
    60_000,
    1.5,
    true,
    '60',
    '1.5s',
    '-1s',
    '1 s',
    ' 1s',
    '1S',
    '1sec',
    '',
    's',
    '1s2',
    '9999999999s',
    null,
  ])('refuses %j and names the units', (value) => {
    expect(ruleBroken(duration(), value)).toMatch(/unit: 250ms, 2s, 5m, 24h or 7d/);
  });

  it.each(['0s', '0ms', '367d'])('refuses %s, which is out of bounds', (text) => {
    expect(ruleBroken(duration(), text)).toBe('must be more than 0 and at most a year');
  });

  it('allows 0s where none is a choice', () => {
    expect(durationOrNone().parse('0s')).toBe(0);
  });

  it('has a lower bound of its own where one is given: just below, and at it', () => {
    expect(ruleBroken(duration(500), '499ms')).toBe('must be at least 500ms and at most a year');
    expect(duration(500).parse('500ms')).toBe(500);
  });

  it('says that a missing one is missing', () => {
    expect(ruleBroken(duration(), undefined)).toBe('is missing');
  });

  it.each([
    [0, '0ms'],
    [1500, '1500ms'],
    [90_000, '90s'],
    [120_000, '2m'],
    [172_800_000, '2d'],
  ])('%d milliseconds is written %s', (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });
});

describe('size', () => {
  it.each([
    ['512B', 512],
    ['64KiB', 65_536],
    ['1MiB', 1_048_576],
  ])('%s is %d bytes', (text, bytes) => {
    expect(size(1_048_576).parse(text)).toBe(bytes);
  });

  it.each([65_536, '64', '64KB', '64kib', '0B', '1048577B', '-1B'])('refuses %j', (value) => {
    expect(ruleBroken(size(1_048_576), value)).toMatch(/unit: 512B|at least 1B and at most 1048576B/);
  });
});

describe('pattern', () => {
  it('gives the expression', () => {
    expect(pattern().parse('^bad (signature|hmac)$')).toEqual(/^bad (signature|hmac)$/);
  });

  it.each(['(', '[a', '*', ''])('refuses %j', (source) => {
    expect(pattern().safeParse(source).success).toBe(false);
  });
});

describe('nearest', () => {
  it.each([
    ['replica', ['replicas', 'name'], 'replicas'],
    ['nmae', ['name'], 'name'],
    ['nme', ['some'], undefined],
    ['nam', ['name'], 'name'],
    ['Reload', ['reload', 'restart'], 'reload'],
    ['cadnece', ['cadence'], 'cadence'],
    ['colour', ['cadence', 'name'], undefined],
    ['', ['name'], undefined],
  ])('%j among %j is %j', (word, candidates, expected) => {
    expect(nearest(word, candidates)).toBe(expected);
  });
});
