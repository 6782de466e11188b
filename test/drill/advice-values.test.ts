import { describe, expect, test } from 'vitest';
import { ADVICE_TRIGGERS, type TriggerKind, type TriggerValue } from '../../src/drill/advice/triggers.ts';
import { readGiven } from '../../src/drill/advice/values.ts';
import { RotctlError } from '../../src/errors/rotctl-error.ts';

const SAMPLES = { count: '3', share: '0.5', flag: 'true' } as const;
const BAD = {
  count: ['eight', '3.5', '-1', 'NaN', 'Infinity', '', ' ', ' 8', '8 ', '+8', '1e1', '0x8', '8,', '9007199254740992'],
  share: ['1.2', '1.0000001', '-0.1', 'NaN', '', '80%', '0,8', '.8', '8e-1', 'high'],
  flag: ['yes', 'no', '1', '0', 'TRUE', 'True', '', 'true '],
} as const;
const GOOD: Readonly<Record<TriggerKind, readonly (readonly [text: string, value: TriggerValue])[]>> = {
  count: [
    ['0', 0],
    ['8', 8],
    ['007', 7],
    ['9007199254740991', 9007199254740991],
  ],
  share: [
    ['0', 0],
    ['1', 1],
    ['0.80', 0.8],
    ['0.7999999999999999', 0.7999999999999999],
  ],
  flag: [
    ['true', true],
    ['false', false],
  ],
};

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof RotctlError && error.code === 'USAGE') return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe.each(ADVICE_TRIGGERS)('$name', ({ name, flag, kind }) => {
  test.each(GOOD[kind])('takes %s', (text, value) => {
    expect(readGiven({ environment: { [name]: text }, flags: {} }).get(name)).toEqual([
      { value, source: 'environment' },
    ]);
    expect(readGiven({ environment: {}, flags: { [flag]: text } }).get(name)).toEqual([{ value, source: 'flag' }]);
  });

  test.each(BAD[kind].map((text) => [text]))('refuses %j, and names the variable or the flag', (text) => {
    const variable = messageOf(() => readGiven({ environment: { [name]: text }, flags: {} }));
    expect(variable).toMatch(new RegExp(`^${name} must be `));
    const typed = messageOf(() => readGiven({ environment: {}, flags: { [flag]: text } }));
    expect(typed).toMatch(new RegExp(`^${flag} must be `));
  });

  test('refuses a bad value in the environment that a flag would beat', () => {
    const flags = { [flag]: SAMPLES[kind] };
    expect(messageOf(() => readGiven({ environment: { [name]: 'x' }, flags }))).toContain(name);
  });

  test('keeps the flag before the environment', () => {
    const given = readGiven({ environment: { [name]: SAMPLES[kind] }, flags: { [flag]: SAMPLES[kind] } });
    expect(given.get(name)?.map(({ source }) => source)).toEqual(['flag', 'environment']);
  });
});

test('what is not given is not there', () => {
  expect([...readGiven({ environment: {}, flags: {} }).values()].flat()).toEqual([]);
});

test('all mistakes are named at once', () => {
  const message = messageOf(() => readGiven({ environment: { AUTH_TEAMS: 'two' }, flags: { '--services': '' } }));
  expect(message).toBe(
    '--services must be a whole number of 0 or more, got an empty text; AUTH_TEAMS must be a whole number of 0 or more, got "two"',
  );
});

test.each([
  ['a base64 secret', 'q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA='],
  ['hex', 'deadbeefcafe0123'],
  ['a password', 'hunter2hunter2'],
  ['a short password', 'p4ssw0rd'],
  ['one with signs', 'tr0ub4d&r!'],
  ['words', 'correct-horse-battery'],
  ['a private key', '-----BEGIN PRIVATE KEY-----'],
  ['control characters', '\u001b[31m8'],
])('%s in the wrong place is not shown', (_, text) => {
  const message = messageOf(() => readGiven({ environment: { AUTH_SERVICES: text }, flags: {} }));
  expect(message).not.toContain(text);
  expect(message).toBe(
    `AUTH_SERVICES must be a whole number of 0 or more, got a text of ${text.length} characters, not shown`,
  );
});
