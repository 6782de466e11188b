import type { Entry } from '../../ledger/entry.ts';
import { judged, type Measure } from './metric.ts';
import type { RotationStory } from './rotation.ts';
import { cellsIn, checksIn } from './sighting.ts';
import type { Story } from './story.ts';
import { list, text, texts, unique } from './values.ts';

/** Checks that say whether a replica serves at all. */
const SERVES: readonly string[] = ['ready', 'valid_hmac_mtls_single_use'];

/** The worst moment of a rotation. */
interface Worst {
  readonly down: readonly string[];
  readonly entry: Entry | undefined;
  readonly samples: number;
  readonly seqs: readonly number[];
}

/**
 * 14. Most replicas that were failed or unreachable at once, beside the batch that was being changed, against each
 * rotation's budget. A replica with a planted fault that was found is the drill's doing.
 */
export function failureBudget(story: Story): Measure {
  const worst = story.rotations.map((rotation) => ({ rotation, ...worstOf(story, rotation) }));
  const over = worst.filter(({ rotation, down }) => down.length > rotation.failureBudget);
  return judged({
    value: Math.max(0, ...worst.map(({ down }) => down.length)),
    unit: 'replicas',
    target: worst.length === 0 ? '' : `<= ${Math.min(...worst.map(({ rotation }) => rotation.failureBudget))}`,
    samples: worst.reduce((total, { samples }) => total + samples, 0),
    failures: over.map(
      ({ rotation, down, entry }) =>
        `${rotation.id}: ${down.join(', ')} failed or unreachable at once, more than ${rotation.failureBudget} (entry ${entry?.seq})`,
    ),
    entries: worst.flatMap(({ seqs }) => seqs),
  });
}

function worstOf(story: Story, rotation: RotationStory): Worst {
  const down = new Set<string>();
  let batch: readonly string[] = [];
  let worst: Worst = { down: [], entry: undefined, samples: 0, seqs: [] };
  for (const entry of rotation.entries) {
    if (entry.kind === 'intent') batch = list(entry.data.targets).length > 0 ? texts(entry.data.targets) : batch;
    const seen = servingIn(entry, rotation.replicas);
    for (const [replica, serves] of seen) {
      if (serves || isSabotaged(story, replica, entry.seq)) down.delete(replica);
      else down.add(replica);
    }
    const now = [...down].filter((replica) => !batch.includes(replica));
    if (seen.size > 0) worst = { ...worst, samples: worst.samples + seen.size, seqs: [...worst.seqs, entry.seq] };
    if (now.length > worst.down.length) worst = { ...worst, down: now, entry };
  }
  return worst;
}

/** Which replicas an entry tells of, and whether everything it says of their serving is good. */
function servingIn(entry: Entry, replicas: readonly string[]): Map<string, boolean> {
  if (entry.kind === 'outcome') return new Map(silentIn(entry, replicas).map((replica) => [replica, false]));
  if (entry.kind !== 'evidence' || entry.data.proof === 'fail-closed') return new Map();
  const said = [
    ...cellsIn([entry])
      .filter(({ proof }) => proof === 'accepts' || proof === 'refuses')
      .map(({ replica, verdict }) => [replica, verdict] as const),
    ...checksIn([entry])
      .filter(({ id }) => SERVES.includes(id))
      .map(({ target, verdict }) => [target, verdict] as const),
  ].filter(([replica]) => replicas.includes(replica));
  return new Map(
    unique(said.map(([replica]) => replica)).map((replica) => [
      replica,
      said.every(([of, verdict]) => of !== replica || (verdict !== 'fail' && verdict !== 'unknown')),
    ]),
  );
}

/** The replicas for whose silence a step was not taken: `silent: [name]`, or named in its outcome's reason. */
function silentIn({ data }: Entry, replicas: readonly string[]): string[] {
  const [, told = ''] = /other replicas? do(?:es)? not serve[^:]*: (.*)$/.exec(text(data.reason)) ?? [];
  const named = [...texts(data.silent), ...told.split(', ').map((part) => part.replace(/ \(.*$/, ''))];
  return replicas.filter((replica) => named.includes(replica));
}

function isSabotaged(story: Story, replica: string, seq: number): boolean {
  return story.faults.some(
    (fault) => fault.found !== undefined && fault.target === replica && fault.planted.seq <= seq && seq <= fault.until,
  );
}
