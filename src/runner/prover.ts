import { RotctlError } from '../errors/rotctl-error.ts';
import type { Phase } from '../machine/phase.ts';
import type { Proof, ProofScope, RotatingGeneration } from '../machine/step.ts';
import { askPresenting } from '../probe/certificate-refusal.ts';
import { checksOf } from '../probe/checks/list.ts';
import { burnOwed, dueAt } from '../probe/checks/replay-over-time.ts';
import { lackOf } from '../probe/checks/scheme-lacks.ts';
import { ask } from '../probe/retry.ts';
import type { Target } from '../probe/round.ts';
import { BurnedNonces } from './burned-nonces.ts';
import { notCarriedOut } from './carried-out.ts';
import { acceptsSeveral, contextFor, type FleetParts, probedOf, usageTools } from './fleet-parts.ts';
import { type GateTerms, namesIn } from './gate/terms.ts';
import type { Owed } from './owed.ts';
import type { Pairs } from './pair.ts';
import { proveApart, untouchedOf } from './prove-apart.ts';
import { proveChecks } from './prove-checks.ts';
import { proveDefaultId } from './prove-default-id.ts';
import { type Expectations, type Identities, named, proveReady, proveRounds, type RoundParts } from './prove-rounds.ts';
import { proveKeyIds, proveSigns, proveUnused } from './prove-usage.ts';
import { wireId } from './second-id.ts';
import { ACCEPTED_AFTER, SIGNED_WITH } from './signed-with.ts';
import type { Proven, Prover, Sighted, Silent } from './world.ts';

const REPLAY_NOW = ['replay.same-replica', 'replay.cross-replica', 'replay.concurrent'];

/** The prover of one rotation on one fleet: every proof that a runbook can name, taken live. */
export class FleetProver implements Prover {
  readonly #parts: FleetParts;
  readonly #pairs: Pairs;
  readonly #probed: Pairs;
  readonly #terms: GateTerms | undefined;
  readonly #identities: Identities | undefined;
  readonly #replicas: readonly Target[];
  readonly #nonces: BurnedNonces;
  /** Replicas that were seen to go by their own configuration. */
  readonly #apart = new Set<string>();

