import type { LedgerCount, LedgerCounts } from './counts.ts';
import { ADVICE_LIMITS, ADVICE_TRIGGERS, isMet, type TriggerRule, type TriggerValue } from './triggers.ts';
import type { GivenValue } from './values.ts';

/** What is advised: to keep HMAC, to keep it with the controls that prepare a migration, or to migrate next. */
export type Advice = 'stay' | 'prepare-now' | 'migrate';

/** Where a value comes from. */
export type ValueSource = GivenValue['source'] | 'ledger';

/** A value with its source. */
export interface SourcedValue {
  readonly value: TriggerValue;
  readonly source: ValueSource;
}

/** One trigger, judged. A value that nobody gave and nothing counted is unknown: neither met nor not met. */
export interface JudgedTrigger {
  readonly rule: TriggerRule;
  readonly used: SourcedValue | undefined;
  /** What was given too, and is beaten by the value that is used. */
  readonly setAside: readonly SourcedValue[];
  readonly counted: LedgerCount | undefined;
  readonly met: boolean | undefined;
}

/** The answer of the decision checkpoint. */
export interface Checkpoint {
  readonly triggers: readonly JudgedTrigger[];
  readonly met: number;
  readonly unknown: number;
  /** The advice when no unknown value meets its threshold, and when all do; the advice stands when they are the same. */
  readonly least: Advice;
  readonly most: Advice;
  /** The unmet triggers that have come furthest towards their thresholds, none of them at zero. */
  readonly nearest: readonly JudgedTrigger[];
  /** What more met triggers would lead to; nothing beyond `migrate`. */
  readonly further: readonly { readonly advice: Advice; readonly more: number }[];
  /** What `least` would be if what was given stood in place of what was counted; only where that differs. */
  readonly otherwise: Advice | undefined;
}

/** Judges the seven triggers. What a ledger counts beats what was given, and a flag beats the environment. */
export function judgeTriggers(
  given: ReadonlyMap<string, readonly GivenValue[]>,
  counts: LedgerCounts | undefined,
): Checkpoint {
  const triggers = judgeAll(given, counts);
  const met = triggers.filter((trigger) => trigger.met).length;
  const unknown = triggers.filter((trigger) => trigger.met === undefined).length;
  const least = adviceFor(met);
  const asGiven = judgeAll(given, counts, 'given first').filter((trigger) => trigger.met).length;
  return {
    triggers,
    met,
    unknown,
    least,
    most: adviceFor(met + unknown),
    nearest: nearestOf(triggers),
    further: furtherOf(met),
    otherwise: adviceFor(asGiven) === least ? undefined : adviceFor(asGiven),
  };
}

/** The advice when this many triggers are met. */
export function adviceFor(met: number): Advice {
  if (met >= ADVICE_LIMITS.migrate) return 'migrate';
  return met >= ADVICE_LIMITS.prepare ? 'prepare-now' : 'stay';
}

function judgeAll(
  given: ReadonlyMap<string, readonly GivenValue[]>,
  counts: LedgerCounts | undefined,
  order: 'counted first' | 'given first' = 'counted first',
): JudgedTrigger[] {
  return ADVICE_TRIGGERS.map((rule) => {
    const counted = rule.counted === undefined ? undefined : counts?.[rule.counted];
    const own = counted === undefined ? [] : [{ value: counted.value, source: 'ledger' as const }];
    const asked = given.get(rule.name) ?? [];
    const [used, ...setAside] = order === 'counted first' ? [...own, ...asked] : [...asked, ...own];
    return { rule, used, setAside, counted, met: used === undefined ? undefined : isMet(rule, used.value) };
  });
}

function furtherOf(met: number): Checkpoint['further'] {
  const { prepare, migrate } = ADVICE_LIMITS;
  return [
    { advice: 'prepare-now' as const, more: prepare - met },
    { advice: 'migrate' as const, more: migrate - met },
  ].filter(({ more }) => more > 0);
}

function nearestOf(triggers: readonly JudgedTrigger[]): JudgedTrigger[] {
  const unmet = triggers.filter((trigger) => trigger.met === false);
  const furthest = Math.max(0, ...unmet.map(progress));
  return unmet.filter((trigger) => furthest > 0 && progress(trigger) === furthest);
}

/** How much of its threshold a trigger's value has reached. */
function progress({ rule, used }: JudgedTrigger): number {
  return Number(used?.value ?? 0) / Number(rule.threshold);
}
