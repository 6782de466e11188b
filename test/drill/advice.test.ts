import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { adviceFor, judgeTriggers } from '../../src/drill/advice/advice.ts';
import { countInLedger } from '../../src/drill/advice/counts.ts';
import { ADVICE_TRIGGERS, type TriggerValue } from '../../src/drill/advice/triggers.ts';
import type { GivenValue } from '../../src/drill/advice/values.ts';
import { begun, entriesOf, incident, NOW } from './advice-entries.ts';

const UNMET: Readonly<Record<string, TriggerValue>> = Object.fromEntries(
  ADVICE_TRIGGERS.map(({ name, kind }) => [name, kind === 'flag' ? false : 0]),
);
const NAMES = ADVICE_TRIGGERS.map(({ name }) => name);

function given(values: Readonly<Record<string, TriggerValue | undefined>>, source: GivenValue['source'] = 'flag') {
  return new Map(
    Object.entries(values).map(([name, value]) => [name, value === undefined ? [] : [{ value, source }]] as const),
  );
}

/** The first triggers met, the next ones unknown, the others known not to be met. */
function checkpointOf(met: number, unknown: number) {
  const values = ADVICE_TRIGGERS.map(({ name, threshold }, index) => {
    if (index < met) return [name, threshold] as const;
    return [name, index < met + unknown ? undefined : UNMET[name]] as const;
  });
  return judgeTriggers(given(Object.fromEntries(values)), undefined);
}

describe('a threshold', () => {
  test.each<[name: string, below: TriggerValue, at: TriggerValue, above: TriggerValue]>([
    ['AUTH_SERVICES', 7, 8, 9],
    ['AUTH_TEAMS', 2, 3, 4],
    ['HMAC_ROTATIONS_PER_QUARTER', 3, 4, 5],
    ['HMAC_INCIDENTS_90D', 0, 1, 2],
    ['EXTERNAL_VERIFIER_DEPENDENCIES', 0, 1, 2],
    ['ZERO_TRUST_TARGET', false, true, true],
    ['AUDITABILITY_SCORE', 0.79, 0.8, 0.81],
  ])('of %s is not met by %s, met by %s and by %s', (name, below, at, above) => {
    const metBy = (value: TriggerValue) => judgeTriggers(given({ ...UNMET, [name]: value }), undefined).met;
    expect([below, at, above].map(metBy)).toEqual([0, 1, 1]);
  });

  test('is the one that the page of seeds names, for each of the seven', () => {
    const page = readFileSync('spec/seed-coverage.md', 'utf8');
    const section = page.split('## Decision checkpoint')[1]?.split('\n## ')[0] ?? '';
    const lines = [...section.matchAll(/`([A-Z0-9_]+)(?: >= |=)(\d+(?:\.\d+)?|true)`/g)];
    expect(lines.map(([, name, threshold]) => [name, threshold === 'true' || Number(threshold)])).toEqual(
      ADVICE_TRIGGERS.map(({ name, threshold }) => [name, threshold]),
    );
  });
});

