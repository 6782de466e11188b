import type { Secret } from '../credential/secret.ts';
import type { Outcome } from '../protocol/outcome.ts';
import type { ProbeResult } from './prober.ts';
import type { Patience } from './retry.ts';
import { ask, persist } from './retry.ts';
import type { Target, Tools } from './round.ts';

/** A nonce that a replica has accepted once. It may be told to others: without a signature it opens nothing. */
export interface Burned {
  readonly nonce: string;
  readonly client: string;
  /** Where it was burned. */
  readonly replica: string;
  /** Unix milliseconds by which the burn was over. */
  readonly burnedAt: number;
}

/** A burn, or the answer that came instead of an acceptance. */
export type Burn = { readonly burned: Burned } | { readonly burned: undefined; readonly outcome: Outcome };

/** What a burned nonce tells about one replica and one secret. */
export type OracleAnswer =
  /** `REPLAY_NONCE_USED`: the replica accepts the secret and knows the nonce, so it shares the store. */
  | 'accepts'
  /** `AUTH_INVALID_HMAC`: the secret is not accepted, given a positive control. */
  | 'refuses'
  /** Accepted: the secret is accepted, and the nonce is unknown here: it was burned a second time. */
  | 'accepts-unshared'
  | 'unknown';

/** Burns a fresh nonce at a replica. */
export async function burn(
  tools: Tools,
  replica: Target,
  who: { readonly client: string; readonly secret: Secret },
  patience: Patience = { faults: 2 },
): Promise<Burn> {
  const result = await ask(tools.prober, tools.clock, { endpoint: replica, ...who }, patience);
  if (result.outcome.code !== 'ACCEPTED') return { burned: undefined, outcome: result.outcome };
  const { nonce } = result;
  return { burned: { nonce, client: who.client, replica: replica.name, burnedAt: tools.clock.now() } };
}

/**
 * Asks a replica about a secret with a nonce that is burned already, signed anew with the present time. Where the store
 * is shared this changes nothing anywhere, because the signature is checked before the nonce and the nonce is refused.
 */
export async function askOracle(
  tools: Tools,
  replica: Target,
  burned: Burned,
  secret: Secret,
  patience: Patience = { faults: 2 },
): Promise<{ readonly answer: OracleAnswer; readonly outcome: Outcome; readonly result: ProbeResult }> {
  const { client, nonce } = burned;
  const result = await persist(tools.clock, patience, () =>
    tools.prober.probe({ endpoint: replica, client, secret, nonce, fresh: true, refusal: 'claimed' }),
  );
  return { answer: answerOf(result.outcome), outcome: result.outcome, result };
}

function answerOf(outcome: Outcome): OracleAnswer {
  switch (outcome.code) {
    case 'REPLAY_NONCE_USED':
      return 'accepts';
    case 'AUTH_INVALID_HMAC':
      return 'refuses';
    case 'ACCEPTED':
      return 'accepts-unshared';
    default:
      return 'unknown';
  }
}
