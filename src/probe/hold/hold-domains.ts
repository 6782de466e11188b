import type { Held } from './held-nonces.ts';
import type { HoldChange, HoldRecord, HoldWatch } from './hold-watch.ts';
import type { StoreMark } from './store-mark.ts';

/**
 * The watches of a fleet, one for each replay store that its replicas share: a nonce is to be refused within its own
 * domain, and what another domain says of it is no leak here.
 */
export class HoldDomains {
  readonly #watches: readonly HoldWatch[];

  /** @param watches at least one */
  constructor(watches: readonly HoldWatch[]) {
    this.#watches = watches;
  }

  /** What every replica was seen to do so far. */
  get records(): readonly HoldRecord[] {
    return this.#watches.flatMap(({ records }) => records);
  }

  get looks(): number {
    return Math.max(0, ...this.#watches.map(({ looks }) => looks));
  }

  /** What the store was like, where there is one store alone. */
  get mark(): StoreMark | undefined {
    return this.#watches.length === 1 ? this.#watches[0]?.mark : undefined;
  }

  /** Nonces that live for so much longer, in milliseconds. */
  alive(forMs: number): readonly Held[] {
    return this.#watches.flatMap((watch) => watch.alive(forMs));
  }

  /** Takes one look in each domain. @param thorough asks for more of the older nonces */
  async look(thorough = false): Promise<readonly HoldChange[]> {
    return (await Promise.all(this.#watches.map((watch) => watch.look(thorough)))).flat();
  }

  /** The mark of the one store as it is now; `undefined` where there are several, or it may not be looked into. */
  async markNow(): Promise<StoreMark | undefined> {
    return this.#watches.length === 1 ? this.#watches[0]?.markNow() : undefined;
  }
}
