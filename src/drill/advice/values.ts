import { RotctlError } from '../../errors/rotctl-error.ts';
import { showGiven } from '../given-text.ts';
import { ADVICE_TRIGGERS, type TriggerKind, type TriggerRule, type TriggerValue } from './triggers.ts';

/** A value that somebody gave, and how. */
export interface GivenValue {
  readonly value: TriggerValue;
  readonly source: 'flag' | 'environment';
}

/** Where values are given, by the variable's and by the flag's name; what is not given is not in it. */
export interface GivenTexts {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly flags: Readonly<Record<string, string | undefined>>;
}

const RULES: Readonly<Record<TriggerKind, string>> = {
  count: 'must be a whole number of 0 or more',
  share: 'must be a number from 0 to 1, such as 0.8',
  flag: 'must be true or false',
};

/**
 * Reads every value that was given, also those that another source will beat.
 *
 * @returns by trigger name, the flag's value before the environment's; nothing for a trigger that was not given
 * @throws RotctlError `USAGE` naming each variable and flag whose value cannot be read
 */
export function readGiven({ environment, flags }: GivenTexts): ReadonlyMap<string, readonly GivenValue[]> {
  const problems: string[] = [];
  const read = (rule: TriggerRule, source: GivenValue['source']): GivenValue[] => {
    const name = source === 'flag' ? rule.flag : rule.name;
    const text = source === 'flag' ? flags[name] : environment[name];
    if (text === undefined) return [];
    const value = parse(rule.kind, text);
    if (value === undefined) problems.push(`${name} ${RULES[rule.kind]}, got ${showGiven(text)}`);
    return value === undefined ? [] : [{ value, source }];
  };
  const given = ADVICE_TRIGGERS.map(
    (rule) => [rule.name, [...read(rule, 'flag'), ...read(rule, 'environment')]] as const,
  );
  if (problems.length > 0) {
    throw new RotctlError('USAGE', problems.join('; '), {
      hint: 'correct the named values, or leave them out: what is not given counts as unknown',
    });
  }
  return new Map(given);
}

function parse(kind: TriggerKind, text: string): TriggerValue | undefined {
  switch (kind) {
    case 'count': {
      const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
      return Number.isSafeInteger(value) ? value : undefined;
    }
    case 'share': {
      const value = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
      return value >= 0 && value <= 1 ? value : undefined;
    }
    case 'flag':
      return text === 'true' ? true : text === 'false' ? false : undefined;
  }
}
