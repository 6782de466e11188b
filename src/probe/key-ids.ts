import type { Secret } from '../credential/secret.ts';
import type { DescribedScheme } from '../fleet/fleet.ts';
import { DEFAULT_KEY_IDS } from '../protocol/gate-v1.ts';
import type { Protocol } from '../protocol/protocol.ts';
import type { Call } from './call.ts';
import { describedKeyId } from './described-call.ts';

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

/** The key ids of a fleet, whatever its protocol makes them of. */
export interface FleetKeyIds {
  /** Told of each call: where key ids come of secrets, these are known by what was signed. */
  learn(call: Call): void;
  /** The key id that a secret signs under; `undefined` where there are none. */
  of(secret: Secret): string | undefined;
  /** A secret's own key id and the others of its client, under which it must be refused too; none where there are none. */
  every(secret: Secret, client?: string): readonly string[];
}

const NONE: FleetKeyIds = { learn: () => {}, of: () => undefined, every: () => [] };

/** The key ids of gates go by what their configurations say, those of a described scheme are made from the secrets. */
export function idsOf(scheme: DescribedScheme | undefined, protocol: Protocol, keyIds: KeyIds): FleetKeyIds {
  if (protocol === 'gate-v1')
    return { ...NONE, of: (secret) => keyIds.of(secret), every: (secret) => keyIds.every(secret) };
  if (scheme?.keyId === undefined) return NONE;
  // By client, because a client's secret under another client's key id is another matter.
  const clients = new Map<string, Map<string, string>>();
  const of = (secret: Secret) => describedKeyId(secret, scheme);
  return {
    learn({ client, secret, keyId }) {
      const id = secret === undefined ? undefined : of(secret);
      // A wrong secret is sent under the key id of another, so that it is the signature that is refused.
      if (secret === undefined || id === undefined || (keyId !== undefined && keyId !== id)) return;
      // Nor is a secret that is tried under another client's id that client's.
      if ([...clients].some(([other, ids]) => other !== client && ids.has(secret.fingerprint))) return;
      const known = clients.get(client) ?? new Map<string, string>();
      clients.set(client, known.set(secret.fingerprint, id));
    },
    of,
    every(secret, client = '') {
      const own = of(secret);
      return own === undefined ? [] : [...new Set([own, ...(clients.get(client)?.values() ?? [])])];
    },
  };
}
