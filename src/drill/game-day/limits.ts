import { RotctlError } from '../../errors/rotctl-error.ts';
import { showGiven } from '../given-text.ts';

/** A limit of a game day, and where it comes from. */
export interface Limit {
  readonly value: number;
  readonly source: 'flag' | 'environment' | 'default';
  /** The flag or the variable that says so; `default` where none does. */
  readonly from: string;
}

/** What a game day must reach: at least so many percent, in at most so many seconds. */
export interface GameDayLimits {
  readonly minPassPercent: Limit;
  readonly maxTotalDurationS: Limit;
}

/** Where limits are given, by the variable's and by the flag's name; what is not given is not in it. */
export interface LimitTexts {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly flags: Readonly<Record<string, string | undefined>>;
}

interface LimitRule {
  readonly name: string;
  readonly flag: string;
  readonly fallback: number;
  readonly says: string;
  allows(value: number): boolean;
}

/** Longest duration that can be asked for: a day. */
const LONGEST_S = 86_400;

const PERCENT: LimitRule = {
  name: 'GAMEDAY_MIN_PASS_PERCENT',
  flag: '--min-pass-percent',
  fallback: 100,
  says: 'must be a number from 0 to 100',
  allows: (value) => value <= 100,
};

const DURATION: LimitRule = {
  name: 'GAMEDAY_MAX_TOTAL_DURATION_S',
  flag: '--max-duration',
  fallback: 120,
  says: `must be a number of seconds above 0, at most ${LONGEST_S}`,
  allows: (value) => value > 0 && value <= LONGEST_S,
};

/**
 * Reads the two limits: the flag's value before the environment's before the default. Every value that was given is
 * read, also one that another beats: a wrong one is never passed over.
 *
 * @throws RotctlError `USAGE` naming each variable and flag whose value cannot be read
 */
export function readLimits(texts: LimitTexts): GameDayLimits {
  const problems: string[] = [];
  const limits = {
    minPassPercent: readLimit(PERCENT, texts, problems),
    maxTotalDurationS: readLimit(DURATION, texts, problems),
  };
  if (problems.length === 0) return limits;
  throw new RotctlError('USAGE', problems.join('; '), {
    hint: 'correct the named values, or leave them out: at least 100 %, in at most 120 s',
  });
}

function readLimit(rule: LimitRule, { environment, flags }: LimitTexts, problems: string[]): Limit {
  const read = (source: 'flag' | 'environment', from: string, text: string | undefined): Limit[] => {
    if (text === undefined) return [];
    const value = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (rule.allows(value)) return [{ value, source, from }];
    problems.push(`${from} ${rule.says}, got ${showGiven(text)}`);
    return [];
  };
  const given = [
    ...read('flag', rule.flag, flags[rule.flag]),
    ...read('environment', rule.name, environment[rule.name]),
  ];
  return given[0] ?? { value: rule.fallback, source: 'default', from: 'default' };
}
