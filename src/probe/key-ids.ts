import type { Secret } from '../credential/secret.ts';
import { DEFAULT_KEY_IDS } from '../protocol/gate-v1.ts';

/** Under which key id each secret signs, where the protocol has key ids. What is not known goes by the default. */
export class KeyIds {
  readonly #ids: Map<string, string>;

  constructor(entries: Iterable<readonly [fingerprint: string, id: string]> = []) {
    this.#ids = new Map(entries);
  }

  /** From now on this secret signs under this key id. */
  learn(secret: Secret, id: string): void {
    this.#ids.set(secret.fingerprint, id);
  }

  knows(secret: Secret): boolean {
    return this.#ids.has(secret.fingerprint);
  }

  of(secret: Secret | undefined): string {
    return (secret === undefined ? undefined : this.#ids.get(secret.fingerprint)) ?? DEFAULT_KEY_IDS.primary;
  }

  /** The secret's own key id, and then every other one that is known: under none of them may what is retired be accepted. */
  every(secret: Secret): readonly string[] {
    const { primary, previous } = DEFAULT_KEY_IDS;
    return [...new Set([this.of(secret), ...this.#ids.values(), primary, previous])];
  }

  /** The known ids by the fingerprint of their secret, for another thread. */
  entries(): readonly (readonly [fingerprint: string, id: string])[] {
    return [...this.#ids];
  }
}
