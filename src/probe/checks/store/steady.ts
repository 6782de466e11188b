import { readStoreMark, type StoreMark, storeEvents } from '../../hold/store-mark.ts';
import type { StoreView } from '../../store-view.ts';
import type { Check, CheckContext } from '../check.ts';
import { observe } from '../on-replicas.ts';
import { storeOf } from './on-nodes.ts';

const EXPECTED = 'no restart, fail-over, flush or eviction while it was looked at';

/** What each store was like when it was first looked at, for as long as its view lives. */
const first = new WeakMap<StoreView, Promise<StoreMark>>();

/** Remembers what a store is like before the checks, for `store.steady` after them. */
export function rememberMark(context: CheckContext): void {
  const store = storeOf(context);
  if (!first.has(store)) first.set(store, readStoreMark(store, context.clock));
}

/** The last check of all: what happened to the store since the first. */
export const STORE_STEADY: Check = {
  id: 'store.steady',
  group: 'store',
  critical: false,
  title: 'nothing happened to the store while it was looked at',
  why: 'what was proven before a restart, a fail-over or a flush is not proven after it',
  remedy: 'find what was done to the store, and run this again; `verify-replay --watch` keeps on looking',
  hazards: ['H2', 'H4', 'H5', 'H15', 'H19'],
  needs: ['store'],
  look: async (context) => [
    await observe(context, 'store', async () => {
      const store = storeOf(context);
      const before = await first.get(store);
      if (before === undefined) {
        const reason = 'it was not looked at before';
        return { verdict: 'not-applicable', expected: EXPECTED, seen: 'one look', reason, samples: 1 };
      }
      const after = await readStoreMark(store, context.clock);
      if ('reason' in before || 'reason' in after) {
        const reason = 'reason' in after ? after.reason : 'reason' in before ? before.reason : '';
        return { verdict: 'unknown', expected: EXPECTED, seen: 'nothing', reason, samples: 2 };
      }
      // Of its clock there is a check of its own, which knows how exact a look is.
      const events = storeEvents(before, after).filter(({ hazard }) => hazard !== 'H8');
      if (events.length === 0) return { verdict: 'pass', expected: EXPECTED, seen: 'nothing happened', samples: 2 };
      const hazards = [...new Set(events.flatMap(({ hazard }) => hazard ?? []))];
      const reason = events.map(({ what }) => what).join('; ');
      return { verdict: 'fail', expected: EXPECTED, seen: `${events.length} events`, hazards, reason, samples: 2 };
    }),
  ],
};
