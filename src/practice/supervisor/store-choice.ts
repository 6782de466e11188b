import type { StoreForm } from '../layout.ts';

/**
 * Which store to run: `auto` takes a `redis-server` from PATH when there is one, `redis` demands it; `standalone` is one
 * that keeps nothing over a restart, `persistent` keeps all, as the first two do; `sentinel` is a primary and a replica,
 * `cluster` three nodes.
 */
export const STORE_CHOICES = ['auto', 'embedded', 'redis', 'standalone', 'persistent', 'sentinel', 'cluster'] as const;

/** One of them. */
export type StoreChoice = (typeof STORE_CHOICES)[number];

/** Ports that a store of a form takes: of its nodes, then of the Sentinel or of the cluster's bus. */
export const STORE_PORTS: Readonly<Record<StoreForm, number>> = { single: 1, sentinel: 3, cluster: 6 };

/** Whether `text` names a choice. */
export function isStoreChoice(text: string): text is StoreChoice {
  return (STORE_CHOICES as readonly string[]).includes(text);
}

/** The form that a choice has. */
export function formOf(choice: StoreChoice): StoreForm {
  return choice === 'sentinel' || choice === 'cluster' ? choice : 'single';
}

/** Whether the fleet file says how the store is looked into: where it is surely a Redis, and one of this choice. */
export function isDeclared(choice: StoreChoice): boolean {
  return choice !== 'auto' && choice !== 'redis' && choice !== 'embedded';
}
