import type { Phase } from '../../machine/phase.ts';
import { SIGNED_WITH } from '../../runner/signed-with.ts';
import { excuse, excusedBy, type PlantedFault } from './faults.ts';
import { judged, type Measure } from './metric.ts';
import { timeOf } from './rotation.ts';
import { isMeasured, isRefused, wantsAccepted } from './sighting.ts';
import type { Story } from './story.ts';
import { trafficIn } from './traffic.ts';
import { sum, text, unique } from './values.ts';

const MINUTE_MS = 60_000;

/** What a client may validly sign with in each phase: what some client was told, and nothing else. */
const VALID: Readonly<Record<Phase, readonly string[]>> = {
  ...SIGNED_WITH,
  overlap: ['current'],
  returning: ['current', 'next'],
};

/** A time in which a valid client was refused somewhere. */
interface LockOut {
  readonly where: string;
  readonly from: number;
  readonly to: number;
  readonly what: string;
  readonly seq: number;
  readonly fault: PlantedFault | undefined;
}

/**
 * 13. Replica-minutes in which a valid client was refused. A minute counts whole for a replica, and a window of traffic
 * with a refusal in it counts for every minute that it touches: an upper bound, never less than what happened.
 */
export function lockOutMinutes(story: Story): Measure {
  const all = [...fromTraffic(story), ...fromCells(story), ...fromIncidents(story)];
  const own = all.filter(({ fault }) => fault === undefined);
  const minutes = unique(
    own.flatMap(({ where, from, to }) => minutesOf(from, to).map((minute) => `${where} ${minute}`)),
  );
  const traffic = trafficIn(story);
  const samples = sum(traffic.map(({ accepted, refused }) => accepted + refused)) + validCells(story).length;
  return judged({
    value: minutes.length,
    unit: 'replica-minutes',
    target: '0',
    samples,
    failures: own.map(({ what }) => what),
    details: all.flatMap(({ what, fault }) => (fault === undefined ? [] : [excusedBy(what, fault)])),
    entries: [...traffic.map(({ entry }) => entry.seq), ...all.map(({ seq }) => seq)],
  });
}

function minutesOf(from: number, to: number): number[] {
  const first = Math.floor(from / MINUTE_MS);
  return Array.from({ length: Math.max(1, Math.floor(to / MINUTE_MS) - first + 1) }, (_, index) => first + index);
}

function fromTraffic(story: Story): LockOut[] {
  return trafficIn(story)
    .filter(({ refused }) => refused > 0)
    .map(({ entry, route, refused, since, fault }) => ({
      where: route,
      from: timeOf(since),
      to: timeOf(entry),
      what: `${route} ${refused} valid requests refused (entry ${entry.seq})`,
      seq: entry.seq,
      fault,
    }));
}

/** Probes in place of a valid client: its own secret of the phase, expected to be accepted. */
function validCells(story: Story): Story['cells'] {
  return story.cells.filter(
    (cell) => wantsAccepted(cell) && isMeasured(cell) && VALID[cell.entry.phase].includes(cell.generation),
  );
}

function fromCells(story: Story): LockOut[] {
  return validCells(story)
    .filter(isRefused)
    .map(({ replica, client, generation, seen, at, entry }) => ({
      where: replica,
      from: at,
      to: at,
      what: `${replica} refused ${generation} of ${client}: ${seen} (entry ${entry.seq})`,
      seq: entry.seq,
      fault: excuse(story.faults, 'refused', entry.seq),
    }));
}

/** Incidents of what other rows, or the traffic of this one, have counted. */
const COUNTED = ['replay', 'lock-out'];

/** Incidents that a rotation reported. One that a drill brings about itself, an outage of the store, is its own part. */
function fromIncidents(story: Story): LockOut[] {
  return story.entries
    .filter(
      ({ kind, data, rotation }) =>
        kind === 'incident' &&
        data.severity === 'auth' &&
        !COUNTED.includes(text(data.of)) &&
        rotation !== story.drill?.rotation,
    )
    .map((entry) => {
      const began = Date.parse(text(entry.data.began));
      const ended = Date.parse(text(entry.data.ended));
      const from = Number.isNaN(began) ? timeOf(entry) : began;
      return {
        where: 'fleet',
        from,
        to: Number.isNaN(ended) ? timeOf(entry) : ended,
        what: `incident: ${text(entry.data.what)} (entry ${entry.seq})`,
        seq: entry.seq,
        fault: excuse(story.faults, 'any', entry.seq),
      };
    });
}
