import { RotctlError } from '../errors/rotctl-error.ts';
import type { Phase } from '../machine/phase.ts';
import type { Proof, ProofScope } from '../machine/step.ts';
import { checksOf } from '../probe/checks/list.ts';
import { burnOwed, dueAt } from '../probe/checks/replay-over-time.ts';
import { ask } from '../probe/retry.ts';
import type { Target } from '../probe/round.ts';
import { BurnedNonces } from './burned-nonces.ts';
import { notCarriedOut } from './carried-out.ts';
import { contextFor, type FleetParts, probedOf } from './fleet-parts.ts';
import { type GateTerms, namesIn } from './gate/terms.ts';
import type { Owed } from './owed.ts';
import type { Pairs } from './pair.ts';
import { proveChecks } from './prove-checks.ts';
import { type Expectations, named, proveReady, proveRounds, type RoundParts } from './prove-rounds.ts';
import { proveKeyIds, proveSigns, proveUnused } from './prove-usage.ts';
import { ACCEPTED_AFTER, SIGNED_WITH } from './signed-with.ts';
import type { Proven, Prover } from './world.ts';

const REPLAY_NOW = ['replay.same-replica', 'replay.cross-replica', 'replay.concurrent'];

/** The prover of one rotation on one fleet: every proof that a runbook can name, taken live. */
export class FleetProver implements Prover {
  readonly #parts: FleetParts;
  readonly #pairs: Pairs;
  readonly #probed: Pairs;
  readonly #terms: GateTerms | undefined;
  readonly #replicas: readonly Target[];
  readonly #nonces: BurnedNonces;

