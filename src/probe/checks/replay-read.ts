import type { Outcome } from '../../protocol/outcome.ts';
import type { KnownClient } from '../vector-plan.ts';
import type { CheckContext } from './check.ts';
import type { Sight } from './on-replicas.ts';

/** What every read of a burned nonce is to meet. */
export const REPLAY = 'REPLAY_NONCE_USED';

/** Judges a read of a burned nonce; `accepted` says what an acceptance means here. */
export function readSight(outcome: Outcome, samples: number, accepted: string): Sight {
  const base = { expected: REPLAY, seen: outcome.code, samples };
  if (outcome.code === REPLAY) return { ...base, verdict: 'pass' };
  if (outcome.code === 'ACCEPTED') return { ...base, verdict: 'fail', reason: accepted };
  return { ...base, verdict: 'unknown', reason: outcome.reason };
}

/** A replica at which no nonce could be burned. */
export function notBurned(outcome: Outcome, samples: number): Sight {
  const reason = `no nonce could be burned here: ${outcome.reason}`;
  return { verdict: 'unknown', expected: 'ACCEPTED, REPLAY_NONCE_USED', seen: outcome.code, reason, samples };
}

/** The client and secret that the replay checks sign with: the first client's first accepted one. */
export function signerOf(
  context: CheckContext,
  id?: string,
): { client: string; secret: KnownClient['accepted'][number]['secret'] } {
  const client = id === undefined ? context.clients[0] : context.clients.find((each) => each.id === id);
  const secret = client?.accepted[0]?.secret;
  if (client === undefined || secret === undefined) {
    throw new Error(`no accepted secret is known of ${id ?? 'any client'}`);
  }
  return { client: client.id, secret };
}
