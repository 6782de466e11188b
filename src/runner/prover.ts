import { RotctlError } from '../errors/rotctl-error.ts';
import type { Phase } from '../machine/phase.ts';
import type { Proof, ProofScope, RotatingGeneration } from '../machine/step.ts';
import type { CheckContext } from '../probe/checks/check.ts';
import { CHECKS } from '../probe/checks/list.ts';
import { burnOwed, dueAt } from '../probe/checks/replay-over-time.ts';
import { runChecks } from '../probe/checks/run-checks.ts';
import type { Finding } from '../probe/finding.ts';
import { type Burned, burn } from '../probe/oracle.ts';
import { ask } from '../probe/retry.ts';
import type { Target } from '../probe/round.ts';
import { SIGNED_WITH } from './engine.ts';
import { contextFor, type FleetParts } from './fleet-parts.ts';
import type { Pairs } from './pair.ts';
import { verdictOf } from './preflight.ts';
import { type Expectations, named, proveReady, proveRounds } from './prove-rounds.ts';
import { proveSigns, proveUnused } from './prove-usage.ts';
import type { Proven, Prover } from './world.ts';

/** What every replica accepts when the steps of a phase are done: the positive controls of its proofs. */
const ACCEPTED_AFTER: Readonly<Record<Phase, readonly RotatingGeneration[]>> = {
  stable: ['current'],
  opening: ['current', 'next'],
  overlap: ['current', 'next'],
  moving: ['current', 'next'],
  switched: ['current', 'next'],
  retiring: ['next'],
  retired: ['next'],
  destroying: ['next'],
  destroyed: ['next'],
  widening: ['current', 'next'],
  returning: ['current', 'next'],
  closing: ['current'],
  'rolled-back': ['current'],
};

/** Pause before checks are tried again, in milliseconds. */
const AGAIN_AFTER_MS = 200;

const REPLAY_NOW = ['replay.same-replica', 'replay.cross-replica', 'replay.concurrent'];

