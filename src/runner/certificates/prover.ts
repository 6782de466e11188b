import type { Secret } from '../../credential/secret.ts';
import type { Vault } from '../../credential/vault.ts';
import type { Commands } from '../../deploy/ports.ts';
import { RotctlError } from '../../errors/rotctl-error.ts';
import { isForward, type Phase } from '../../machine/phase.ts';
import type { Proof, RotatingGeneration } from '../../machine/step.ts';
import { checksOf } from '../../probe/checks/list.ts';
import type { KeepConnections, ListenForTrust } from '../../probe/ports.ts';
import type { Target } from '../../probe/round.ts';
import { type FleetParts, usageTools } from '../fleet-parts.ts';
import type { Owed } from '../owed.ts';
import type { Pairs } from '../pair.ts';
import { proveChecks } from '../prove-checks.ts';
import { named } from '../prove-rounds.ts';
import { proveSigns, proveUnused } from '../prove-usage.ts';
import { FleetProver } from '../prover.ts';
import type { UsageParts } from '../usage-parts.ts';
import type { Proven, Prover, Sighted, Silent } from '../world.ts';
import { identitiesOf } from './identities.ts';
import { matrixIn } from './matrix.ts';
import { provePresented } from './prove-presented.ts';
import { proveShownByNone } from './prove-served.ts';
import { proveTrust, type TrustQuestioned } from './prove-trust.ts';
import { SessionKeeper } from './sessions.ts';
import type { RotatedCertificates } from './terms.ts';
import { handshakeUsage } from './usage.ts';

/** What proofs of certificates take beside what others take. */
export interface CertificatePorts {
  readonly keep: KeepConnections;
  readonly vault: Pick<Vault, 'seal' | 'open' | 'forget'>;
  readonly listen: ListenForTrust;
  /** Runs the clients' handshake commands. */
  readonly commands: Commands;
}

/** The phases at whose end a generation is withdrawn, and which. */
const WITHDRAWN_IN: Readonly<Partial<Record<Phase, RotatingGeneration>>> = { retiring: 'current', closing: 'next' };

/** The prover of one rotation of certificates. What is no business of certificates is proven as in any other. */
export class CertificateProver implements Prover {
  readonly #parts: FleetParts;
  readonly #pairs: Pairs;
  readonly #rotated: RotatedCertificates;
  readonly #rest: FleetProver;
  readonly #replicas: readonly Target[];
  readonly #sessions: SessionKeeper;
  readonly #ports: CertificatePorts;
  /** Of which generation no session was served, since a replica was changed last. */
  #ended: RotatingGeneration | undefined;
  /** Which generation of servers every client was seen to trust, since a client was changed last. */
  #trusted: RotatingGeneration | undefined;

