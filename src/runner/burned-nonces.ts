import type { Phase } from '../machine/phase.ts';
import { type Burned, burn } from '../probe/oracle.ts';
import type { Tools as ProbeTools, Target } from '../probe/round.ts';
import type { Pairs } from './pair.ts';
import { wireId } from './second-id.ts';
import { SIGNED_WITH } from './signed-with.ts';

/** What burning nonces needs. */
export interface NonceParts {
  readonly probes: ProbeTools;
  readonly replicas: readonly Target[];
  readonly pairs: Pairs;
  readonly lifeMs: number;
}

/** Nonces that were burned before a change of a replica, to be tried again after it. */
export class BurnedNonces {
  readonly #parts: NonceParts;
  #burned: readonly Burned[] = [];

  constructor(parts: NonceParts) {
    this.#parts = parts;
  }

  /** Burns one nonce of each client, for a proof to come. */
  async burn(phase: Phase): Promise<void> {
    this.#burned = await this.#burnOnce(phase, []);
  }

  /**
   * Nonces that are young enough to be asked for. Those burned before the change serve best; where they are gone (after
   * a resume, or a slow restart) nonces burned at a replica that was not changed say the same: it still has the
   * namespace of before.
   */
  async atHand(phase: Phase, changed: readonly string[]): Promise<readonly Burned[]> {
    const { probes, lifeMs, pairs } = this.#parts;
    const young = probes.clock.now() - lifeMs / 2;
    const [generation = 'current'] = SIGNED_WITH[phase];
    const asked = new Set([...pairs].map(([client, pair]) => wireId(client, pair, generation)));
    const alive = this.#burned.filter(({ burnedAt, client }) => burnedAt > young && asked.has(client));
    this.#burned = alive.length > 0 ? alive : await this.#burnOnce(phase, changed);
    return this.#burned;
  }

  /** At the first replica that takes it, sparing those that were just changed. */
  async #burnOnce(phase: Phase, spare: readonly string[]): Promise<Burned[]> {
    const { probes, replicas, pairs } = this.#parts;
    const nonces: Burned[] = [];
    const others = replicas.filter(({ name }) => !spare.includes(name));
    for (const [client, pair] of pairs) {
      const [generation = 'current'] = SIGNED_WITH[phase];
      for (const replica of others.length > 0 ? others : replicas) {
        const id = wireId(client, pair, generation);
        const result = await burn(probes, replica, { client: id, secret: pair[generation] }, { faults: 0 });
        if (result.burned === undefined) continue;
        nonces.push(result.burned);
        break;
      }
    }
    return nonces;
  }
}
