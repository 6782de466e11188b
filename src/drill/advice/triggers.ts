/** What a trigger's value is: a whole number, a share from 0 to 1, or a yes-or-no. */
export type TriggerKind = 'count' | 'share' | 'flag';

/** A value of a trigger: a number, or for a yes-or-no whether it is so. */
export type TriggerValue = number | boolean;

/** One of the seven triggers of the decision checkpoint: met when its value has reached its threshold. */
export interface TriggerRule {
  /** The variable that it is read from; also its name in every output. */
  readonly name: string;
  /** The flag that it is read from. */
  readonly flag: string;
  readonly kind: TriggerKind;
  /** The least value that meets it; of a yes-or-no, `true`. */
  readonly threshold: TriggerValue;
  /** What a ledger counts for it, where it does. */
  readonly counted?: 'rotations' | 'incidents';
}

/** The triggers, in the checkpoint's order. */
export const ADVICE_TRIGGERS: readonly TriggerRule[] = [
  { name: 'AUTH_SERVICES', flag: '--services', kind: 'count', threshold: 8 },
  { name: 'AUTH_TEAMS', flag: '--teams', kind: 'count', threshold: 3 },
  { name: 'HMAC_ROTATIONS_PER_QUARTER', flag: '--rotations', kind: 'count', threshold: 4, counted: 'rotations' },
  { name: 'HMAC_INCIDENTS_90D', flag: '--incidents', kind: 'count', threshold: 1, counted: 'incidents' },
  { name: 'EXTERNAL_VERIFIER_DEPENDENCIES', flag: '--external-verifiers', kind: 'count', threshold: 1 },
  { name: 'ZERO_TRUST_TARGET', flag: '--zero-trust', kind: 'flag', threshold: true },
  { name: 'AUDITABILITY_SCORE', flag: '--auditability', kind: 'share', threshold: 0.8 },
];

/** How many met triggers call for a migration, and for the controls that prepare one. */
export const ADVICE_LIMITS = { migrate: 3, prepare: 2 } as const;

/** Whether a value has reached its trigger's threshold. */
export function isMet({ threshold }: TriggerRule, value: TriggerValue): boolean {
  return typeof threshold === 'number' ? Number(value) >= threshold : value === threshold;
}
