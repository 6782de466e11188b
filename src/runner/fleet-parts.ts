import type { CertificateDriver } from '../deploy/certificates.ts';
import type { DeployDriver, Rehearsable } from '../deploy/driver.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { isSparing } from '../fleet/lockout.ts';
import type { RotatingGeneration } from '../machine/step.ts';
import type { CheckContext, TlsLook } from '../probe/checks/check.ts';
import type { Burned } from '../probe/oracle.ts';
import type { Transport } from '../probe/ports.ts';
import type { Tools as ProbeTools } from '../probe/round.ts';
import type { StoreView } from '../probe/store-view.ts';
import type { KnownClient } from '../probe/vector-plan.ts';
import type { VectorFile } from '../probe/vectors.ts';
import type { Confirmation } from './confirmations.ts';
import type { FleetLogWatch } from './log-watch.ts';
import type { Pair, Pairs } from './pair.ts';
import { wireId } from './second-id.ts';
import type { Silencer, UsageParts } from './usage-parts.ts';
import type { World } from './world.ts';

/** What looking at a fleet needs. */
export interface FleetParts {
  readonly fleet: Fleet;
  readonly probes: ProbeTools;
  readonly driver: Rehearsable & Pick<DeployDriver, 'readText'>;
  readonly transport: Transport;
  /** Present where the fleet's certificates can be rotated. */
  readonly certificates?:
    | {
        readonly driver: Pick<CertificateDriver, 'read' | 'rehearse'>;
        /** As in `PkiLook`. */
        publicRoots(): Promise<ReadonlySet<string>>;
      }
    | undefined;
  /** Certificates: the fleet's files, and what looks at those that the servers show. */
  readonly tls?: TlsLook;
  readonly runId: string;
  /** The replay store, where the fleet says how it is looked into. */
  readonly store?: StoreView;
  /** The same of a fleet with several stores, by the name of their domain. */
  readonly stores?: ReadonlyMap<string, StoreView>;
  /** The replicas' logs, watched since the command began. */
  readonly logs: FleetLogWatch;
  readonly waiter: Pick<World, 'clock' | 'progress' | 'stop'>;
  /** Logs, commands and servers in which usage evidence may be. */
  readonly sources: UsageParts['sources'];
  /** The steady traffic of this command, once it runs. */
  silencer(): Silencer | undefined;
  /** What was confirmed by name and counts now. */
  confirmed(): Promise<readonly Confirmation[]>;
  /** The conformance vectors that the runbook asks to be green. */
  vectors(): Promise<VectorFile>;
  /** What the gates' configurations say of key ids; present for fleets of `gate-v1`. */
  gates?(): Promise<NonNullable<CheckContext['gates']>>;
}

/** The clients in whose name a fleet is probed: each that has a secret of its own. Services of a gate share one, so one stands for all. */
export function probedOf<Item>({ protocol }: Pick<Fleet, 'protocol'>, clients: readonly Item[]): readonly Item[] {
  return protocol === 'gate-v1' ? clients.slice(0, 1) : clients;
}

/** What usage evidence needs of a fleet's parts. */
export function usageTools(parts: FleetParts): Pick<UsageParts, 'clock' | 'traffic' | 'confirmed'> {
  return { clock: parts.probes.clock, traffic: parts.silencer(), confirmed: parts.confirmed };
}

/** A client as checks know it, once for each client id under which it has something accepted. */
function knownUnder(client: string, pair: Pair, accepted: readonly RotatingGeneration[]): KnownClient[] {
  const ids = [...new Set(accepted.map((generation) => wireId(client, pair, generation)))];
  return ids.map((id) => ({
    id,
    accepted: accepted
      .filter((generation) => wireId(client, pair, generation) === id)
      .map((generation) => ({ generation, secret: pair[generation] })),
  }));
}

/** Whether the fleet's owner has answered for several processes behind one replica's address (workers, say). */
export function acceptsSeveral({ accepts }: Pick<Fleet, 'accepts'>): boolean {
  return accepts.some(({ check }) => check === 'fleet.distinct');
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
    ...(parts.store === undefined ? {} : { store: parts.store }),
    ...(parts.stores === undefined ? {} : { stores: parts.stores }),
    sparing: isSparing(parts.fleet),
    ...(parts.tls === undefined ? {} : { tls: parts.tls }),
    ...(parts.gates === undefined ? {} : { gates: await parts.gates() }),
    clients: probedOf(parts.fleet, [...pairs]).flatMap(([client, pair]) => knownUnder(client, pair, accepted)),
    vectors: await parts.vectors(),
    burned,
    owed,
    patienceMs: 3 * (parts.fleet.replay.nonceTtlMs + parts.fleet.replay.maxAgeMs),
    onWait: (what, ms) => waiter.progress.wait({ what, ms }),
    signal: waiter.stop.signal,
  };
}
