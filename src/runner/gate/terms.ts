import type { GateSettings } from '../../deploy/gate.ts';
import type { Entry, LedgerValue } from '../../ledger/entry.ts';
import type { Beginning, RotatingGeneration } from '../../machine/step.ts';

/** What a party's variables said before a rotation; `null`: not set. Nothing in it is secret. */
export interface GateBefore {
  /** Whether the variable of the previous secret stood there, with nothing in it. */
  readonly prevIsEmpty: boolean;
  readonly keyId: string | null;
  readonly keyIdPrev: string | null;
  readonly strict: string | null;
  readonly revoked: string | null;
  readonly dual: string | null;
}

/** By which terms a rotation of a gate's secret goes: decided once, kept in the ledger's header, the same on resume. */
export interface GateTerms {
  /** Each generation's own key id. */
  readonly keyIds: Readonly<Record<RotatingGeneration, string>>;
  readonly beginning: Beginning;
  /** Key ids that signing services put to `current` before. */
  readonly labels: readonly string[];
  /** By the party's name: what a rollback puts back. */
  readonly before: Readonly<Record<string, GateBefore>>;
}

/** The key ids that a configuration revokes. */
export function revokedIn({ revoked }: Pick<GateSettings, 'revoked'>): string[] {
  return (revoked ?? '')
    .split(',')
    .map((id) => id.trim())
    .filter((id) => id !== '');
}

/** Under which key ids each generation is seen in traffic: its own first, then those of before. */
export function namesIn({ keyIds, labels }: GateTerms): Readonly<Record<RotatingGeneration, readonly string[]>> {
  return { current: [...new Set([keyIds.current, ...labels])], next: [keyIds.next] };
}

/** The terms as the header keeps them. */
export function termsRecord({ keyIds, beginning, labels, before }: GateTerms): LedgerValue {
  return {
    keyIds: { ...keyIds },
    beginning: { ...beginning },
    labels: [...labels],
    before: Object.fromEntries(Object.entries(before).map(([name, values]) => [name, { ...values }])),
  };
}

/** The terms of a rotation from its header; `undefined` for a fleet without key ids. */
export function termsIn({ data }: Pick<Entry, 'data'>): GateTerms | undefined {
  const { gate } = data;
  if (gate === undefined || gate === null || typeof gate !== 'object' || Array.isArray(gate)) return undefined;
  // Written by `termsRecord`, and covered by the ledger's chain.
  return gate as unknown as GateTerms;
}
