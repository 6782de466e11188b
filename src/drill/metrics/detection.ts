import type { Entry } from '../../ledger/entry.ts';
import type { PlantedFault } from './faults.ts';
import { judged, type Measure, notApplicable } from './metric.ts';
import { timeOf } from './rotation.ts';
import type { Story } from './story.ts';
import { list } from './values.ts';

/** 9. Fault planted → the first entry that shows something to be wrong; the longest of all faults. */
export function timeToDetect(story: Story): Measure {
  if (noneAsked(story)) return notApplicable('ms', 'no fault was to be planted', drillSeq(story));
  const spans = story.faults.map((fault) => ({ fault, failing: firstFailing(story, fault) }));
  const times = spans.flatMap(({ fault, failing }) =>
    failing === undefined ? [] : [timeOf(failing) - timeOf(fault.planted)],
  );
  return judged({
    value: Math.max(0, ...times),
    unit: 'ms',
    target: '',
    samples: times.length,
    failures: spans
      .filter(({ failing }) => failing === undefined)
      .map(({ fault }) => `${fault.name} on ${fault.target} was never noticed`),
    details: spans.flatMap(({ fault, failing }) =>
      failing === undefined ? [] : [`${fault.name} on ${fault.target}: ${timeOf(failing) - timeOf(fault.planted)} ms`],
    ),
    entries: spans.flatMap(({ fault, failing }) => [
      fault.planted.seq,
      ...(failing === undefined ? [] : [failing.seq]),
    ]),
  });
}

/** 10. First sign of a fault → start of the rollback in the same rotation; the longest. A fault that is held has none. */
export function timeToDecide(story: Story): Measure {
  if (noneAsked(story)) return notApplicable('ms', 'no fault was to be planted', drillSeq(story));
  const spans = story.faults.flatMap((fault) => {
    const failing = firstFailing(story, fault);
    if (failing === undefined) return [];
    const moves = story.rotations.flatMap((rotation) => (rotation.id === failing.rotation ? rotation.moves : []));
    const back = moves.find(
      ({ entry, trigger }) => trigger === 'rollback' && entry.seq > failing.seq && entry.seq <= fault.until,
    );
    return back === undefined ? [] : [{ fault, failing, back, ms: back.at - timeOf(failing) }];
  });
  return judged({
    value: Math.max(0, ...spans.map(({ ms }) => ms)),
    unit: 'ms',
    target: '',
    samples: spans.length,
    doubts: spans.length === 0 ? ['no fault led to a rollback'] : [],
    details: spans.map(({ fault, ms }) => `${fault.name} on ${fault.target}: ${ms} ms`),
    entries: spans.flatMap(({ failing, back }) => [failing.seq, back.entry.seq]),
  });
}

/**
 * 17. Whether each fault really happened, and was found. What was asked for and not planted, and what was planted without
 * proof, is unknown; what was planted and never found is a failure.
 */
export function faultProof(story: Story): Measure {
  const asked = list(story.drill?.data.faults).length;
  if (noneAsked(story)) return notApplicable('faults', 'no fault was to be planted', drillSeq(story));
  const planted = story.faults;
  const name = (fault: PlantedFault) => `${fault.name} on ${fault.target}`;
  const unproven = planted.filter(({ proof }) => proof === '');
  return judged({
    value: planted.length - unproven.length,
    unit: 'faults',
    target: 'each proven and found',
    samples: planted.length,
    failures: planted
      .filter(({ found }) => found === undefined)
      .map((fault) => `${name(fault)} was planted and never found`),
    doubts: [
      ...unproven.map((fault) => `nothing shows that ${name(fault)} really happened`),
      ...(planted.length < asked ? [`${asked} faults were to be planted, ${planted.length} were`] : []),
    ],
    details: planted.map(
      (fault) =>
        `${name(fault)}: ${fault.proof === '' ? 'no proof' : fault.proof}; found by ${fault.check === '' ? 'nothing' : fault.check}`,
    ),
    entries: planted.flatMap(({ planted: entry, found, lifted }) =>
      [entry, found, lifted].flatMap((each) => each?.seq ?? []),
    ),
  });
}

/** Whether the drill's header declares that it plants nothing, and it planted nothing. */
function noneAsked(story: Story): boolean {
  const faults = story.drill?.data.faults;
  return Array.isArray(faults) && faults.length === 0 && story.faults.length === 0;
}

function drillSeq(story: Story): number[] {
  return story.drill === undefined ? [] : [story.drill.seq];
}

/** The first entry that shows a fault: an outcome, a proof or a gate that did not pass, else the word that it was found. */
export function firstFailing(story: Story, fault: PlantedFault): Entry | undefined {
  const during = story.entries.filter(({ seq }) => seq > fault.planted.seq && seq <= fault.until);
  return during.find(isFailing) ?? fault.found;
}

/** An outcome, a proof or a gate that did not pass; waiting for time is not a failure. */
function isFailing({ kind, data }: Entry): boolean {
  if (kind === 'outcome') return data.result === 'failed';
  if (kind === 'gate') return data.gate !== 'time' && data.verdict !== 'pass';
  return kind === 'evidence' && (data.verdict === 'fail' || data.verdict === 'unknown') && data.traffic === undefined;
}
