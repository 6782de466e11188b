import type { Entry } from '../../ledger/entry.ts';
import { excuse, excusedBy } from './faults.ts';
import { judged, type Measure } from './metric.ts';
import { excessOf, isMeasured } from './sighting.ts';
import { leftOut, type Story } from './story.ts';
import { sum, text, texts } from './values.ts';

/** Where a re-sent request must have been tried. */
const PLACES = [
  'same replica',
  'other replica',
  'after the switch',
  'after the retirement',
  'after the rollback',
  'after a restart',
] as const;

type Place = (typeof PLACES)[number];

/** What a check's name says of where it tried. */
const NAMED: readonly (readonly [RegExp, Place])[] = [
  [/same-replica|^replay_nonce_rejected$/, 'same replica'],
  [/cross-replica|other-replica|pairwise|namespace/, 'other replica'],
  [/after-switch/, 'after the switch'],
  [/after-retire/, 'after the retirement'],
  [/after-rollback/, 'after the rollback'],
  [/after-restart/, 'after a restart'],
];

/** A re-sent request, or several of one check. */
interface Resent {
  readonly entry: Entry;
  readonly what: string;
  /** Acceptances too many. */
  readonly leaked: number;
  /** Whether it shows that a replay is refused there. */
  readonly refused: boolean;
  readonly samples: number;
  readonly id: string;
}

/** 7. Re-sent requests that were accepted, of all that were tried; every place must have been tried. */
export function replayLeaks(story: Story): Measure {
  const all = [...fromChecks(story), ...fromCells(story)].map((resent) => ({
    ...resent,
    fault: resent.leaked > 0 ? excuse(story.faults, 'replay', resent.entry.seq) : undefined,
  }));
  const leaks = all.filter(({ leaked, fault }) => leaked > 0 && fault === undefined);
  const places = new Map<Place, number>();
  const restarted = afterRestart(story);
  for (const resent of all.filter(({ refused }) => refused)) {
    for (const place of placesOf(resent, restarted)) places.set(place, (places.get(place) ?? 0) + resent.samples);
  }
  const wanted = PLACES.filter((place) => !leftOut(story).includes(place));
  const untried = wanted.filter((place) => !places.has(place));
  return judged({
    value: sum(leaks.map(({ leaked }) => leaked)),
    unit: 'requests',
    target: `0, in each of ${wanted.length} places`,
    samples: sum(all.filter(({ fault }) => fault === undefined).map(({ samples }) => samples)),
    failures: leaks.map(({ what }) => what),
    doubts: untried.length === 0 ? [] : [`not shown to be refused: ${untried.join(', ')}`],
    details: [
      ...PLACES.map((place) => `${place}: ${places.get(place) ?? 0} tried and refused`),
      ...all.flatMap(({ what, fault }) => (fault === undefined ? [] : [excusedBy(what, fault)])),
    ],
    entries: all.map(({ entry }) => entry.seq),
  });
}

/** Checks that re-send a request; those of a nonce's declared life, and of its reuse afterwards, are about something else. */
function fromChecks(story: Story): Resent[] {
  return story.checks
    .filter(
      (check) =>
        /^replay[._](?!ttl-bound|after-ttl|nonce-exact|refused-burns-nothing)|namespace/.test(check.id) &&
        isMeasured(check),
    )
    .map((check) => ({
      entry: check.entry,
      what: `${check.id} on ${check.target}: ${check.seen} (entry ${check.entry.seq})`,
      leaked: check.verdict === 'fail' && check.accepted === '' ? excessOf(check) : 0,
      // A defect that its owner answers for was tried, and is told by the coverage.
      refused: check.verdict === 'pass' || check.accepted !== '',
      samples: Math.max(1, check.samples),
      id: check.id,
    }));
}

function fromCells(story: Story): Resent[] {
  return story.cells
    .filter((cell) => /REPLAY_NONCE_USED/.test(cell.expected) && isMeasured(cell))
    .map((cell) => ({
      entry: cell.entry,
      what: `${cell.replica} took a nonce of ${cell.client} again: ${cell.seen} (entry ${cell.entry.seq})`,
      leaked: excessOf(cell),
      refused: cell.verdict === 'pass',
      samples: 1,
      id: cell.proof === 'namespace' ? 'namespace' : '',
    }));
}

/** What a proof of replay shows in the phase that it is taken in. */
function placesOf({ entry, id }: Resent, restarted: ReadonlySet<number>): Place[] {
  const places = NAMED.flatMap(([pattern, place]) => (pattern.test(id) ? [place] : []));
  const { proof } = entry.data;
  if (entry.phase === 'switched' || (entry.phase === 'retiring' && proof === 'namespace'))
    places.push('after the switch');
  const retired = ['retired', 'destroying', 'destroyed'].includes(entry.phase);
  if (retired || (entry.phase === 'retiring' && proof === 'replay')) places.push('after the retirement');
  if (entry.phase === 'rolled-back' || (entry.phase === 'closing' && proof === 'replay'))
    places.push('after the rollback');
  if (restarted.has(entry.seq)) places.push('after a restart');
  return places;
}

/** `seq` of the evidence taken right after a replica's restart that really happened. */
function afterRestart(story: Story): Set<number> {
  const restarted = new Set<number>();
  for (const rotation of story.rotations) {
    let restart = false;
    for (const entry of rotation.entries) {
      if (entry.kind === 'intent')
        restart = entry.data.action === 'restart' && touchesReplica(entry, rotation.replicas);
      else if (entry.kind === 'evidence' && restart) restarted.add(entry.seq);
      else if (entry.kind === 'outcome' && text(entry.data.skipped) !== '') restart = false;
    }
  }
  return restarted;
}

function touchesReplica(intent: Entry, replicas: readonly string[]): boolean {
  return texts(intent.data.targets).some((target) => replicas.includes(target));
}
