import type { Entry } from '../../ledger/entry.ts';
import type { PlantedFault } from './faults.ts';
import { excuse } from './faults.ts';
import type { Story } from './story.ts';
import { count, type Data, mapping } from './values.ts';

/** Valid requests by one route of the canary, or of one client, in one window. */
export interface Traffic {
  readonly entry: Entry;
  /** `balancer`, a replica's name, or a client's id. */
  readonly route: string;
  readonly of: 'canary' | 'client';
  readonly accepted: number;
  readonly refused: number;
  /** What the refusals said, where that was counted. */
  readonly codes: readonly string[];
  /** `seq` of the entry at which the window began. */
  readonly since: Entry;
  /** The found fault that explains refusals in this window, if there is one. */
  readonly fault: PlantedFault | undefined;
}

/** Every count of valid requests in the entries: the canary's by phase and route, and each client's own. */
export function trafficIn(story: Story): Traffic[] {
  return [...canaryTraffic(story), ...clientTraffic(story)];
}

function canaryTraffic(story: Story): Traffic[] {
  const ends = new Map<string, Entry>();
  return story.entries.flatMap((entry) => {
    const traffic = mapping(entry.data.traffic);
    if (!ends.has(entry.rotation)) ends.set(entry.rotation, entry);
    if (Object.keys(traffic).length === 0) return [];
    const since = ends.get(entry.rotation) ?? entry;
    ends.set(entry.rotation, entry);
    const routes = Object.entries(mapping(traffic.routes));
    const parts: [string, Data][] =
      routes.length === 0 ? [['traffic', traffic]] : routes.map(([route, part]) => [route, mapping(part)]);
    return parts.map(([route, part]) => window(story, { entry, route, of: 'canary', since }, part));
  });
}

/** A client's counts are sums since the drill began; what is new in each entry belongs to the window that it ends. */
function clientTraffic(story: Story): Traffic[] {
  const before = new Map<string, { readonly entry: Entry; readonly counts: Data }>();
  const [first] = story.entries;
  return story.entries.flatMap((entry) =>
    Object.entries(mapping(entry.data.clients)).map(([client, value]) => {
      const counts = mapping(value);
      const last = before.get(client);
      before.set(client, { entry, counts });
      const fresh = (key: string) => Math.max(0, count(counts[key]) - count(last?.counts[key]));
      const since = last?.entry ?? first ?? entry;
      return window(
        story,
        { entry, route: client, of: 'client', since },
        { accepted: fresh('accepted'), refused: fresh('refused'), refusedBy: freshCodes(counts, last?.counts) },
      );
    }),
  );
}

/** The codes of which there are more than before. */
function freshCodes(counts: Data, before: Data | undefined): Data {
  const known = mapping(before?.refusedBy);
  return Object.fromEntries(
    Object.entries(mapping(counts.refusedBy)).filter(([code, many]) => count(many) > count(known[code])),
  );
}

function window(story: Story, of: Pick<Traffic, 'entry' | 'route' | 'of' | 'since'>, part: Data): Traffic {
  return {
    ...of,
    accepted: count(part.accepted),
    refused: count(part.refused),
    codes: Object.keys(mapping(part.refusedBy)),
    fault: excuse(story.faults, 'refused', of.since.seq, of.entry.seq),
  };
}