  constructor(parts: FleetParts, pairs: Pairs, terms?: GateTerms) {
    const { fleet, probes } = parts;
    this.#parts = parts;
    this.#pairs = pairs;
    this.#terms = terms;
    this.#probed = new Map(probedOf(fleet, [...pairs]));
    this.#replicas = fleet.replicas.map((replica) => named(replica.name, replica));
    this.#nonces = new BurnedNonces({
      probes,
      replicas: this.#replicas,
      pairs: this.#probed,
      lifeMs: fleet.replay.nonceTtlMs,
    });
  }

  async ready(replica: string): Promise<Proven> {
    const target = this.#replicas.find(({ name }) => name === replica);
    if (target === undefined) throw new RotctlError('INTERNAL', `no replica ${replica}`);
    return proveReady(this.#rounds('stable'), target);
  }

  async silent(phase: Phase, beside: readonly string[]): Promise<readonly string[]> {
    const { prober, clock } = this.#parts.probes;
    const [first] = this.#pairs;
    const [generation = 'current'] = SIGNED_WITH[phase];
    if (first === undefined) return [];
    const [client, pair] = first;
    const others = this.#replicas.filter(({ name }) => !beside.includes(name));
    const asked = await Promise.all(
      others.map(async (replica) => {
        const call = { endpoint: replica, client, secret: pair[generation], fresh: true };
        const { outcome } = await ask(prober, clock, call, { faults: 1 });
        return outcome.code === 'ACCEPTED' ? [] : [`${replica.name} (${outcome.reason})`];
      }),
    );
    return asked.flat();
  }

  burn(phase: Phase): Promise<void> {
    return this.#nonces.burn(phase);
  }

  async prove(proof: Proof, phase: Phase, targets: readonly string[]): Promise<Proven> {
    switch (proof.proves) {
      case 'accepts':
        return this.#round(proof, phase, targets, { [proof.generation]: 'ACCEPTED' }, this.#keyIdFor(proof));
      case 'refuses':
        return this.#round(proof, phase, targets, refusal(proof));
      case 'signs':
        return proveSigns(this.#usage(), targets, proof.generation);
      case 'unused':
        return proveUnused(this.#usage(), proof.generation);
      case 'key-ids':
        return proveKeyIds(this.#usage());
      case 'checklist':
        return proveChecks(this.#parts, this.#pairs, {
          ids: checksOf(this.#parts.fleet, 'checklist').map(({ id }) => id),
          accepted: ACCEPTED_AFTER[phase],
        });
      case 'quiet':
        return this.#parts.logs.look();
      case 'namespace':
        return this.#namespace(phase, targets);
      case 'replay':
        return this.#replay(phase);
      case 'presents':
      case 'trusts':
      case 'distrusts':
      case 'no-session':
        return notCarriedOut(proof);
    }
  }

  anew(owed: readonly Owed[]): readonly Owed[] {
    const burnedAt = this.#parts.probes.clock.now();
    return owed.map((each) => ({ ...each, burnedAt, dueAt: dueAt({ burnedAt }, this.#parts.fleet.replay) }));
  }

  async settle(owed: readonly Owed[], phase: Phase): Promise<Proven> {
    const order = { ids: ['replay.after-ttl'], accepted: SIGNED_WITH[phase], owed, once: true } as const;
    const proven = await proveChecks(this.#parts, this.#pairs, order);
    return proven.verdict === 'pass' ? proven : { ...proven, owed: this.anew(owed) };
  }

  async #round(
    proof: Extract<Proof, { on: ProofScope }>,
    phase: Phase,
    targets: readonly string[],
    expectations: Expectations,
    keyId?: string,
  ): Promise<Proven> {
    if (proof.on === 'balancer' && this.#parts.fleet.balancer === undefined) return noBalancer(proof);
    return proveRounds(this.#rounds(phase), this.#placesOf(proof.on, targets), expectations, {
      many: proof.on === 'balancer',
      acceptTries: this.#parts.fleet.readiness.consecutive,
      ...(keyId === undefined ? {} : { keyId }),
    });
  }

  /** The key id that a proof is taken under, where that is not the secret's own: the one that services put to it before. */
  #keyIdFor({ keyIds }: Extract<Proof, { proves: 'accepts' }>): string | undefined {
    return keyIds === 'as-before' ? this.#terms?.labels[0] : undefined;
  }

  #placesOf(scope: ProofScope, targets: readonly string[]): readonly Target[] {
    const { balancer } = this.#parts.fleet;
    if (scope === 'target') return this.#replicas.filter(({ name }) => targets.includes(name));
    if (scope === 'every-replica') return this.#replicas;
    return balancer === undefined ? [] : [named('balancer', balancer)];
  }

  /** On the replicas that a step has changed; for a step over the fleet as a whole, on all. */
  #namespace(phase: Phase, targets: readonly string[]): Promise<Proven> {
    const changed = this.#replicas.map(({ name }) => name).filter((name) => targets.includes(name));
    return proveChecks(this.#parts, this.#pairs, {
      ids: ['replay.namespace'],
      accepted: SIGNED_WITH[phase],
      burned: () => this.#nonces.atHand(phase, changed),
      ...(changed.length === 0 ? {} : { replicas: changed }),
    });
  }

  async #replay(phase: Phase): Promise<Proven> {
    const accepted = SIGNED_WITH[phase];
    const proven = await proveChecks(this.#parts, this.#pairs, { ids: REPLAY_NOW, accepted });
    const burned = await burnOwed(await contextFor(this.#parts, this.#pairs, accepted));
    const owed = burned.map((nonce) => ({ ...nonce, dueAt: dueAt(nonce, this.#parts.fleet.replay) }));
    return { ...proven, owed };
  }

  #rounds(phase: Phase): RoundParts {
    const { probes, fleet } = this.#parts;
    return { tools: probes, readiness: fleet.readiness, pairs: this.#probed, valid: SIGNED_WITH[phase] };
  }

  #usage() {
    const keyIds = this.#terms === undefined ? undefined : namesIn(this.#terms);
    return { ...this.#parts, pairs: this.#pairs, clock: this.#parts.probes.clock, keyIds };
  }
}

/** What the fleet does not have by its own declaration is not asked for, and the record says so. */
function noBalancer({ proves, generation }: Extract<Proof, { on: ProofScope }>): Proven {
  const finding = {
    id: 'balancer.spread',
    verdict: 'not-applicable' as const,
    critical: false,
    target: 'balancer',
    expected: `${proves} ${generation}`,
    seen: 'not asked',
    reason: 'rotctl.yaml declares no balancer',
    samples: 0,
    ms: 0,
  };
  return { verdict: 'pass', reason: '', cells: [], findings: [finding], owed: [] };
}

/** The other generation is the positive control. */
function refusal(proof: Extract<Proof, { proves: 'refuses' }>): Expectations {
  return proof.generation === 'current'
    ? { current: 'AUTH_INVALID_HMAC', next: 'ACCEPTED' }
    : { next: 'AUTH_INVALID_HMAC', current: 'ACCEPTED' };
}