describe('the advice', () => {
  test.each([
    [0, 'stay'],
    [1, 'stay'],
    [2, 'prepare-now'],
    [3, 'migrate'],
    [4, 'migrate'],
    [7, 'migrate'],
  ])('with %i met is %s', (met, advice) => {
    expect(adviceFor(met)).toBe(advice);
    expect(checkpointOf(met, 0)).toMatchObject({ met, unknown: 0, least: advice, most: advice });
  });

  test('needs any three: each choice of three migrates, each of two prepares', () => {
    const choices = NAMES.flatMap((a, i) => NAMES.slice(i + 1).map((b) => [a, b]));
    for (const pair of choices) {
      const thresholds = (names: readonly string[]) =>
        Object.fromEntries(
          ADVICE_TRIGGERS.filter(({ name }) => names.includes(name)).map((r) => [r.name, r.threshold]),
        );
      expect(judgeTriggers(given({ ...UNMET, ...thresholds(pair) }), undefined).least).toBe('prepare-now');
      for (const third of NAMES.filter((name) => !pair.includes(name))) {
        expect(judgeTriggers(given({ ...UNMET, ...thresholds([...pair, third]) }), undefined).least).toBe('migrate');
      }
    }
  });

  test.each([
    { met: 0, unknown: 1, least: 'stay', most: 'stay' },
    { met: 0, unknown: 2, least: 'stay', most: 'prepare-now' },
    { met: 0, unknown: 3, least: 'stay', most: 'migrate' },
    { met: 1, unknown: 1, least: 'stay', most: 'prepare-now' },
    { met: 2, unknown: 1, least: 'prepare-now', most: 'migrate' },
    { met: 3, unknown: 4, least: 'migrate', most: 'migrate' },
    { met: 0, unknown: 7, least: 'stay', most: 'migrate' },
  ])('with $met met and $unknown unknown is from $least to $most', ({ met, unknown, least, most }) => {
    expect(checkpointOf(met, unknown)).toMatchObject({ met, unknown, least, most });
  });

  test('an unknown trigger is neither met nor not met', () => {
    const [first] = checkpointOf(0, 1).triggers;
    expect(first).toMatchObject({ met: undefined, used: undefined, setAside: [] });
  });
});

describe('what is nearest', () => {
  const nearest = (values: Readonly<Record<string, TriggerValue>>) =>
    judgeTriggers(given({ ...UNMET, ...values }), undefined).nearest.map(({ rule }) => rule.name);

  test('is the largest part of its own threshold, and of met ones none', () => {
    expect(nearest({ AUTH_SERVICES: 7, AUTH_TEAMS: 2 })).toEqual(['AUTH_SERVICES']);
    expect(nearest({ AUTH_SERVICES: 8, AUTH_TEAMS: 2, AUDITABILITY_SCORE: 0.5 })).toEqual(['AUTH_TEAMS']);
    expect(nearest({ AUTH_SERVICES: 4, HMAC_ROTATIONS_PER_QUARTER: 2 })).toEqual([
      'AUTH_SERVICES',
      'HMAC_ROTATIONS_PER_QUARTER',
    ]);
  });

  test('is nothing while all unmet triggers are at zero', () => {
    expect(nearest({})).toEqual([]);
  });
});

describe('what a ledger counts', () => {
  const counts = countInLedger(
    entriesOf(begun('a', 80), begun('b', 60), begun('c', 40), begun('d', 20), incident('d', 19)),
    NOW,
  );
  const judged = (values: Readonly<Record<string, TriggerValue>>, source: GivenValue['source']) => {
    const checkpoint = judgeTriggers(given(values, source), counts);
    const rotations = checkpoint.triggers.find(({ rule }) => rule.counted === 'rotations');
    return { ...checkpoint, rotations };
  };

  test('is not asked', () => {
    expect(judged({}, 'flag')).toMatchObject({
      met: 2,
      unknown: 5,
      rotations: { used: { value: 4, source: 'ledger' } },
    });
  });

  test.each(['environment', 'flag'] as const)('beats what the %s says, which is kept beside it', (source) => {
    const { rotations } = judged({ HMAC_ROTATIONS_PER_QUARTER: 1 }, source);
    expect(rotations).toMatchObject({ met: true, used: { value: 4 }, setAside: [{ value: 1, source }] });
  });

  test('is said to decide when what was given would lead elsewhere', () => {
    const rest = { ...UNMET, AUTH_SERVICES: 8 };
    expect(judged({ ...rest, HMAC_ROTATIONS_PER_QUARTER: 1, HMAC_INCIDENTS_90D: 1 }, 'flag')).toMatchObject({
      least: 'migrate',
      otherwise: 'prepare-now',
    });
    expect(judged({ ...rest, HMAC_ROTATIONS_PER_QUARTER: 9, HMAC_INCIDENTS_90D: 1 }, 'flag').otherwise).toBeUndefined();
  });
});
