import type { Phase } from '../../../src/machine/phase.ts';

/** What was driven and compared. */
export interface Tally {
  walks: number;
  events: number;
  cells: number;
  proofs: number;
  nonces: number;
  readonly ms: number;
  /** Every phase that a walk came into. */
  readonly entered: Set<Phase>;
  /** Events by phase, and by kind. */
  readonly phases: Map<Phase, number>;
  readonly kinds: Map<string, number>;
}

/** What was driven, in some lines. */
export function sayTally({ walks, events, cells, proofs, nonces, ms, phases, kinds }: Tally): string {
  const list = (counts: ReadonlyMap<string, number>) =>
    Array.from(counts, ([what, count]) => `${what} ${count}`).join(', ');
  const rate = ((events * 1000) / ms).toFixed(1);
  return [
    `${events} events in ${walks} walks, ${(ms / 1000).toFixed(1)} s, ${rate} a second; ${cells} cells, ${proofs} proofs, ${nonces} nonces`,
    `by phase: ${list(phases)}`,
    `by kind: ${list(kinds)}`,
  ].join('\n');
}
