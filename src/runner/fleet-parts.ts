import type { Rehearsable } from '../deploy/driver.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { RotatingGeneration } from '../machine/step.ts';
import type { CheckContext } from '../probe/checks/check.ts';
import type { Burned } from '../probe/oracle.ts';
import type { Transport } from '../probe/ports.ts';
import type { Tools as ProbeTools } from '../probe/round.ts';
import type { VectorFile } from '../probe/vectors.ts';
import type { FleetLogWatch } from './log-watch.ts';
import type { Pairs } from './pair.ts';
import type { World } from './world.ts';

/** What looking at a fleet needs. */
export interface FleetParts {
  readonly fleet: Fleet;
  readonly probes: ProbeTools;
  readonly driver: Rehearsable;
  readonly transport: Transport;
  readonly runId: string;
  /** The replicas' logs, watched since the command began. */
  readonly logs: FleetLogWatch;
  readonly waiter: Pick<World, 'clock' | 'progress' | 'stop'>;
  /** The conformance vectors that the runbook asks to be green. */
  vectors(): Promise<VectorFile>;
  /** What the gates' configurations say of key ids; present for fleets of `gate-v1`. */
  gates?(): Promise<NonNullable<CheckContext['gates']>>;
}

/** The clients in whose name a fleet is probed: each that has a secret of its own. Services of a gate share one, so one stands for all. */
export function probedOf<Item>({ protocol }: Pick<Fleet, 'protocol'>, clients: readonly Item[]): readonly Item[] {
  return protocol === 'gate-v1' ? clients.slice(0, 1) : clients;
}

/** What the checks are run against, while every replica is to accept these generations. */
export async function contextFor(
  parts: FleetParts,
  pairs: Pairs,
  accepted: readonly RotatingGeneration[],
  burned: readonly Burned[] = [],
  owed: readonly Burned[] = [],
): Promise<CheckContext> {
  const { waiter } = parts;
  return {
    ...parts.probes,
    fleet: parts.fleet,
    ...(parts.gates === undefined ? {} : { gates: await parts.gates() }),
    clients: probedOf(parts.fleet, [...pairs]).map(([id, pair]) => ({
      id,
      accepted: accepted.map((generation) => ({ generation, secret: pair[generation] })),
    })),
    vectors: await parts.vectors(),
    burned,
    owed,
    patienceMs: 3 * (parts.fleet.replay.nonceTtlMs + parts.fleet.replay.maxAgeMs),
    onWait: (what, ms) => waiter.progress.wait({ what, ms }),
    signal: waiter.stop.signal,
  };
}
