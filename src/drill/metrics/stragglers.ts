import type { Entry } from '../../ledger/entry.ts';
import { judged, type Measure } from './metric.ts';
import { firstIntent, proofsIn, type RotationStory } from './rotation.ts';
import { checksIn } from './sighting.ts';
import type { Story } from './story.ts';
import { count, mapping, sum } from './values.ts';

/** The actions by which a replica stops accepting what it accepted. */
const CHANGES = ['write', 'reload', 'restart'] as const;

/**
 * 4. Clients that still signed with the old secret when it began to be removed: what the last `unused` proof before the
 * first removal said. An earlier proof that failed and held the retirement is the gate at work, not a straggler.
 */
export function stragglers(story: Story): Measure {
  const failures: string[] = [];
  const doubts: string[] = [];
  const details: string[] = [];
  const entries: number[] = [];
  let value = 0;
  let samples = 0;
  for (const { rotation, retire, removal } of removals(story)) {
    if (rotation.compromised) {
      details.push(`${rotation.id}: not counted: it answers a compromise`);
      continue;
    }
    const proof = proofsIn(rotation, 'unused', 'retiring', 'current', { after: retire, before: removal.seq }).at(-1);
    entries.push(removal.seq);
    if (proof === undefined) {
      doubts.push(`${rotation.id}: the old secret was removed without proof that nobody uses it`);
      continue;
    }
    entries.push(proof.seq);
    const { behind, seen } = readProof(proof);
    samples += seen;
    value += sum(behind.map(({ requests }) => requests));
    failures.push(
      ...behind.map(
        ({ client, reason }) =>
          `${rotation.id}: ${reason === '' ? `${client} still signs with the old secret` : reason}`,
      ),
    );
    if (behind.length === 0 && proof.data.verdict !== 'pass')
      doubts.push(`${rotation.id}: entry ${proof.seq} does not show that nobody uses the old secret`);
  }
  return judged({ value, unit: 'requests', target: '0', samples, failures, doubts, details, entries });
}

interface Removal {
  readonly rotation: RotationStory;
  readonly retire: number;
  readonly removal: Entry;
}

/** Each retirement in which at least one replica was to be narrowed. */
function removals(story: Story): Removal[] {
  return story.rotations.flatMap((rotation) =>
    rotation.moves
      .filter((move) => move.trigger === 'retire')
      .flatMap((move) => {
        const removal = firstIntent(rotation, 'retiring', move.entry.seq, CHANGES);
        return removal === undefined ? [] : [{ rotation, retire: move.entry.seq, removal }];
      }),
  );
}

/** Who was behind, with the requests that usage evidence counted (`3 otherwise`, or `stragglers: {client: requests}`), else one each. */
function readProof(proof: Entry): { behind: { client: string; requests: number; reason: string }[]; seen: number } {
  const counted = mapping(proof.data.stragglers);
  const checks = checksIn([proof]);
  const behind = checks
    .filter(({ verdict }) => verdict === 'fail')
    .map(({ target, reason, seen }) => ({
      client: target,
      requests: Math.max(1, count(counted[target]), otherwise(seen)),
      reason,
    }));
  const others = Object.entries(counted)
    .filter(([client, requests]) => count(requests) > 0 && behind.every((known) => known.client !== client))
    .map(([client, requests]) => ({ client, requests: count(requests), reason: '' }));
  const all = [...behind, ...others];
  if (all.length === 0 && proof.data.verdict === 'fail') all.push({ client: 'a client', requests: 1, reason: '' });
  return { behind: all, seen: Math.max(1, sum(checks.map(({ samples }) => samples))) };
}

function otherwise(seen: string): number {
  return Number(/(\d+) otherwise/.exec(seen)?.[1] ?? 0);
}
