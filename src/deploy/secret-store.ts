import type { Secret } from '../credential/secret.ts';
import type { TextAt } from '../fleet/fleet.ts';

/** A secret as a configuration lists it: itself, or only its name, where what holds it gives no more. */
export type Listed = Secret | { readonly fingerprint: string };

/** A secret that is to stand in a configuration, and which one of its client's it is. */
export interface Entry {
  readonly secret: Secret;
  readonly generation: 'previous' | 'current' | 'next' | undefined;
}

/** A text that is to stand in a configuration beside the secrets, such as a client id. */
export interface PlacedText {
  readonly at: TextAt;
  readonly value: string;
}

/** Where the secrets of clients stand, by client: those that are accepted, or the one that is signed with. */
export interface SecretStore {
  /** The place by its name, for messages. */
  readonly place: string;
  /** What holds a client's secrets there, for messages. */
  describe(clientId: string): string;
  /** What stands there for each client, in its order; `undefined` when the place can be written and not read. */
  read(clientIds: Iterable<string>): Promise<Map<string, readonly Listed[]> | undefined>;
  /** Replaces the lists of the given clients, as one change; nothing is touched when they are so already. */
  write(
    secrets: ReadonlyMap<string, readonly Entry[]>,
    texts?: readonly PlacedText[],
  ): Promise<{ readonly changed: boolean }>;
  /** A text that stands beside the secrets; `undefined` when it is not set. Absent where there is none. */
  text?(at: TextAt): Promise<string | undefined>;
  /** Those of the clients for which the place, as it stands, can hold one secret only; absent where that cannot be told. */
  single?(clientIds: Iterable<string>): Promise<readonly string[]>;
  /** Tries everything of a write but the last step. What stands in the way, besides what it throws; changes nothing. */
  rehearse(clientIds: readonly string[]): Promise<readonly string[]>;
  /** What would keep the place from being written, whatever is to stand there; changes nothing. */
  hindrances(): Promise<readonly string[]>;
}

/** Whether a listed secret is this one. Names are of 64 bits and keyed by the secret, so that equal ones are one secret. */
export function isListed(listed: Listed | undefined, secret: Secret): boolean {
  return listed?.fingerprint === secret.fingerprint;
}
