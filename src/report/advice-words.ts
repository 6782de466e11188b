import type { Advice, Checkpoint, JudgedTrigger, SourcedValue } from '../drill/advice/advice.ts';
import type { TriggerRule } from '../drill/advice/triggers.ts';

/** An advice in words. */
export function sayAdvice(advice: Advice): string {
  return { stay: 'stay', 'prepare-now': 'prepare now', migrate: 'migrate' }[advice];
}

/** The advice and what it rests on, in one line: `migrate in the next phase: 3 of 7 triggers are met, 1 unknown`. */
export function sayCheckpoint({ triggers, met, unknown, least, most }: Checkpoint): string {
  const numbers = `${met} of ${triggers.length} triggers ${met === 1 ? 'is' : 'are'} met, ${unknown} unknown`;
  if (least !== most) {
    return `between ${sayAdvice(least)} and ${sayAdvice(most)}: ${numbers}, which could change the advice`;
  }
  const where = { stay: 'stay on HMAC', 'prepare-now': 'prepare now, on HMAC', migrate: 'migrate in the next phase' };
  return `${where[least]}: ${numbers}${unknown === 0 ? '' : ', which cannot change the advice'}`;
}

/** Where a value comes from, by its name: `--services`, `AUTH_SERVICES in the environment`, `the ledger`. */
export function saySource({ flag, name }: TriggerRule, source: SourcedValue['source']): string {
  return { flag, environment: `${name} in the environment`, ledger: 'the ledger' }[source];
}

/** What is short of a threshold: `AUTH_SERVICES has 7 of 8`. */
export function sayProgress({ rule, used }: JudgedTrigger): string {
  return `${rule.name} has ${String(used?.value)} of ${String(rule.threshold)}`;
}
