import { reveal, Secret } from '../../credential/secret.ts';
import type { Vault } from '../../credential/vault.ts';
import { compose, type Verdict } from '../../errors/verdict.ts';
import type { Phase } from '../../machine/phase.ts';
import type { RotatingGeneration } from '../../machine/step.ts';
import { askPresenting, type Control } from '../../probe/certificate-refusal.ts';
import type { Finding } from '../../probe/finding.ts';
import {
  type OpenedSessions,
  openSessions,
  restoreSessions,
  type SavedSession,
  type SessionOwner,
  type SessionTools,
  savedFrom,
  trySessions,
} from '../../probe/kept-sessions.ts';
import type { Target } from '../../probe/round.ts';
import type { Identities } from '../prove-rounds.ts';
import type { Proven } from '../world.ts';

/** The generation under which sessions are made in a phase, to be tried in it. */
const MADE_IN: Readonly<Partial<Record<Phase, RotatingGeneration>>> = {
  retiring: 'current',
  returning: 'next',
  closing: 'next',
};

/** The phases that try sessions last: once they are over, what was kept is of no more use to any proof. */
const LAST_TRIED_IN: readonly Phase[] = ['retiring', 'closing'];

/** What keeping sessions of a rotation takes. */
export interface SessionParts {
  readonly tools: SessionTools;
  readonly vault: Pick<Vault, 'seal' | 'open' | 'forget'>;
  readonly rotation: string;
  readonly replicas: readonly Target[];
  readonly identities: Identities;
  /** In whose name requests are signed over them. */
  readonly client: Pick<SessionOwner, 'client' | 'secret'>;
}

/**
 * Sessions that were made with replicas under the generation that is about to go. They are sealed as well, since after a
 * crash no others can be made: the replica refuses that generation then, which says nothing of sessions from before.
 */
export class SessionKeeper {
  readonly #parts: SessionParts;
  readonly #held = new Map<string, OpenedSessions>();
  /** Replicas with which no session came about, though they do not refuse the generation. */
  readonly #missed = new Set<string>();

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  /** Makes sessions anew on each replica that still takes them; of the others those of before are kept. */
  async open(phase: Phase): Promise<void> {
    const generation = MADE_IN[phase];
    if (generation === undefined) return;
    const { tools, replicas } = this.#parts;
    if (this.#held.size === 0) await this.#restore(generation);
    for (const replica of replicas) {
      this.#missed.delete(replica.name);
      const opened = await openSessions(tools, [replica], this.#owner(generation));
      if (opened.sessions.every(({ connection }) => connection === undefined)) {
        await opened.close();
        if (!(await this.#isRefused(replica, generation))) this.#missed.add(replica.name);
        continue;
      }
      await this.#held.get(replica.name)?.close();
      this.#held.set(replica.name, opened);
    }
    await this.#seal(generation);
  }

  /** Tries what is held, and holds it no more; what was sealed by a process before, where nothing is. */
  async prove(generation: RotatingGeneration): Promise<Proven> {
    const { tools, replicas } = this.#parts;
    if (this.#held.size === 0) await this.#restore(generation);
    const findings: Finding[] = [];
    const verdicts: Verdict[] = [];
    for (const replica of replicas) {
      const began = tools.clock.monotonic();
      const held = this.#held.get(replica.name);
      this.#held.delete(replica.name);
      const tried = held === undefined ? [] : await trySessions(tools, held, this.#control(generation));
      const [judged = await this.#untried(replica, generation)] = tried;
      verdicts.push(judged.verdict);
      findings.push({
        ...{ id: 'session.ended', verdict: judged.verdict, critical: true, target: replica.name },
        ...{ expected: `no session of ${generation} is served`, seen: judged.reason, samples: judged.samples },
        ...(judged.verdict === 'pass' ? {} : { reason: judged.reason }),
        ms: tools.clock.monotonic() - began,
      });
    }
    const reason = findings.flatMap(({ target, reason: why }) => (why === undefined ? [] : [`${target}: ${why}`]));
    return { verdict: compose(verdicts), reason: reason.join('; '), cells: [], findings, owed: [] };
  }

  /** Closes what is still open, and destroys what was sealed, where no step of the rotation tries it any more. */
  async forget(phase: Phase): Promise<void> {
    if (!LAST_TRIED_IN.includes(phase)) return;
    await Promise.all([...this.#held.values()].map((held) => held.close()));
    this.#held.clear();
    const { vault, rotation } = this.#parts;
    await vault.forget(sealedAs(rotation));
  }

  /** Before each step sessions are made wherever they can be: where there are none, and the generation is refused, none is left. */
  async #untried(replica: Target, generation: RotatingGeneration) {
    if (this.#missed.has(replica.name)) return UNTRIED;
    return (await this.#isRefused(replica, generation)) ? NEVER_MADE : UNTRIED;
  }

  async #isRefused(replica: Target, generation: RotatingGeneration): Promise<boolean> {
    const { tools } = this.#parts;
    const { client, secret, certificate } = this.#owner(generation);
    const { result } = await askPresenting(
      tools,
      replica,
      { client, secret, certificate },
      this.#control(generation),
      2,
    );
    return result.outcome.code === 'AUTH_MTLS_REQUIRED';
  }

  #owner(generation: RotatingGeneration): SessionOwner {
    return { ...this.#parts.client, certificate: this.#parts.identities[generation] };
  }

  #control(generation: RotatingGeneration): Control {
    const other = generation === 'next' ? 'current' : 'next';
    return { ...this.#parts.client, certificate: this.#parts.identities[other] };
  }

  async #seal(generation: RotatingGeneration): Promise<void> {
    const saved = [...this.#held.values()].flatMap(savedFrom);
    if (saved.length === 0) return;
    const { vault, rotation } = this.#parts;
    await vault.seal(sealedAs(rotation), { [generation]: { current: Secret.fromText(JSON.stringify(saved)) } });
  }

  async #restore(generation: RotatingGeneration): Promise<void> {
    const { vault, rotation, tools, replicas } = this.#parts;
    const sealed = (await vault.open(sealedAs(rotation)))?.[generation]?.current;
    if (sealed === undefined) return;
    // What `#seal` has written.
    const saved = JSON.parse(reveal(sealed).toString('utf8')) as SavedSession[];
    for (const { name } of replicas) {
      const own = saved.filter(({ replica }) => replica === name);
      if (own.length > 0) this.#held.set(name, restoreSessions(tools.keep, replicas, this.#owner(generation), own));
    }
  }
}

/** The name under which a rotation's sessions are sealed, beside its certificates. */
function sealedAs(rotation: string): string {
  return `${rotation}.sessions`;
}

const NEVER_MADE = {
  verdict: 'pass' as const,
  reason: 'no session could be made here before the step, and the certificate is refused',
  samples: 1,
};

const UNTRIED = {
  verdict: 'unknown' as const,
  reason: 'nothing could be tried: no session was made here before the step',
  samples: 0,
};
