import type { Secret } from '../credential/secret.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { RotatingGeneration } from '../machine/step.ts';
import type { CanaryHandle } from '../probe/canary.ts';
import type { CanaryCounts } from '../probe/canary-counts.ts';
import { type CanaryJudgement, judgeCanary } from '../probe/canary-judge.ts';
import type { Clock, Identity } from '../probe/ports.ts';
import type { Pairs } from './pair.ts';
import type { Identities } from './prove-rounds.ts';
import { wireId } from './second-id.ts';
import type { Silencer } from './usage-parts.ts';
import type { Traffic, TrafficReport } from './world.ts';

/** A canary as the runner uses it: secrets by generation, and counts judged against a baseline. */
export interface TrafficParts {
  /** Begins the canary; `onChange` is told of its counts a few times a second. */
  start(onChange: (counts: CanaryCounts) => void): Promise<CanaryHandle>;
  readonly pairs: Pairs;
  readonly settings: Fleet['canary'];
  /** The routes that clients take, as far as they are known: only there a request without an answer hurts somebody. */
  readonly served: readonly string[];
  readonly clock: Clock;
  /** Where certificates rotate: what the traffic of each client shows in place of secrets that change. */
  readonly certificates?: ReadonlyMap<string, Identities> | undefined;
}

const LONGEST_BASELINE_MS = 5000;
const LOOK_EVERY_MS = 50;

/**
 * Starts steady traffic signed with `current` or `next`, whichever every replica must accept, and measures a baseline
 * until it has enough samples (or for a few seconds).
 *
 * @param before the generations that are valid as things stand
 */
export async function startTraffic(
  parts: TrafficParts,
  before: readonly RotatingGeneration[],
): Promise<Traffic & Silencer> {
  const { pairs, settings, served, clock, certificates } = parts;
  let latest: CanaryCounts | undefined;
  const canary = await parts.start((counts) => {
    latest = counts;
  });
  let present = before;
  const signWith = async (generations: readonly RotatingGeneration[]) => {
    present = generations;
    if (certificates === undefined) return canary.setSecrets(secretsById(pairs, generations));
    // The secrets do not change: those of current are those of next.
    await canary.setCertificates(certificatesById(parts.pairs, certificates, generations));
    await canary.setSecrets(secretsById(pairs, ['current']));
  };
  await signWith(before);
  const until = clock.monotonic() + LONGEST_BASELINE_MS;
  while ((latest?.accepted ?? 0) < settings.minSamples && clock.monotonic() < until) await clock.sleep(LOOK_EVERY_MS);
  const baseline = await canary.mark('baseline');
  latest = undefined;
  return {
    sign: signWith,
    async quietly(work) {
      await canary.setSecrets(new Map());
      try {
        return await work();
      } finally {
        await signWith(present);
      }
    },
    alarm() {
      if (latest === undefined || latest.label === 'baseline') return undefined;
      const judgement = judgeCanary(latest, baseline, { ...settings, minSamples: 0 }, served);
      const worth = latest.refused > 0 || latest.accepted + latest.faulted >= settings.minSamples;
      return judgement.verdict === 'fail' && worth ? `valid traffic: ${judgement.reasons.join('; ')}` : undefined;
    },
    async report() {
      const counts = await canary.mark('phase');
      latest = undefined;
      return reportOf(counts, judgeCanary(counts, baseline, settings, served));
    },
    async stop() {
      await canary.stop();
    },
  };
}

/** The secrets of some generations by the client ids that they are sent under. */
function secretsById(pairs: Pairs, generations: readonly RotatingGeneration[]): Map<string, Secret[]> {
  const byId = new Map<string, Secret[]>();
  for (const [client, pair] of pairs) {
    for (const generation of generations) {
      const id = wireId(client, pair, generation);
      byId.set(id, [...(byId.get(id) ?? []), pair[generation]]);
    }
  }
  return byId;
}

/** The certificates of some generations by the client ids that are sent. */
function certificatesById(
  pairs: Pairs,
  certificates: ReadonlyMap<string, Identities>,
  generations: readonly RotatingGeneration[],
): Map<string, Identity[]> {
  const shown = [...pairs].map(([client, pair]): [string, Identity[]] => {
    const own = certificates.get(client);
    return [wireId(client, pair, 'current'), own === undefined ? [] : generations.map((generation) => own[generation])];
  });
  return new Map(shown);
}

function reportOf(counts: CanaryCounts, { verdict, refused, reasons }: CanaryJudgement): TrafficReport {
  const { sent, accepted, faulted } = counts;
  return { verdict, reason: reasons.join('; '), sent, accepted, refused, faults: faulted, routes: routesOf(counts) };
}

function routesOf(counts: CanaryCounts): TrafficReport['routes'] {
  const routes: Record<string, { sent: number; accepted: number; refused: number; faults: number }> = {};
  for (const cell of counts.cells) {
    const route = routes[cell.route] ?? { sent: 0, accepted: 0, refused: 0, faults: 0 };
    route.sent += cell.sent;
    route.accepted += cell.accepted;
    route.refused += sum(cell.refusedAuth);
    route.faults += sum(cell.faults);
    routes[cell.route] = route;
  }
  return routes;
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
