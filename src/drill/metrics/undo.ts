import type { Entry } from '../../ledger/entry.ts';
import { excuse } from './faults.ts';
import { judged, type Measure } from './metric.ts';
import { type Move, proofsIn, type RotationStory } from './rotation.ts';
import { isAccepted, isMeasured } from './sighting.ts';
import type { Story } from './story.ts';
import { canonical, mapping, unique } from './values.ts';

/** A rollback that was begun, and the move by which it was proven to be over. */
interface Undo {
  readonly rotation: RotationStory;
  readonly begun: Move;
  readonly ended: Move | undefined;
}

/** 11. Start of a rollback → the old state proven on every replica; the longest. One that did not end is a failure. */
export function timeToUndo(story: Story): Measure {
  const undos = undosIn(story);
  const done = undos.flatMap(({ rotation, begun, ended }) =>
    ended === undefined ? [] : [{ rotation, begun, ended, ms: ended.at - begun.at }],
  );
  const limits = done.flatMap(({ rotation }) => rotation.undoLimitMs ?? []);
  return judged({
    value: Math.max(0, ...done.map(({ ms }) => ms)),
    unit: 'ms',
    target: limits.length === 0 ? '' : `<= ${Math.min(...limits)} ms`,
    samples: done.length,
    failures: [
      ...undos
        .filter(({ ended }) => ended === undefined)
        .map(({ rotation, begun }) => `${rotation.id}: the rollback begun in entry ${begun.entry.seq} has not ended`),
      ...done
        .filter(({ rotation, ms }) => ms > (rotation.undoLimitMs ?? Infinity))
        .map(({ rotation, ms }) => `${rotation.id} took ${ms} ms, more than ${rotation.undoLimitMs} ms`),
    ],
    doubts: done.flatMap((undo) => doubtsOf(story, undo)),
    details: done.map(({ rotation, ms, begun }) => `${rotation.id}, from ${begun.from}: ${ms} ms`),
    entries: undos.flatMap(({ begun, ended }) => [begun.entry.seq, ...(ended === undefined ? [] : [ended.entry.seq])]),
  });
}

function undosIn(story: Story): Undo[] {
  return story.rotations.flatMap((rotation) =>
    rotation.moves
      .filter(({ trigger }) => trigger === 'rollback' || trigger === 'reinstate')
      .map((begun) => ({
        rotation,
        begun,
        ended: rotation.moves.find((move) => move.entry.seq > begun.entry.seq && isBack(move)),
      })),
  );
}

function isBack({ from, to }: Move): boolean {
  return to === 'rolled-back' || (from === 'widening' && to === 'switched');
}

/** What keeps an ended rollback from counting as verified on every replica. */
function doubtsOf(story: Story, { rotation, begun, ended }: Undo & { readonly ended: Move }): string[] {
  const limit =
    rotation.undoLimitMs === undefined ? [`${rotation.id}: its header declares no limit for the time to undo`] : [];
  if (ended.to !== 'rolled-back') return limit;
  const cells = story.cells.filter(
    ({ entry }) =>
      entry.rotation === rotation.id &&
      entry.phase === 'closing' &&
      entry.seq > begun.entry.seq &&
      entry.seq < ended.entry.seq,
  );
  const proven = (replica: string, generation: string) =>
    cells.findLast((cell) => cell.replica === replica && cell.generation === generation)?.verdict === 'pass';
  const missing = rotation.replicas.filter((replica) => !proven(replica, 'current') || !proven(replica, 'next'));
  return missing.length === 0
    ? limit
    : [...limit, `${rotation.id}: the old state was not proven on ${missing.join(', ')}`];
}

/**
 * 12. Whether each replica's secrets and settings after a rollback equal those before its rotation, and nonces burned before are still
 * refused. Secrets are compared by fingerprint, as sets.
 */
export function rollbackFidelity(story: Story): Measure {
  const failures: string[] = [];
  const doubts: string[] = [];
  const entries: number[] = [];
  let equal = 0;
  let replicas = 0;
  for (const { rotation, begun, ended } of undosIn(story)) {
    if (ended === undefined || ended.to !== 'rolled-back') continue;
    const before = story.entries.findLast(
      (entry) => isState(entry, 'before') && entry.seq < openingSeq(rotation, begun),
    );
    const after = story.entries.find((entry) => isState(entry, 'after') && entry.seq > begun.entry.seq);
    doubts.push(...namespaceDoubts(rotation, begun));
    failures.push(...namespaceFailures(story, rotation, begun));
    if (before === undefined || after === undefined) {
      doubts.push(`${rotation.id}: its configuration was not recorded ${before === undefined ? 'before' : 'after'}`);
      continue;
    }
    entries.push(before.seq, after.seq);
    const differing = difference(before, after, rotation.replicas);
    replicas += rotation.replicas.length;
    equal += rotation.replicas.filter((replica) => !differing.includes(replica)).length;
    if (differing.length > 0)
      failures.push(
        `${rotation.id}: not as before on ${differing.join(', ')} (entries ${before.seq} and ${after.seq})`,
      );
  }
  return judged({
    value: equal,
    unit: 'replicas',
    target: `equal on ${replicas}/${replicas}`,
    samples: replicas,
    failures,
    doubts,
    entries,
  });
}

function isState({ kind, data }: Entry, when: 'before' | 'after'): boolean {
  return kind === 'evidence' && data.when === when && Object.keys(mapping(data.state)).length > 0;
}

/** Where a rotation began to change things: its first intent; a state recorded before that is the one to come back to. */
function openingSeq(rotation: RotationStory, begun: Move): number {
  return rotation.entries.find(({ kind }) => kind === 'intent')?.seq ?? begun.entry.seq;
}

function difference(before: Entry, after: Entry, replicas: readonly string[]): string[] {
  const [was, is] = [mapping(before.data.state), mapping(after.data.state)];
  return unique([...replicas, ...Object.keys(was), ...Object.keys(is)]).filter(
    (replica) =>
      was[replica] === undefined || is[replica] === undefined || canonical(was[replica]) !== canonical(is[replica]),
  );
}

function namespaceDoubts(rotation: RotationStory, begun: Move): string[] {
  const proofs = proofsIn(rotation, 'namespace', 'closing', undefined, { after: begun.entry.seq });
  return proofs.some(({ data }) => data.verdict === 'pass')
    ? []
    : [`${rotation.id}: the nonces' namespace was not proven to be unchanged`];
}

function namespaceFailures(story: Story, rotation: RotationStory, begun: Move): string[] {
  return [
    ...story.cells.filter(({ proof }) => proof === 'namespace'),
    ...story.checks.filter(({ entry, accepted }) => entry.data.proof === 'namespace' && accepted === ''),
  ]
    .filter(({ entry }) => entry.rotation === rotation.id && entry.phase === 'closing' && entry.seq > begun.entry.seq)
    .filter((sighting) => isMeasured(sighting) && sighting.verdict === 'fail' && isAccepted(sighting))
    .filter(({ entry }) => excuse(story.faults, 'replay', entry.seq) === undefined)
    .map(
      ({ entry }) => `${rotation.id}: a nonce burned before the rollback was accepted after it (entry ${entry.seq})`,
    );
}
