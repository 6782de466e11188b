/** What a store said to one command. */
export type StoreAnswer =
  | { readonly kind: 'value'; readonly value: unknown }
  /** An error of Redis, such as `NOPERM` (the login may not), `LOADING`, `CLUSTERDOWN`: its first word, and its text. */
  | { readonly kind: 'error'; readonly code: string; readonly reason: string }
  /** No answer: refused, reset, timed out, a certificate that is not trusted. */
  | { readonly kind: 'fault'; readonly reason: string };

/** The passwords of a store and of its Sentinels, where they have one. */
export interface StorePasswords {
  readonly store: string | undefined;
  readonly sentinel: string | undefined;
}

/** A look into the replay store, with commands that change nothing. Nothing here throws for what the store does. */
export interface StoreView {
  /**
   * Names (`host:port`) of the nodes that hold nonces: the one Redis, the primary that Sentinels name, or the known nodes
   * of a cluster; or why they cannot be told.
   */
  nodes(): Promise<readonly string[] | { readonly reason: string }>;
  /** Asks one node: one of `nodes`, or another of the same store that one of them named, `host:port`. */
  ask(node: string, ...command: readonly string[]): Promise<StoreAnswer>;
  /** Asks the node that holds a key; of a cluster that is found by its own `MOVED`. */
  askKey(key: string, ...command: readonly string[]): Promise<StoreAnswer>;
  close(): Promise<void>;
}

/** The fields of an answer to `INFO`: `name:value` lines. */
export function infoFields(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}
