import type { Entry } from '../../ledger/entry.ts';
import { isDrillHeader, timeOf } from '../metrics/rotation.ts';
import { text } from '../metrics/values.ts';

const DAY_MS = 86_400_000;

/** How far back the two counts look, in days: a quarter has at most 92 of them. */
const WINDOWS = { rotations: 92, incidents: 90 } as const;

/** What a ledger counts for one trigger. */
export interface LedgerCount {
  readonly value: number;
  /** How many days the window is long. */
  readonly days: number;
  /** Start of the window, Unix milliseconds; what happened in that very moment is in it. */
  readonly since: number;
  /** Sequence numbers of the entries that were counted. */
  readonly entries: readonly number[];
  /** How many were left out because a drill brought them about. */
  readonly rehearsed: number;
}

/** What a ledger counts, and how far it can be relied on. */
export interface LedgerCounts {
  readonly rotations: LedgerCount;
  readonly incidents: LedgerCount;
  /** Unix milliseconds of the first entry: nothing before it was recorded. */
  readonly begins: number;
  /** Whether entries are stamped later than now: the clock here or the one that stamped them is wrong. */
  readonly isAhead: boolean;
}

/** Something that happened, by the entry that tells of it first. */
interface Happening {
  readonly seq: number;
  /** Unix milliseconds. */
  readonly at: number;
  readonly rehearsed: boolean;
}

/**
 * Counts the rotations and the incidents of a ledger that verifies, by the entries' own stamps.
 *
 * A **rotation** is counted when its header (which names material; a drill's own does not) is stamped within the last 92
 * days, whatever became of it. An **incident** is what the ledger calls one: an entry of kind `incident`. Its opening and
 * its closing entry (same run, same `began`) are one incident, counted when the last of them is stamped within the last
 * 90 days. A rotation that failed, was held or was rolled back is no incident: nobody was locked out by it, or else there
 * is an entry that says so. An entry that states a severity other than `auth` is none either. What a drill did by itself,
 * or an outage that was brought about on purpose (`planned`), is a rehearsal. Entries stamped later than now are counted.
 *
 * @param now Unix milliseconds
 * @returns `undefined` for a ledger without entries: it has recorded nothing, not even that nothing happened
 */
export function countInLedger(entries: readonly Entry[], now: number): LedgerCounts | undefined {
  const [first] = entries;
  if (first === undefined) return undefined;
  const drills = drillSpans(entries);
  return {
    rotations: within(rotationsBegun(entries, drills), WINDOWS.rotations, now),
    incidents: within(incidents(entries, drills), WINDOWS.incidents, now),
    begins: timeOf(first),
    isAhead: entries.some((entry) => timeOf(entry) > now),
  };
}

function within(happenings: readonly Happening[], days: number, now: number): LedgerCount {
  const since = now - days * DAY_MS;
  const recent = happenings.filter(({ at }) => at >= since);
  const counted = recent.filter(({ rehearsed }) => !rehearsed);
  return {
    value: counted.length,
    days,
    since,
    entries: counted.map(({ seq }) => seq),
    rehearsed: recent.length - counted.length,
  };
}

/** From a drill's header to the last entry of its own: what was begun between the two, the drill began. */
interface DrillSpan {
  readonly id: string;
  readonly from: number;
  readonly to: number;
}

function drillSpans(entries: readonly Entry[]): DrillSpan[] {
  return entries.filter(isDrillHeader).map(({ rotation, seq }) => ({
    id: rotation,
    from: seq,
    to: entries.findLast((entry) => entry.rotation === rotation)?.seq ?? seq,
  }));
}

function rotationsBegun(entries: readonly Entry[], drills: readonly DrillSpan[]): Happening[] {
  return entries
    .filter((entry) => entry.kind === 'header' && 'material' in entry.data)
    .map((entry) => ({
      seq: entry.seq,
      at: timeOf(entry),
      rehearsed: drills.some(({ from, to }) => entry.seq > from && entry.seq < to),
    }));
}

function incidents(entries: readonly Entry[], drills: readonly DrillSpan[]): Happening[] {
  const found = new Map<string, Happening>();
  const practised = new Set(drills.map(({ id }) => id));
  for (const { kind, data, seq, rotation } of entries)
    if (kind === 'header' && 'material' in data && drills.some(({ from, to }) => seq > from && seq < to))
      practised.add(rotation);
  for (const entry of entries) {
    if (entry.kind !== 'incident' || (entry.data.severity ?? 'auth') !== 'auth') continue;
    const began = text(entry.data.began);
    const key = began === '' ? `entry ${entry.seq}` : `${entry.rotation} ${began}`;
    const before = found.get(key);
    found.set(key, {
      seq: before?.seq ?? entry.seq,
      at: Math.max(before?.at ?? timeOf(entry), timeOf(entry)),
      rehearsed: entry.data.planned === true || practised.has(entry.rotation),
    });
  }
  return [...found.values()];
}