  /** @param terms of a rotation of gates @param identities of a rotation of certificates: our own of each generation */
  constructor(parts: FleetParts, pairs: Pairs, terms?: GateTerms, identities?: Identities) {
    const { fleet, probes } = parts;
    this.#parts = parts;
    this.#pairs = pairs;
    this.#terms = terms;
    this.#identities = identities;
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
    return proveReady(this.#rounds('stable'), this.#replicaNamed(replica));
  }

  async silent(phase: Phase, beside: readonly string[]): Promise<readonly Silent[]> {
    const { prober, clock } = this.#parts.probes;
    const [first] = this.#pairs;
    const [generation = 'current'] = SIGNED_WITH[phase];
    if (first === undefined) return [];
    const [client, pair] = first;
    const others = this.#replicas.filter(({ name }) => !beside.includes(name));
    const asked = await Promise.all(
      others.map(async (replica) => {
        const id = wireId(client, pair, generation);
        const call = { endpoint: replica, client: id, secret: pair[generation], fresh: true };
        const { outcome } = await ask(prober, clock, call, { faults: 1 });
        return outcome.code === 'ACCEPTED' ? [] : [{ replica: replica.name, said: outcome.reason }];
      }),
    );
    return asked.flat();
  }

  async sighted(replica: string): Promise<readonly Sighted[]> {
    const target = this.#replicaNamed(replica);
    const sights: Sighted[] = [];
    for (const [client, pair] of this.#probed) {
      const callOf = (generation: RotatingGeneration) => {
        const shown = this.#identities === undefined ? {} : { certificate: this.#identities[generation] };
        return { client: wireId(client, pair, generation), secret: pair[generation], ...shown };
      };
      const answer = async (generation: RotatingGeneration) => {
        const control = this.#identities && callOf(generation === 'next' ? 'current' : 'next');
        return (await askPresenting(this.#parts.probes, target, callOf(generation), control)).result.outcome.code;
      };
      sights.push({ client, answers: { current: await answer('current'), next: await answer('next') } });
    }
    return sights;
  }

  async apart(touched: readonly string[], gone: Pick<ReadonlySet<string>, 'has'>): Promise<Proven | undefined> {
    const { fleet, probes } = this.#parts;
    const replica = untouchedOf(fleet, (name) => touched.includes(name) || gone.has(name));
    if (replica === undefined || this.#apart.has(replica.name)) return undefined;
    const given = fleet.replicas.map(({ name }) => name).filter((name) => touched.includes(name));
    const proven = await proveApart({ fleet, probes, pairs: this.#probed }, replica, given);
    if (proven.verdict === 'pass') this.#apart.add(replica.name);
    return proven;
  }

  async burn(phase: Phase): Promise<void> {
    if (this.#parts.fleet.probe.scheme?.singleUse !== false) await this.#nonces.burn(phase);
  }

  async prove(proof: Proof, phase: Phase, targets: readonly string[]): Promise<Proven> {
    switch (proof.proves) {
      case 'accepts':
        return this.#round(proof, phase, targets, { [proof.generation]: 'ACCEPTED' }, this.#keyIdFor(proof));
      case 'refuses':
        return this.#round(proof, phase, targets, refusal(proof, this.#identities !== undefined));
      case 'signs':
        return proveSigns(this.#usage(), targets, proof.generation);
      case 'unused':
        return proveUnused(
          { ...this.#usage(), controls: (signedWith) => this.#controls(signedWith) },
          proof.generation,
        );
      case 'key-ids':
        return proveKeyIds(this.#usage());
      case 'checklist':
        return proveChecks(this.#parts, this.#pairs, {
          ids: checksOf(this.#parts.fleet, 'checklist').map(({ id }) => id),
          accepted: ACCEPTED_AFTER[phase],
        });
      case 'default-id':
        return proveDefaultId(this.#parts, this.#probed, proof.generation, this.#placesOf(proof.on, targets));
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
    const accepted = SIGNED_WITH[phase];
    const { clients } = await contextFor(this.#parts, this.#pairs, accepted);
    const [asked, lost] = [true, false].map((known) =>
      owed.filter(({ client }) => clients.some(({ id }) => id === client) === known),
    );
    // A nonce is one of its client id: where that has gone meanwhile, others are burned under the id that is left.
    const burned = lost?.length === 0 ? [] : await this.#burnOwed(accepted);
    if (asked === undefined || asked.length === 0) return { ...NOTHING_YET, owed: burned };
    const order = { ids: ['replay.after-ttl'], accepted, owed: asked, once: true } as const;
    const proven = await proveChecks(this.#parts, this.#pairs, order);
    return { ...proven, owed: [...(proven.verdict === 'pass' ? proven.owed : this.anew(asked)), ...burned] };
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
      many: proof.on === 'balancer' || acceptsSeveral(this.#parts.fleet),
      acceptTries: this.#parts.fleet.readiness.consecutive,
      ...(keyId === undefined ? {} : { keyId }),
    });
  }

  #replicaNamed(replica: string): Target {
    const target = this.#replicas.find(({ name }) => name === replica);
    if (target === undefined) throw new RotctlError('INTERNAL', `no replica ${replica}`);
    return target;
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
  async #namespace(phase: Phase, targets: readonly string[]): Promise<Proven> {
    const lack = lackOf(this.#parts.fleet.probe.scheme, 'single-use');
    if (lack !== undefined) return notDeclared('replay.namespace', lack);
    const changed = this.#replicas.map(({ name }) => name).filter((name) => targets.includes(name));
    return proveChecks(this.#parts, this.#pairs, {
      ids: ['replay.namespace'],
      accepted: SIGNED_WITH[phase],
      burned: () => this.#nonces.atHand(phase, changed),
      ...(changed.length === 0 ? {} : { replicas: changed }),
    });
  }

  async #replay(phase: Phase): Promise<Proven> {
    const lack = lackOf(this.#parts.fleet.probe.scheme, 'single-use');
    if (lack !== undefined) return notDeclared('replay.same-replica', lack);
    const accepted = SIGNED_WITH[phase];
    const proven = await proveChecks(this.#parts, this.#pairs, { ids: REPLAY_NOW, accepted });
    return { ...proven, owed: await this.#burnOwed(accepted) };
  }

  async #burnOwed(accepted: readonly RotatingGeneration[]): Promise<readonly Owed[]> {
    const burned = await burnOwed(await contextFor(this.#parts, this.#pairs, accepted));
    return burned.map((nonce) => ({ ...nonce, dueAt: dueAt(nonce, this.#parts.fleet.replay) }));
  }

  #rounds(phase: Phase): RoundParts {
    const { probes, fleet } = this.#parts;
    const valid = SIGNED_WITH[phase];
    return { tools: probes, readiness: fleet.readiness, pairs: this.#probed, valid, identities: this.#identities };
  }

  /** A request of each client to each replica, signed with a generation; one that has lost it already is no control. */
  async #controls(generation: RotatingGeneration): Promise<ReadonlyMap<string, number>> {
    const { prober, clock } = this.#parts.probes;
    const accepted = new Map<string, number>();
    for (const endpoint of this.#replicas) {
      for (const [id, pair] of this.#probed) {
        const call = { endpoint, client: wireId(id, pair, generation), secret: pair[generation], fresh: true };
        const { outcome } = await ask(prober, clock, call, { faults: 1 });
        if (outcome.code === 'ACCEPTED') accepted.set(id, (accepted.get(id) ?? 0) + 1);
      }
    }
    return accepted;
  }

  #usage() {
    const keyIds = this.#terms === undefined ? undefined : namesIn(this.#terms);
    return { ...this.#parts, ...usageTools(this.#parts), pairs: this.#pairs, keyIds };
  }
}

const NOTHING_YET = { verdict: 'pass', reason: '', cells: [], findings: [] } as const;

function noBalancer({ proves, generation }: Extract<Proof, { on: ProofScope }>): Proven {
  return notDeclared('balancer.spread', 'rotctl.yaml declares no balancer', 'balancer', `${proves} ${generation}`);
}

/** What the fleet does not have by its own declaration is not asked for, and the record says so. */
function notDeclared(id: string, reason: string, target = 'fleet', expected = 'a result'): Proven {
  const finding = {
    id,
    verdict: 'not-applicable' as const,
    critical: false,
    target,
    expected,
    seen: 'not asked',
    reason,
    samples: 0,
    ms: 0,
  };
  return { verdict: 'pass', reason: '', cells: [], findings: [finding], owed: [] };
}

/** The other generation is the positive control. */
function refusal({ generation }: Extract<Proof, { proves: 'refuses' }>, isOfCertificates: boolean): Expectations {
  const code = isOfCertificates ? 'AUTH_MTLS_REQUIRED' : 'AUTH_INVALID_HMAC';
  return generation === 'current' ? { current: code, next: 'ACCEPTED' } : { next: code, current: 'ACCEPTED' };
}
