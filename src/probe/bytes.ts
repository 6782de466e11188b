import type { Secret } from '../credential/secret.ts';
import type { Outcome } from '../protocol/outcome.ts';
import type { Signed } from './call.ts';
import type { ProbeResult } from './prober.ts';
import { persist } from './retry.ts';
import type { Target, Tools } from './round.ts';

/** A request whose nonce is burned, ready to be sent again byte for byte; or the answer that came instead. */
export type BurnedBytes =
  | { readonly signed: Signed; readonly samples: number }
  | { readonly signed: undefined; readonly outcome: Outcome; readonly samples: number };

/** Who signs, and how far from now the timestamp is to be, in milliseconds. */
export interface Signer {
  readonly client: string;
  readonly secret: Secret;
  readonly timestampOffsetMs?: number;
}

/** Burns a fresh nonce at a replica and keeps the request. Faults and a false `REPLAY_NONCE_USED` are tried anew. */
export async function burnBytes(tools: Tools, replica: Target, signer: Signer): Promise<BurnedBytes> {
  const { prober, clock } = tools;
  let signed: Signed | undefined;
  let samples = 0;
  const attempt = (): Promise<ProbeResult> =>
    persist(clock, { faults: 2 }, async () => {
      await prober.reserve(replica, 1);
      signed = await prober.sign(signer);
      samples += 1;
      return prober.send(signed, replica, { paid: true });
    });
  let { outcome } = await attempt();
  if (outcome.code === 'REPLAY_NONCE_USED') ({ outcome } = await attempt());
  if (outcome.code === 'ACCEPTED' && signed !== undefined) return { signed, samples };
  return { signed: undefined, outcome, samples };
}

/**
 * Sends burned bytes again; the turn of the refusal has been claimed (`Prober.claim`). As the nonce is burned, a fault may be tried anew without harm. Bytes age while they are
 * sent again and again: a refusal for their time says how old they were.
 */
export async function resend(
  { prober, clock }: Tools,
  replica: Target,
  signed: Signed,
  fresh = false,
): Promise<Outcome> {
  const result = await persist(clock, { faults: 2 }, () => prober.send(signed, replica, { fresh, refusal: 'claimed' }));
  const { outcome, at, ms } = result;
  if (outcome.code !== 'AUTH_TIMESTAMP_SKEW') return outcome;
  const age = Math.round(at + ms - Number(signed.timestamp));
  return { ...outcome, reason: `${outcome.reason}, answered ${age} ms after its timestamp` };
}
