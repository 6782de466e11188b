import type { Phase } from '../../machine/phase.ts';
import { excuse, excusedBy } from './faults.ts';
import { judged, type Measure } from './metric.ts';
import { firstIntent, type RotationStory, timeOf } from './rotation.ts';
import { isAccepted, type SeenCell, wantsAccepted } from './sighting.ts';
import type { Story } from './story.ts';

const RETIRED: readonly Phase[] = ['retired', 'destroying', 'destroyed'];
const CHANGES = ['write', 'reload', 'restart'] as const;

/** On how many replicas the old secret of every client was last seen refused, over all retired rotations. */
export interface DeadCount {
  readonly dead: number;
  readonly replicas: number;
}

/** A rotation that is retired, and what was seen of its old secret since its removal began. */
interface Retired {
  readonly rotation: RotationStory;
  readonly removal: number;
  readonly removedAt: number;
  /** `seq` of the entry by which the retirement was proven. */
  readonly proven: number;
  readonly cells: readonly SeenCell[];
}

/** Counts the replicas on which the old secret is dead; the smallest count of several rotations. */
export function oldSecretDead(story: Story): DeadCount {
  const counts = retirements(story).map((retired) => ({
    dead: retired.rotation.replicas.length - stillAlive(retired).length,
    replicas: retired.rotation.replicas.length,
  }));
  return counts.sort((a, b) => a.dead - a.replicas - (b.dead - b.replicas))[0] ?? { dead: 0, replicas: 0 };
}

/**
 * 8. Start of the removal → last time that the old secret was seen accepted anywhere. Once the retirement was proven it
 * may not be accepted again, and on every replica its last sighting must be the exact refusal.
 */
export function retireLatency(story: Story): Measure {
  const failures: string[] = [];
  const doubts: string[] = [];
  const details: string[] = [];
  let value = 0;
  const all = retirements(story);
  for (const retired of all) {
    const { rotation, cells } = retired;
    const accepted = cells.filter(isAccepted);
    value = Math.max(value, ...accepted.map(({ at }) => at - retired.removedAt));
    for (const cell of accepted.filter(({ entry }) => entry.seq > retired.proven)) {
      const what = `${rotation.id}: ${cell.replica} accepted the old secret of ${cell.client} after it was retired (entry ${cell.entry.seq})`;
      const fault = excuse(story.faults, 'resurrection', cell.entry.seq);
      if (fault === undefined) failures.push(what);
      else details.push(excusedBy(what, fault));
    }
    const alive = stillAlive(retired);
    if (alive.length > 0)
      doubts.push(`${rotation.id}: the old secret was not last seen refused for every client on ${alive.join(', ')}`);
    details.push(
      `${rotation.id}: dead on ${rotation.replicas.length - alive.length}/${rotation.replicas.length} replicas`,
    );
  }
  const cells = all.flatMap((retired) => retired.cells);
  const entries = [...all.flatMap(({ removal, proven }) => [removal, proven]), ...cells.map(({ entry }) => entry.seq)];
  return judged({
    value,
    unit: 'ms',
    target: 'no acceptance once retired',
    samples: cells.length,
    failures,
    doubts,
    details,
    entries,
  });
}

function retirements(story: Story): Retired[] {
  return story.rotations.flatMap((rotation) => {
    const retire = rotation.moves.findLast(({ trigger }) => trigger === 'retire');
    const proven = rotation.moves.findLast(({ to }) => to === 'retired');
    if (retire === undefined || proven === undefined || !RETIRED.includes(rotation.phase)) return [];
    const removal = firstIntent(rotation, 'retiring', retire.entry.seq, CHANGES) ?? retire.entry;
    const cells = story.cells.filter(
      ({ entry, generation }) => entry.rotation === rotation.id && entry.seq > removal.seq && generation === 'current',
    );
    return [{ rotation, removal: removal.seq, removedAt: timeOf(removal), proven: proven.entry.seq, cells }];
  });
}

/** Replicas on which the last sighting of some client's old secret is not a proven refusal. */
function stillAlive({ rotation, cells }: Retired): string[] {
  return rotation.replicas.filter((replica) =>
    rotation.probed.some((client) => {
      const last = cells.findLast((cell) => cell.replica === replica && cell.client === client);
      return last === undefined || wantsAccepted(last) || last.verdict !== 'pass';
    }),
  );
}
