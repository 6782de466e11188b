import { compose, type Verdict } from '../errors/verdict.ts';
import type { RotatingGeneration } from '../machine/step.ts';
import type { Finding } from '../probe/finding.ts';
import { ask } from '../probe/retry.ts';
import type { Target } from '../probe/round.ts';
import type { FleetParts } from './fleet-parts.ts';
import type { Pair, Pairs } from './pair.ts';
import { ownerOf } from './second-id.ts';
import type { Proven } from './world.ts';

/** How long a replica that was just loaded may go by its old default, and how often it is asked meanwhile. */
const PATIENCE_MS = 1500;
const PAUSE_MS = 100;

/**
 * Whether replicas take a request that names no client id for the id under which a generation stands: signed with that
 * generation it is accepted, and signed with the other one refused, though both are accepted under their own ids.
 */
export async function proveDefaultId(
  parts: FleetParts,
  pairs: Pairs,
  generation: RotatingGeneration,
  targets: readonly Target[],
): Promise<Proven> {
  const findings: Finding[] = [];
  for (const target of targets) {
    const replica = parts.fleet.replicas.find(({ name }) => name === target.name);
    const at = replica?.deploy.defaultAt;
    if (replica === undefined || at === undefined) continue;
    const owner = ownerOf(pairs, await parts.driver.readText(replica, at));
    // The default is a client that this rotation is not about.
    if (owner === undefined) continue;
    findings.push(await lookAt(parts, target, owner, generation));
  }
  const bad = findings.filter(({ verdict }) => verdict !== 'pass');
  return {
    verdict: compose(['pass', ...bad.map(({ verdict }) => (verdict === 'fail' ? 'fail' : 'unknown'))] as Verdict[]),
    reason: bad.map(({ target, reason }) => `${target}: ${reason}`).join('; '),
    cells: [],
    findings,
    owed: [],
  };
}

async function lookAt(
  { probes }: FleetParts,
  target: Target,
  pair: Pair,
  generation: RotatingGeneration,
): Promise<Finding> {
  const { prober, clock } = probes;
  const began = clock.monotonic();
  const other = generation === 'next' ? 'current' : 'next';
  const send = async (signed: RotatingGeneration, refusal: object) => {
    const call = { endpoint: target, client: '', anonymous: true, secret: pair[signed], fresh: true, ...refusal };
    return (await ask(prober, clock, call, { faults: 2 })).outcome;
  };
  let samples = 0;
  for (;;) {
    const wanted = await send(generation, {});
    const control = wanted.code === 'ACCEPTED' ? await send(other, { refusal: 'due' as const }) : undefined;
    samples += control === undefined ? 1 : 2;
    const ms = clock.monotonic() - began;
    const base = {
      id: 'default-id',
      critical: true,
      target: target.name,
      expected: `taken for ${pair.ids?.[generation]}`,
      seen: `${wanted.code}${control === undefined ? '' : `, ${control.code} with ${other}`}`,
      samples,
      ms,
    };
    if (control?.code === 'AUTH_INVALID_HMAC') return { ...base, verdict: 'pass' };
    const isOther = wanted.code === 'AUTH_INVALID_HMAC' || wanted.code === 'AUTH_INVALID_CLIENT';
    if (isOther && ms < PATIENCE_MS) {
      await clock.sleep(PAUSE_MS);
      continue;
    }
    if (control !== undefined) {
      const reason = `without a client id it accepts ${generation}, and ${other} got ${control.reason}`;
      return { ...base, verdict: control.code === 'ACCEPTED' ? 'fail' : 'unknown', reason };
    }
    const reason = `a request without a client id is not taken for ${pair.ids?.[generation]}: signed with ${generation} it got ${wanted.reason}`;
    return { ...base, verdict: isOther ? 'fail' : 'unknown', reason };
  }
}

/**
 * Before a rotation of clients with two ids: the default client id is the one in use where the fleet file declares it, and
 * where it declares none there is none, or requests that name no client would be refused once its entry is gone.
 */
export async function lookAtDefaults(parts: FleetParts, pairs: Pairs): Promise<readonly Finding[]> {
  const twofold = [...pairs.values()].filter(({ ids }) => ids !== undefined);
  if (twofold.length === 0) return [];
  const targets = parts.fleet.replicas.map((replica) => ({ ...replica, name: replica.name }));
  const [declared, silent] = [true, false].map((has) =>
    parts.fleet.replicas.filter(({ deploy }) => (deploy.defaultAt !== undefined) === has).map(({ name }) => name),
  );
  const of = (names: readonly string[] = []) => targets.filter(({ name }) => names.includes(name));
  const findings = [...(await proveDefaultId(parts, pairs, 'current', of(declared))).findings];
  for (const target of of(silent)) findings.push(await lookForDefault(parts, target, twofold));
  return findings;
}

async function lookForDefault({ probes }: FleetParts, target: Target, twofold: readonly Pair[]): Promise<Finding> {
  const began = probes.clock.monotonic();
  const base = { id: 'default-id', critical: true, target: target.name, expected: 'refused without a client id' };
  let seen = 'nothing';
  for (const { current, ids } of twofold) {
    const call = { endpoint: target, client: '', anonymous: true, secret: current, fresh: true };
    const { outcome } = await ask(probes.prober, probes.clock, { ...call, refusal: 'due' as const }, { faults: 2 });
    seen = outcome.code;
    if (outcome.code !== 'ACCEPTED') continue;
    const reason = `a request without a client id is taken for ${ids?.current}: declare where that default stands (deploy.defaultClient), so that it is moved before the entry goes`;
    const ms = probes.clock.monotonic() - began;
    return { ...base, verdict: 'fail', seen, reason, samples: 1, ms };
  }
  return { ...base, verdict: 'pass', seen, samples: twofold.length, ms: probes.clock.monotonic() - began };
}
