import type { Phase } from '../../machine/phase.ts';
import { firstFailing } from './detection.ts';
import { judged, type Measure } from './metric.ts';
import { firstIntent, type Move, proofsIn, type RotationStory, timeOf } from './rotation.ts';
import { cellsIn } from './sighting.ts';
import type { Story } from './story.ts';

/** One rotation's span, and what it must keep to. */
interface Span {
  readonly rotation: RotationStory;
  readonly ms: number;
  readonly entries: readonly number[];
}

/** 1. First intent of the opening → the proof by which the last replica was seen to accept both; without time in which a planted fault was in the way. */
export function timeToOverlap(story: Story): Measure {
  const spans: Span[] = [];
  const failures: string[] = [];
  const doubts: string[] = [];
  for (const rotation of story.rotations) {
    const entered = firstMove(rotation, 'overlap');
    const intent = firstIntent(rotation, 'opening');
    if (entered === undefined || intent === undefined) continue;
    const proofs = proofsIn(rotation, 'accepts', 'opening', undefined, {
      after: intent.seq,
      before: entered.entry.seq,
    });
    const last = proofs.at(-1);
    const missing = unproven(rotation, proofs);
    if (last === undefined || missing.length > 0) {
      doubts.push(`${rotation.id}: no replica was shown to accept both before the overlap: ${missing.join(', ')}`);
      continue;
    }
    const ms = faultless(story, timeOf(intent), timeOf(last));
    spans.push({ rotation, ms, entries: [intent.seq, ...proofs.map((proof) => proof.seq)] });
    const limit = rotation.overlapLimitMs;
    if (limit === undefined) doubts.push(`${rotation.id}: its header declares no limit for the time to overlap`);
    else if (ms > limit) failures.push(`${rotation.id} took ${ms} ms, more than ${limit} ms`);
  }
  return ofSpans(
    spans,
    atMost(spans, (rotation) => rotation.overlapLimitMs),
    Math.max,
    failures,
    doubts,
  );
}

/** Which replicas lack a passing cell of either generation in those proofs. */
function unproven(rotation: RotationStory, proofs: RotationStory['entries']): string[] {
  const cells = cellsIn(proofs).filter((cell) => cell.verdict === 'pass');
  return rotation.replicas.filter((replica) =>
    ['current', 'next'].some((generation) =>
      cells.every((cell) => cell.replica !== replica || cell.generation !== generation),
    ),
  );
}

/** 2. Overlap proven → the proof by which the last client was seen to sign with `next`; without time in which a planted fault was in the way. */
export function timeToSwitch(story: Story): Measure {
  const spans: Span[] = [];
  for (const rotation of story.rotations) {
    const overlap = firstMove(rotation, 'overlap');
    const switched = rotation.moves.find(({ from, to }) => from === 'moving' && to === 'switched');
    if (overlap === undefined || switched === undefined) continue;
    const between = { after: overlap.entry.seq, before: switched.entry.seq };
    // Of certificates: the last party that was seen to show its next one.
    const proofs = ['signs', 'presents'].flatMap((proof) => proofsIn(rotation, proof, 'moving', 'next', between));
    const last = proofs.filter((proof) => proof.data.verdict === 'pass').at(-1);
    if (last === undefined) continue;
    const ms = faultless(story, overlap.at, timeOf(last));
    spans.push({ rotation, ms, entries: [overlap.entry.seq, last.seq] });
  }
  return ofSpans(spans, '', Math.max, [], []);
}

/** 3. Overlap proven (last, when it was opened again) → start of the retirement, against the declared minimum. */
export function overlapLength(story: Story): Measure {
  const spans: Span[] = [];
  const failures: string[] = [];
  const doubts: string[] = [];
  const details: string[] = [];
  for (const rotation of story.rotations) {
    for (const retire of rotation.moves.filter((move) => move.trigger === 'retire')) {
      const proven = rotation.moves.filter((move) => opensOverlap(move) && move.entry.seq < retire.entry.seq).at(-1);
      if (proven === undefined) {
        doubts.push(`${rotation.id} was retired without a proven overlap in this ledger`);
        continue;
      }
      const ms = retire.at - proven.at;
      if (rotation.compromised) {
        details.push(`${rotation.id}: ${ms} ms, not counted: it answers a compromise`);
        continue;
      }
      spans.push({ rotation, ms, entries: [proven.entry.seq, retire.entry.seq] });
      const minimum = rotation.minOverlapMs;
      if (minimum === undefined) doubts.push(`${rotation.id}: its header declares no minimum overlap`);
      else if (ms < minimum) failures.push(`${rotation.id} overlapped for ${ms} ms, less than ${minimum} ms`);
    }
  }
  const minima = spans.flatMap(({ rotation }) => rotation.minOverlapMs ?? []);
  const target = minima.length === 0 ? '' : `>= ${Math.max(...minima)} ms`;
  return ofSpans(spans, target, Math.min, failures, doubts, details);
}

function opensOverlap(move: Move): boolean {
  return move.to === 'overlap' || (move.from === 'widening' && move.to === 'switched');
}

function firstMove(rotation: RotationStory, to: Phase): Move | undefined {
  return rotation.moves.find((move) => move.to === to);
}

function atMost(spans: readonly Span[], limit: (rotation: RotationStory) => number | undefined): string {
  const limits = spans.flatMap(({ rotation }) => limit(rotation) ?? []);
  return limits.length === 0 ? '' : `<= ${Math.min(...limits)} ms`;
}

function ofSpans(
  spans: readonly Span[],
  target: string,
  pick: (...values: number[]) => number,
  failures: readonly string[],
  doubts: readonly string[],
  details: readonly string[] = [],
): Measure {
  return judged({
    value: spans.length === 0 ? 0 : pick(...spans.map(({ ms }) => ms)),
    unit: 'ms',
    target,
    samples: spans.length,
    failures,
    doubts,
    details: [...spans.map(({ rotation, ms }) => `${rotation.id}: ${ms} ms`), ...details],
    entries: spans.flatMap(({ entries }) => entries),
  });
}

/**
 * The milliseconds between two times without those from a planted fault's first sign to its lifting: a drill's own
 * sabotage is not the fleet's slowness.
 */
function faultless(story: Story, from: number, to: number): number {
  const ends = story.faults.map((fault) => ({
    start: Math.max(from, timeOf(firstFailing(story, fault) ?? fault.planted)),
    end: Math.min(to, timeOf(fault.lifted ?? fault.found ?? fault.planted)),
  }));
  let left = to - from;
  let covered = from;
  for (const { start, end } of ends.sort((a, b) => a.start - b.start)) {
    const fresh = Math.max(start, covered);
    if (end > fresh) left -= end - fresh;
    covered = Math.max(covered, end);
  }
  return left;
}
