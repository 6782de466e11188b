import { excusedBy } from './faults.ts';
import { judged, type Measure } from './metric.ts';
import type { Story } from './story.ts';
import { type Traffic, trafficIn } from './traffic.ts';
import { sum, unique } from './values.ts';

/** 5. Valid requests that were refused, of all that were answered: the canary's by phase and route, and the clients' own. */
export function refusedValid(story: Story): Measure {
  const traffic = trafficIn(story);
  const own = traffic.filter(({ fault, refused }) => fault === undefined || refused === 0);
  const excused = traffic.filter((part) => !own.includes(part));
  const refused = sum(own.map((part) => part.refused));
  const answered = sum(own.map((part) => part.accepted + part.refused));
  const needed = Math.max(1, ...story.rotations.map(({ minSamples }) => minSamples));
  return judged({
    value: refused,
    unit: 'requests',
    target: `0 of at least ${needed}`,
    samples: answered,
    failures: own.filter((part) => part.refused > 0).map(tell),
    doubts: [
      ...(answered < needed ? [`${answered} valid requests were answered, fewer than ${needed}`] : []),
      ...silentRoutes(story, traffic),
    ],
    details: [
      ...totals(own),
      ...excused.map((part) => (part.fault === undefined ? tell(part) : excusedBy(tell(part), part.fault))),
    ],
    entries: traffic.map(({ entry }) => entry.seq),
  });
}

function tell(part: Traffic): string {
  const where = part.of === 'client' ? `client ${part.route}` : `${part.entry.phase}, ${part.route}`;
  const codes = part.codes.length === 0 ? '' : ` with ${part.codes.join(', ')}`;
  return `${where}: ${part.refused} of ${part.accepted + part.refused} refused${codes} (entry ${part.entry.seq})`;
}

/** Per phase and route, each with its denominator. */
function totals(traffic: readonly Traffic[]): string[] {
  const keyOf = (part: Traffic) =>
    part.of === 'client' ? `client ${part.route}` : `${part.entry.phase}, ${part.route}`;
  return unique(traffic.map(keyOf)).map((key) => {
    const parts = traffic.filter((part) => keyOf(part) === key);
    return `${key}: ${sum(parts.map((part) => part.refused))} of ${sum(parts.map((part) => part.accepted + part.refused))}`;
  });
}

/** Replicas of a rotation that no valid request is known to have reached. */
function silentRoutes(story: Story, traffic: readonly Traffic[]): string[] {
  const canary = traffic.filter(({ of }) => of === 'canary');
  if (canary.length === 0) return ['no canary traffic was recorded'];
  const heard = new Set(canary.filter(({ accepted, refused }) => accepted + refused > 0).map(({ route }) => route));
  const silent = unique(story.rotations.flatMap(({ replicas }) => replicas)).filter((replica) => !heard.has(replica));
  return silent.length === 0 ? [] : [`no valid request of the canary was answered by ${silent.join(', ')}`];
}
