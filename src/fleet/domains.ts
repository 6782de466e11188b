import type { Protocol } from '../protocol/protocol.ts';
import type { Refuse } from './refuse.ts';
import { checkStore, type StoreSource, storeSource } from './store.ts';
import type { StoreInput } from './store-schema.ts';
import type { StoresInput } from './stores-schema.ts';

/** Replicas that share one replay store: within them a request is accepted once. */
export interface ReplayDomain {
  readonly name: string;
  /** Names, in the order of the fleet. */
  readonly replicas: readonly string[];
  /** How that store may be looked into. */
  readonly store: StoreSource | undefined;
  /** How long it may take until its nonces are known in the other domains, in milliseconds. */
  readonly lagMs: number;
}

interface Declared {
  readonly stores?: StoresInput;
  readonly store?: StoreInput | undefined;
  readonly replicas: readonly { readonly name: string }[];
}

/** Every replica is in one group, and there is one way to say which store it has. */
export function checkStores({ stores, store, replicas }: Declared, refuse: Refuse): void {
  if (stores === undefined) return;
  if (store !== undefined) refuse(['store'], 'belongs into the groups of stores, where there are any');
  const names = new Map<string, number>();
  const groupOf = new Map<string, string>();
  for (const [index, group] of stores.entries()) {
    const first = names.get(group.name);
    if (first !== undefined) refuse(['stores', index, 'name'], `is the name of stores[${first}] too`);
    names.set(group.name, first ?? index);
    checkStore(group.store, (path, message) => refuse(['stores', index, ...path], message));
    for (const [nth, member] of group.replicas.entries()) {
      const found = replicas.filter(({ name }) => isMember(name, member));
      if (found.length === 0) refuse(['stores', index, 'replicas', nth], `is no replica of this fleet: ${member}`);
      const twice = found.find(({ name }) => (groupOf.get(name) ?? group.name) !== group.name);
      if (twice !== undefined)
        refuse(['stores', index, 'replicas', nth], `${twice.name} is in ${groupOf.get(twice.name)} already`);
      for (const { name } of found) groupOf.set(name, group.name);
    }
  }
  const left = replicas.filter(({ name }) => !groupOf.has(name)).map(({ name }) => name);
  if (left.length > 0) refuse(['stores'], `has no group for ${left.join(', ')}; every replica is in one`);
}

/** The groups of a checked fleet file; none where it has a single store. Paths become absolute. */
export function domainsOf(
  { stores = [], replicas }: Declared,
  protocol: Protocol,
  absolute: (path: string) => string,
): readonly ReplayDomain[] {
  return stores.map((group) => ({
    name: group.name,
    replicas: replicas
      .map(({ name }) => name)
      .filter((name) => group.replicas.some((member) => isMember(name, member))),
    store: storeSource(group.store, protocol, absolute),
    lagMs: group.lag,
  }));
}

function isMember(name: string, member: string): boolean {
  return member.endsWith('*') ? name.startsWith(member.slice(0, -1)) : name === member;
}
