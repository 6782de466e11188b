import type { Hazard } from '../hazards.ts';
import type { Asked } from './held-nonces.ts';
import type { StoreEvent } from './store-mark.ts';

/** What was going on when nonces were lost, as an operator says it. */
export const HOLD_EVENTS = ['roll', 'rollback', 'replica-restart', 'store-restart', 'failover', 'other'] as const;
export type HoldEvent = (typeof HOLD_EVENTS)[number];

/** Why nonces were lost, most likely: the hazards, and in words. */
export interface LossCause {
  readonly hazards: readonly Hazard[];
  readonly what: string;
}

/** What is known of nonces that the store has lost, for every replica that shares it. */
export interface Loss {
  readonly lost: readonly Asked[];
  /** What was refused as it must be at the same look. */
  readonly held: readonly Asked[];
  /** What was seen to happen to the store since the nonces held; `undefined` where it cannot be looked into. */
  readonly events: readonly StoreEvent[] | undefined;
  /** Nonces that were burned after an earlier loss without a cause are lost, too. */
  readonly again: boolean;
  readonly during: HoldEvent | undefined;
}

const LIKELY: Readonly<Record<HoldEvent, LossCause>> = {
  roll: {
    hazards: ['H10', 'H11'],
    what: 'a roll that gave all replicas another store, database or prefix, or memory of their own',
  },
  rollback: { hazards: ['H10'], what: 'a rollback that put back another store, database or prefix' },
  'replica-restart': { hazards: ['H11'], what: 'nonces that are kept in the replica’s own memory' },
  'store-restart': { hazards: ['H5'], what: 'a restart of the store without persistence' },
  failover: { hazards: ['H4'], what: 'a fail-over to a replica that had not got the last writes' },
  other: {
    hazards: ['H5', 'H4', 'H19'],
    what: 'a store that was restarted without persistence, failed over, or flushed',
  },
};

/** Says what has lost the nonces: what was seen of the store first, then which ones are lost, then what was said to happen. */
export function explainLoss({ lost, held, events, again, during }: Loss): LossCause {
  const named = (events ?? []).filter(({ hazard }) => hazard !== undefined);
  if (named.length > 0) {
    const hazards = [...new Set(named.flatMap(({ hazard }) => hazard ?? []))];
    return { hazards, what: named.map(({ what }) => what).join('; ') };
  }
  const youngest = Math.min(...lost.map(({ ageMs }) => ageMs));
  const [origin, ...others] = [...new Set(lost.map(({ held: { replica } }) => replica))];
  const survivors = held.filter(({ ageMs }) => ageMs >= youngest);
  if (survivors.length > 0 && others.length === 0 && survivors.every(({ held: { replica } }) => replica !== origin)) {
    return {
      hazards: ['H1'],
      // Whoever is asked for a nonce may set its life anew.
      what: `nonces that ${origin} took are forgotten within ${youngest} ms: it gave them a shorter life than replay.nonceTtl, or a replica that was asked for them since has shortened it`,
    };
  }
  if (survivors.length > 0)
    return {
      hazards: ['H2', 'H15'],
      what: `older nonces are still there: keys are evicted, or a slot of the cluster moved without its keys`,
    };
  if (again)
    return {
      hazards: ['H1', 'H2'],
      what: `nonces are lost again and again (these after ${youngest} ms): they live shorter than replay.nonceTtl says, or are evicted`,
    };
  if (during !== undefined && during !== 'other') return LIKELY[during];
  if (events !== undefined)
    return {
      hazards: ['H1', 'H2'],
      what: 'the store shows no restart, fail-over or flush: the keys expired early, were evicted or deleted',
    };
  const { hazards, what } = LIKELY.other;
  return { hazards, what: `${what}; with store: in rotctl.yaml it is told which` };
}

/** Why a replica takes nonces that the others refuse. */
export function explainDrift(replicas: readonly string[], during: HoldEvent | undefined): LossCause {
  const event = during === undefined || during === 'other' ? '' : ` since the ${during}`;
  const who =
    replicas.length === 1
      ? `${replicas[0]} does not share the others’ store${event}`
      : `${replicas.join(' and ')} do not share one store${event}`;
  return {
    hazards: ['H10', 'H11'],
    what: `${who}: another database, prefix or Redis (namespace drift), or nonces in its own memory`,
  };
}

/** A leak in words. */
export function sayLeak(lost: readonly Asked[], { hazards, what }: LossCause): string {
  const [first] = lost;
  if (first === undefined) return what;
  const who = [...new Set(lost.map(({ replica }) => replica))];
  const more = who.length > 1 ? ` (${who.slice(1).join(', ')} did so with others)` : '';
  return `${first.replica} accepted again a nonce that ${first.held.replica} took ${first.ageMs} ms before${more}; most likely ${hazards.join(' or ')}: ${what}`;
}