/** The prover of one rotation on one fleet: every proof that a runbook can name, taken live. */
export function createFleetProver(parts: FleetParts, pairs: Pairs): Prover {
  const { fleet, probes } = parts;
  const replicas = fleet.replicas.map((replica) => named(replica.name, replica));
  const rounds = { tools: probes, readiness: fleet.readiness, pairs };
  const usage = { ...parts, pairs, clock: probes.clock };
  let burned: Burned[] = [];

  const placesOf = (scope: ProofScope, targets: readonly string[]): Target[] => {
    if (scope === 'target') return replicas.filter(({ name }) => targets.includes(name));
    if (scope === 'every-replica') return replicas;
    return fleet.balancer === undefined ? [] : [named('balancer', fleet.balancer)];
  };

  /** A step that has begun is proven to its end, whatever the operator's signal: work stops between steps. */
  const contextOf = async (
    accepted: readonly RotatingGeneration[],
    owed: readonly Burned[] = [],
  ): Promise<CheckContext> => {
    const { signal: _, ...context } = await contextFor(parts, pairs, accepted, burned, owed);
    return context;
  };

  /** Runs checks; those that could not be told are tried again, for as long as a replica may take to become ready. */
  const check = async (
    ids: readonly string[],
    accepted: readonly RotatingGeneration[],
    owed: readonly Burned[] = [],
  ): Promise<Proven> => {
    const until = probes.clock.monotonic() + fleet.readiness.deadlineMs;
    let findings: readonly Finding[] = [];
    let open = CHECKS.filter(({ id }) => ids.includes(id));
    for (;;) {
      const found = await runChecks(open, await contextOf(accepted, owed));
      findings = [...findings.filter(({ id }) => open.every((one) => one.id !== id)), ...found];
      open = open.filter(({ id }) => verdictOf(found.filter((finding) => finding.id === id)) === 'unknown');
      if (open.length === 0 || verdictOf(findings) === 'fail' || probes.clock.monotonic() >= until) break;
      await probes.clock.sleep(AGAIN_AFTER_MS);
    }
    const bad = findings.filter(({ verdict, critical }) => verdict === 'fail' || (verdict === 'unknown' && critical));
    const words = bad.map((finding) => `${finding.id} on ${finding.target}: ${finding.reason ?? finding.seen}`);
    return { verdict: verdictOf(findings), reason: words.slice(0, 3).join('; '), cells: [], findings, owed: [] };
  };

  /** Burns one nonce of each client, at the first replica that takes it, sparing those that were just changed. */
  const burnNonces = async (phase: Phase, spare: readonly string[] = []): Promise<Burned[]> => {
    const nonces: Burned[] = [];
    const others = replicas.filter(({ name }) => !spare.includes(name));
    for (const [client, pair] of pairs) {
      const [generation = 'current'] = SIGNED_WITH[phase];
      for (const replica of others.length > 0 ? others : replicas) {
        const result = await burn(probes, replica, { client, secret: pair[generation] }, { faults: 0 });
        if (result.burned === undefined) continue;
        nonces.push(result.burned);
        break;
      }
    }
    return nonces;
  };

  /**
   * Has nonces at hand that are young enough to be asked for. Those burned before a change serve best; where they are
   * gone (after a resume, or a slow restart) nonces burned at a replica that was not changed say the same: it still has
   * the namespace of before.
   */
  const rememberNonces = async (phase: Phase, changed: readonly string[]): Promise<void> => {
    const young = probes.clock.now() - fleet.replay.nonceTtlMs / 2;
    const alive = burned.filter(({ burnedAt }) => burnedAt > young);
    burned = alive.length > 0 ? alive : await burnNonces(phase, changed);
  };

  return {
    async ready(replica) {
      const [target] = placesOf('target', [replica]);
      if (target === undefined) throw new RotctlError('INTERNAL', `no replica ${replica}`);
      return proveReady(rounds, target);
    },
    async silent(phase, beside) {
      const [first] = pairs;
      const [generation = 'current'] = SIGNED_WITH[phase];
      if (first === undefined) return [];
      const [client, pair] = first;
      const others = replicas.filter(({ name }) => !beside.includes(name));
      const asked = await Promise.all(
        others.map(async (replica) => {
          const { outcome } = await ask(
            probes.prober,
            probes.clock,
            { endpoint: replica, client, secret: pair[generation], fresh: true },
            { faults: 1 },
          );
          return outcome.code === 'ACCEPTED' ? [] : [`${replica.name} (${outcome.reason})`];
        }),
      );
      return asked.flat();
    },
    async burn(phase) {
      burned = await burnNonces(phase);
    },
    async prove(proof, phase, targets) {
      switch (proof.proves) {
        case 'accepts':
          return proveRounds(
            rounds,
            placesOf(proof.on, targets),
            { [proof.generation]: 'ACCEPTED' },
            { many: proof.on === 'balancer' },
          );
        case 'refuses':
          return proveRounds(rounds, placesOf(proof.on, targets), refusal(proof), { many: proof.on === 'balancer' });
        case 'signs':
          return proveSigns(usage, targets, proof.generation);
        case 'unused':
          return proveUnused(usage, proof.generation);
        case 'checklist':
          return check(
            CHECKS.filter(({ group }) => group === 'checklist').map(({ id }) => id),
            ACCEPTED_AFTER[phase],
          );
        case 'namespace':
          await rememberNonces(phase, targets);
          return check(['replay.namespace'], SIGNED_WITH[phase]);
        case 'replay': {
          const proven = await check(REPLAY_NOW, SIGNED_WITH[phase]);
          const owed = await burnOwed(await contextOf(SIGNED_WITH[phase]));
          return { ...proven, owed: owed.map((nonce) => ({ ...nonce, dueAt: dueAt(nonce, fleet.replay) })) };
        }
      }
    },
    async settle(owed, phase) {
      return check(['replay.after-ttl'], SIGNED_WITH[phase], owed);
    },
  };
}

/** The other generation is the positive control. */
function refusal(proof: Extract<Proof, { proves: 'refuses' }>): Expectations {
  return proof.generation === 'current'
    ? { current: 'AUTH_INVALID_HMAC', next: 'ACCEPTED' }
    : { next: 'AUTH_INVALID_HMAC', current: 'ACCEPTED' };
}
