import type { Entry } from '../ledger/entry.ts';

/** An outage that was brought about and is not known to be over: what has to be run to end it. */
export interface OwedHook {
  /** `stop`, `freeze`, `fill`. */
  readonly outage: string;
  /** The hook of `rotctl.yaml` that ends it: `start`, `thaw`, `drain`. */
  readonly end: string;
  /** UTC time of the intent. */
  readonly since: string;
}

/** The outages whose intent (`data.outage`, `data.owes`) no later outcome (`data.ended`) settles, the newest of each name. */
export function parseOwedHooks(entries: readonly Entry[]): OwedHook[] {
  const open = new Map<string, OwedHook>();
  for (const { kind, data, at } of entries) {
    if (kind === 'intent' && typeof data.outage === 'string' && typeof data.owes === 'string')
      open.set(data.outage, { outage: data.outage, end: data.owes, since: at });
    if (kind === 'outcome' && typeof data.ended === 'string') open.delete(data.ended);
  }
  return [...open.values()];
}
