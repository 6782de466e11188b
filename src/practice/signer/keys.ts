import type { FaultName } from '../faults.ts';
import { crashWhenChanged, type Memory } from '../replica/memory.ts';
import type { ClientSecrets } from './config.ts';

/** The secrets that a signer accepts at present, as its faults have bent them. */
export interface Keys {
  /**
   * Takes newly read secrets; throws `CrashOrdered` under the fault `crash-mid-roll`, when they or `beside`, the rest of
   * the configuration, have changed.
   */
  load(clients: ClientSecrets, beside: string): void;
  /** Takes the set of planted faults. */
  plant(faults: ReadonlySet<FaultName>): void;
  secretsOf(clientId: string): readonly string[];
}

/** Keeps the secrets of one signer. */
export function makeKeys(memory: Memory): Keys {
  let faults: ReadonlySet<FaultName> = new Set();
  let loaded: ClientSecrets = new Map();
  let live: ClientSecrets = new Map();
  let configuration: string | undefined;

  const keepOld = (): void => {
    const text = memory.read('keeps-old');
    live = merge(text === undefined ? new Map() : fromText(text), live);
    memory.write('keeps-old', toText(live));
  };
  const settle = (): void => {
    live = faults.has('misses-next') ? new Map([...loaded].map(([id, secrets]) => [id, secrets.slice(0, 1)])) : loaded;
    if (faults.has('keeps-old')) keepOld();
  };
  return {
    load: (clients, beside) => {
      const next = `${toText(clients)}\n${beside}`;
      if (faults.has('crash-mid-roll')) crashWhenChanged(memory, next);
      loaded = clients;
      configuration = next;
      settle();
    },
    plant: (next) => {
      const lifted = [...faults].filter((fault) => !next.has(fault));
      const planted = [...next].filter((fault) => !faults.has(fault));
      faults = next;
      if (configuration === undefined) return;
      if (planted.includes('crash-mid-roll')) crashWhenChanged(memory, configuration);
      if (planted.includes('keeps-old')) keepOld();
      // A lifted fault is a repaired replica; a planted `misses-next` waits for the next load.
      if (lifted.includes('misses-next') || lifted.includes('keeps-old')) settle();
    },
    secretsOf: (clientId) => live.get(clientId) ?? [],
  };
}

function merge(older: ClientSecrets, newer: ClientSecrets): ClientSecrets {
  const ids = new Set([...newer.keys(), ...older.keys()]);
  return new Map([...ids].map((id) => [id, [...new Set([...(newer.get(id) ?? []), ...(older.get(id) ?? [])])]]));
}

function toText(clients: ClientSecrets): string {
  return JSON.stringify([...clients]);
}

function fromText(text: string): ClientSecrets {
  // Our own file, written by `toText`.
  return new Map(JSON.parse(text) as [string, string[]][]);
}
