import type { Secret } from '../credential/secret.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { CanaryHandle } from '../probe/canary.ts';
import type { CanaryCounts } from '../probe/canary-counts.ts';
import { type CanaryJudgement, judgeCanary } from '../probe/canary-judge.ts';
import type { Clock } from '../probe/ports.ts';
import type { Pairs } from './pair.ts';
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
}

const LONGEST_BASELINE_MS = 5000;
const LOOK_EVERY_MS = 50;

/**
 * Starts steady traffic signed with `current` or `next`, whichever every replica must accept, and measures a baseline
 * until it has enough samples (or for a few seconds).
 *
 * @param before the generations that are valid as things stand
 */
export async function startTraffic(parts: TrafficParts, before: readonly ('current' | 'next')[]): Promise<Traffic> {
  const { pairs, settings, served, clock } = parts;
  let latest: CanaryCounts | undefined;
  const canary = await parts.start((counts) => {
    latest = counts;
  });
  const signWith = (generations: readonly ('current' | 'next')[]) =>
    canary.setSecrets(
      new Map(
        [...pairs].map(([client, pair]): [string, Secret[]] => [
          client,
          generations.map((generation) => pair[generation]),
        ]),
      ),
    );
  await signWith(before);
  const until = clock.monotonic() + LONGEST_BASELINE_MS;
  while ((latest?.accepted ?? 0) < settings.minSamples && clock.monotonic() < until) await clock.sleep(LOOK_EVERY_MS);
  const baseline = await canary.mark('baseline');
  latest = undefined;
  return {
    sign: signWith,
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
