import type { Fleet, Replica } from '../fleet/fleet.ts';
import { markAccepted } from '../probe/checks/accepted.ts';
import type { Finding } from '../probe/finding.ts';
import { ask } from '../probe/retry.ts';
import type { Tools } from '../probe/tools.ts';
import { sayStopping, verdictOf } from './finding-verdict.ts';
import type { Pairs } from './pair.ts';
import { named } from './prove-rounds.ts';
import { wireId } from './second-id.ts';
import type { Proven } from './world.ts';

/** What it takes to ask a replica that was not given `next` yet. */
export interface ApartParts {
  readonly fleet: Fleet;
  readonly probes: Tools;
  readonly pairs: Pairs;
}

/**
 * The first of the replicas that were not given `next` yet and have a configuration file of their own: what it says of
 * `next` shows whether it goes by that file. `undefined` where there is none.
 *
 * @param isOut whether a replica was given it, or is gone
 */
export function untouchedOf(
  { replicas }: Pick<Fleet, 'replicas'>,
  isOut: (name: string) => boolean,
): Replica | undefined {
  return replicas.find(({ name, deploy }) => !isOut(name) && isOwnFile(deploy, replicas));
}

/** Whether no other replica is configured by the same file. Of programs and workloads nobody knows what else they change. */
export function isOwnFile(deploy: Replica['deploy'], replicas: Fleet['replicas']): boolean {
  if (deploy.driver !== 'env-file' && deploy.driver !== 'json-file') return false;
  return replicas.filter((one) => 'path' in one.deploy && one.deploy.path === deploy.path).length === 1;
}

/**
 * Whether a replica that was not given `next` refuses it, while others have it. One that accepts it is another name of
 * theirs, or goes by another configuration than its own: what is proven there would be proven of another process.
 */
export async function proveApart(
  { fleet, probes, pairs }: ApartParts,
  replica: Replica,
  given: readonly string[],
): Promise<Proven> {
  const [first] = pairs;
  const began = probes.clock.monotonic();
  if (first === undefined) return { verdict: 'pass', reason: '', cells: [], findings: [], owed: [] };
  const [client, pair] = first;
  const call = { client: wireId(client, pair, 'next'), secret: pair.next, fresh: true, refusal: 'due' as const };
  const endpoint = named(replica.name, replica);
  const { outcome } = await ask(probes.prober, probes.clock, { ...call, endpoint }, { faults: 2 });
  const { code } = outcome;
  const isTaken = code === 'ACCEPTED';
  const reason = isTaken
    ? `${replica.name} accepts next of ${client}, which only ${given.join(', ')} had been given: it is one process with one of them under two names, or goes by another configuration than its own`
    : outcome.reason;
  const verdict = isTaken ? 'fail' : code === 'UNKNOWN' ? 'unknown' : 'pass';
  const finding: Finding = {
    ...{ id: 'fleet.distinct', verdict, critical: isTaken, target: replica.name },
    ...{ expected: 'next refused, as it was not given it yet', seen: code, samples: 1 },
    ...(verdict === 'pass' ? {} : { reason }),
    ms: probes.clock.monotonic() - began,
  };
  const findings = [markAccepted(finding, fleet.accepts)];
  return { verdict: verdictOf(findings), reason: sayStopping(findings), cells: [], findings, owed: [] };
}