  constructor(parts: FleetParts, ports: CertificatePorts, pairs: Pairs, rotated: RotatedCertificates) {
    this.#parts = parts;
    this.#ports = ports;
    this.#pairs = pairs;
    this.#rotated = rotated;
    const identities = identitiesOf(parts.fleet, rotated.terms);
    this.#rest = new FleetProver(parts, pairs, undefined, identities);
    this.#replicas = parts.fleet.replicas.map((replica) => named(replica.name, replica));
    this.#sessions = new SessionKeeper({
      tools: { ...parts.probes, keep: ports.keep, deadlineMs: parts.fleet.probe.deadlineMs },
      vault: ports.vault,
      rotation: rotated.rotation,
      replicas: this.#replicas,
      identities,
      client: firstOf(pairs),
    });
  }

  ready(replica: string): Promise<Proven> {
    return this.#rest.ready(replica);
  }

  silent(phase: Phase, beside: readonly string[]): Promise<readonly Silent[]> {
    return this.#rest.silent(phase, beside);
  }

  sighted(replica: string): Promise<readonly Sighted[]> {
    return this.#rest.sighted(replica);
  }

  anew(owed: readonly Owed[]): readonly Owed[] {
    return this.#rest.anew(owed);
  }

  settle(owed: readonly Owed[], phase: Phase): Promise<Proven> {
    return this.#rest.settle(owed, phase);
  }

  async burn(phase: Phase): Promise<void> {
    this.#ended = undefined;
    await this.#rest.burn(phase);
    await this.#sessions.open(phase);
  }

  forget(phase: Phase): Promise<void> {
    return this.#sessions.forget(phase);
  }

  /**
   * A generation is withdrawn when no replica shows a certificate of it, and no session of it is served: looked at whatever
   * the steps have named. Sessions are tried where no step has since a replica was changed.
   */
  async closes(phase: Phase): Promise<Proven | undefined> {
    const withdrawn = WITHDRAWN_IN[phase];
    if (withdrawn === undefined) return undefined;
    const kept = withdrawn === 'current' ? 'next' : 'current';
    const shown = await provePresented(this.#parts, this.#rotated.terms, this.#replicas, kept);
    if (shown.verdict !== 'pass' || this.#ended === withdrawn) return shown;
    return beside(shown, await this.#sessions.prove(withdrawn));
  }

  async prove(proof: Proof, phase: Phase, targets: readonly string[]): Promise<Proven> {
    const proven = await this.#proveAlone(proof, phase, targets);
    if (proven.verdict !== 'pass') return proven;
    if (proof.proves === 'no-session') this.#ended = proof.generation;
    // On the way back nothing is asked of clients that the step itself does not: going on is what mends it.
    const reached = isForward(phase) ? await this.#reached(proof, targets) : undefined;
    return reached === undefined ? proven : beside(proven, reached);
  }

  /** Whether every client still trusts what every replica shows, after a step that has changed either. */
  async #reached(proof: Proof, targets: readonly string[]): Promise<Proven | undefined> {
    const { clients, changed } = this.#clientsOf(targets);
    if (changed.length > 0) this.#trusted = undefined;
    if (proof.proves === 'distrusts') {
      const distrusting = { clients: changed.length === 0 ? clients : changed, generation: proof.generation };
      const shown = await proveShownByNone(this.#parts, this.#rotated.terms, this.#replicas, distrusting);
      return { ...shown, about: distrusting.clients };
    }
    // In one roll of replicas the clients are asked once.
    if (proof.proves !== 'presents' || changed.length > 0 || this.#trusted === proof.generation) return undefined;
    const trust = await this.#trust({ proves: 'trusts', generation: proof.generation, settled: true }, targets);
    if (trust.verdict === 'pass') this.#trusted = proof.generation;
    return { ...trust, about: clients };
  }

  #clientsOf(targets: readonly string[]): { readonly clients: readonly string[]; readonly changed: readonly string[] } {
    const clients = this.#parts.fleet.clients.map(({ id }) => id);
    return { clients, changed: clients.filter((id) => targets.includes(id)) };
  }

  async #proveAlone(proof: Proof, phase: Phase, targets: readonly string[]): Promise<Proven> {
    switch (proof.proves) {
      case 'presents':
        return this.#presents(proof, targets);
      case 'unused':
        return proveUnused(this.#usage(), proof.generation);
      case 'checklist':
        return this.#checklist(phase);
      case 'trusts':
      case 'distrusts':
        return this.#trust(proof, targets);
      case 'no-session':
        return this.#sessions.prove(proof.generation);
      default:
        return this.#rest.prove(proof, phase, targets);
    }
  }

  #presents({ generation, on }: Extract<Proof, { proves: 'presents' }>, targets: readonly string[]): Promise<Proven> {
    const { changed } = this.#clientsOf(targets);
    if (changed.length > 0) return proveSigns(this.#usage(), changed, generation);
    const replicas = on === 'target' ? this.#replicas.filter(({ name }) => targets.includes(name)) : this.#replicas;
    return provePresented(this.#parts, this.#rotated.terms, replicas, generation);
  }

  /** Of the clients that a step has changed; for a step over the fleet as a whole, of all. */
  #trust(question: TrustQuestioned, targets: readonly string[]): Promise<Proven> {
    const { clients, changed } = this.#clientsOf(targets);
    const { listen, commands } = this.#ports;
    const parts = { ...this.#parts, terms: this.#rotated.terms, listen, commands };
    return proveTrust(parts, question, changed.length === 0 ? clients : changed);
  }

  /** With the handshake matrix. Secrets do not rotate: every client has one, whichever certificates are accepted. */
  async #checklist(phase: Phase): Promise<Proven> {
    const ids = checksOf(this.#parts.fleet, 'checklist', 'mtls').map(({ id }) => id);
    const mtls = await matrixIn(this.#parts, this.#rotated.terms, phase);
    return proveChecks(this.#parts, this.#pairs, { ids, accepted: ['current'], mtls });
  }

  #usage(): UsageParts {
    return handshakeUsage({ ...this.#parts, ...usageTools(this.#parts), pairs: this.#pairs }, this.#rotated.terms);
  }
}

/** Two proofs as one: what the second came to, with what both have seen. */
function beside(first: Proven, second: Proven): Proven {
  return {
    ...second,
    findings: [...first.findings, ...second.findings],
    cells: [...first.cells, ...second.cells],
    owed: [...first.owed, ...second.owed],
  };
}

function firstOf(pairs: Pairs): { readonly client: string; readonly secret: Secret } {
  const [first] = pairs;
  if (first === undefined) throw new RotctlError('INTERNAL', 'a rotation without clients');
  return { client: first[0], secret: first[1].current };
}
