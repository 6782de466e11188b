import type { Entry } from '../ledger/entry.ts';

/** Stands in the header of a rotation that was begun to rehearse one, on a fleet of an operator's own. */
export interface DrillMark {
  /** The drill's id, under which its own entries are. */
  readonly id: string;
  /** Whether the rotation is to go on to its end; otherwise it is to be taken back. */
  readonly complete: boolean;
}

/** The drill that a rotation with this header was begun for, or `undefined`. */
export function drillMark({ data }: Pick<Entry, 'data'>): DrillMark | undefined {
  const { drill } = data;
  if (drill === null || typeof drill !== 'object' || !('id' in drill) || typeof drill.id !== 'string') return undefined;
  return { id: drill.id, complete: drill.complete === true };
}

/** The drill that a rotation was begun for, as its ledger says. */
export function drillOf(entries: readonly Entry[], rotation: string | undefined): DrillMark | undefined {
  const header = entries.find((entry) => entry.kind === 'header' && entry.rotation === rotation);
  return header === undefined ? undefined : drillMark(header);
}
