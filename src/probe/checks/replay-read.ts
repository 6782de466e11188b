import type { Outcome } from '../../protocol/outcome.ts';
import type { Burned } from '../oracle.ts';
import type { ProbeResult } from '../prober.ts';
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

/**
 * Whether what is to be refused may have to wait for its turn, for longer than a nonce or a request lives. Then what is read
 * is burned anew once its turn is there.
 */
export function waitsForTurns(mostRefusals: number): boolean {
  return Number.isFinite(mostRefusals);
}

/** Why an acceptance of a burned nonce shows nothing: by then its life may have been over. */
export function lifeOver(
  { fleet: { replay } }: Pick<CheckContext, 'fleet'>,
  { burnedAt }: Burned,
  { at, ms }: Pick<ProbeResult, 'at' | 'ms'>,
): string | undefined {
  const age = Math.round(at + ms - burnedAt);
  if (age < replay.nonceTtlMs - replay.clockErrorMs) return undefined;
  return `accepted ${age} ms after it was burned, when its life of ${replay.nonceTtlMs} ms may have been over: there was too long a wait`;
}

/** As `readSight`, of a nonce that is no evidence any more once its life is over. */
export function readInLife(
  context: Pick<CheckContext, 'fleet'>,
  burned: Burned,
  { outcome, result }: { readonly outcome: Outcome; readonly result: ProbeResult },
  accepted: string,
): Sight {
  const sight = readSight(outcome, 1, accepted);
  const over = sight.verdict === 'fail' ? lifeOver(context, burned, result) : undefined;
  return over === undefined ? sight : { ...sight, verdict: 'unknown', reason: over };
}

/** How often bytes that grew too old are burned anew: a machine that stands still this often is a finding itself. */
const AGED_TRIES = 2;

/**
 * Takes a look once more when the bytes that it burned grew too old to be judged, as on a machine that stands still for a
 * moment: their refusal for their time says nothing of the store. `again` says that all has to be burned anew.
 */
export async function beforeTheyAge(look: (again: boolean) => Promise<Sight>): Promise<Sight> {
  let sight = await look(false);
  for (let n = 0; n < AGED_TRIES && sight.verdict === 'unknown' && sight.seen === 'AUTH_TIMESTAMP_SKEW'; n += 1) {
    const again = await look(true);
    sight = { ...again, samples: sight.samples + again.samples };
  }
  return sight;
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
