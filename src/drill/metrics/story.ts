import type { Entry } from '../../ledger/entry.ts';
import type { Protocol } from '../../protocol/protocol.ts';
import { drillMark } from '../../runner/drill-mark.ts';
import { type PlantedFault, plantedFaults } from './faults.ts';
import { isDrillHeader, type RotationStory, rotationsIn } from './rotation.ts';
import { cellsIn, checksIn, type SeenCell, type SeenCheck } from './sighting.ts';
import { type Data, mapping, texts } from './values.ts';

/** What a scorecard is told beside the entries. None of it can turn a failure into a pass. */
export interface ScorecardOptions {
  /** UTC time of the last real pass of this runbook on this fleet, before these entries. By default as the ledger tells. */
  readonly lastPassAt?: string;
  /** What verifying the ledger's bytes came to: whether the chain is whole, and how many entries it has. */
  readonly ledger?: { readonly ok: boolean; readonly entries: number };
  /** What the make target demands; by default 100 % and 120 s. */
  readonly slo?: { readonly minPassPercent?: number; readonly maxTotalDurationS?: number };
}

/** The entries that are scored, read once for all metrics. */
export interface Story {
  /** Every entry that was given. */
  readonly ledger: readonly Entry[];
  /** The entries of the drill: from its header to before its verdict. */
  readonly entries: readonly Entry[];
  readonly drill: Entry | undefined;
  /** The verdict that was recorded for these entries, when there is one. */
  readonly verdict: Entry | undefined;
  readonly rotations: readonly RotationStory[];
  /** What the fleet speaks, as its rotations' headers say. */
  readonly protocol: Protocol;
  readonly faults: readonly PlantedFault[];
  readonly cells: readonly SeenCell[];
  readonly checks: readonly SeenCheck[];
  readonly options: ScorecardOptions;
}

/**
 * Reads a ledger. The newest drill is what is scored, whatever came before it or after its verdict; in a ledger without
 * a drill, all entries are. A recorded scorecard is no part of what it was computed from, so that computing it again
 * after it was recorded gives the same.
 */
export function readStory(ledger: readonly Entry[], options: ScorecardOptions): Story {
  const drill = ledger.filter(isDrillHeader).at(-1);
  const since = ledger.filter((entry) => entry.seq >= (drill?.seq ?? 0));
  const verdict = since.find((entry) => closes(entry, drill));
  const end = Math.min(verdict?.seq ?? Infinity, strangerSeq(since, drill));
  const entries = since.filter((entry) => entry.kind !== 'lock' && entry.seq < end);
  const rotations = rotationsIn(entries);
  return {
    ledger,
    entries,
    drill,
    verdict,
    rotations,
    protocol: rotations.some(({ header }) => header.data.protocol === 'gate-v1') ? 'gate-v1' : 'keyring-v1',
    faults: plantedFaults(entries),
    cells: cellsIn(entries),
    checks: checksIn(entries),
    options,
  };
}

/**
 * Where a rotation begins that is not the drill's own: on an operator's fleet a drill that was killed has no verdict, and
 * what came after its rotation is no part of it. Without such a one, infinity.
 */
function strangerSeq(entries: readonly Entry[], drill: Entry | undefined): number {
  if (drill?.data.scenario !== 'rehearsal') return Infinity;
  const stranger = entries.find(
    (entry) => entry.kind === 'header' && !isDrillHeader(entry) && drillMark(entry)?.id !== drill.rotation,
  );
  return stranger?.seq ?? Infinity;
}

function closes(entry: Entry, drill: Entry | undefined): boolean {
  if (entry.kind !== 'verdict') return false;
  if (drill === undefined) return entry.data.scorecard !== undefined;
  return entry.rotation === drill.rotation && (entry.data.command === 'drill' || entry.data.scorecard !== undefined);
}

/** Which metrics the drill's plan leaves out, with its reasons: `notApplicable: {id: reason}` in the drill's header. */
export function declaredAway(story: Story): Data {
  return mapping(story.drill?.data.notApplicable);
}

/** What a drill does not try, because it ends before it could: `leavesOut: [name]` in its header. */
export function leftOut(story: Story): string[] {
  return texts(story.drill?.data.leavesOut);
}
