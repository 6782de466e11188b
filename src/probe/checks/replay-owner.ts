import type { Replica } from '../../fleet/fleet.ts';
import type { ProbeResult } from '../prober.ts';
import { persist } from '../retry.ts';
import type { Check, CheckContext } from './check.ts';
import { onReplicas, type Sight } from './on-replicas.ts';
import { REPLAY } from './replay-read.ts';

/** A nonce that is called used must be so with this many fresh nonces: once may be chance. */
const RUNS = 3;

/** Whether a nonce belongs to the client that used it, or is used up for everybody. */
export const REPLAY_NONCE_OWNER: Check = {
  id: 'replay.nonce-owner',
  group: 'replay',
  critical: true,
  title: 'a nonce is used up for whom rotctl.yaml says',
  why: 'where a used nonce is remembered without its client id, one client can use up nonces of another, and what is right for one looks like a replay',
  remedy:
    'put the client id into the key: JSON.stringify([clientId, nonce]); where that is how it is meant, say replay.nonceKey: global',
  hazards: ['H21'],
  apart: true,
  needs: ['single-use', 'client-id', 'two-clients'],
  protocol: ['keyring-v1', 'described'],
  look: (context) => onReplicas(context, (replica) => lookAt(context, replica)),
};

async function lookAt(context: CheckContext, replica: Replica): Promise<Sight> {
  const { nonceKey: declared } = context.fleet.replay;
  const expected = declared === undefined ? 'a nonce of its own for each client' : saidOf(declared);
  let samples = 0;
  for (let run = 1; ; run += 1) {
    const { mine, theirs } = await useTwice(context, replica);
    samples += 2;
    const base = { expected, samples };
    const strange = [mine, theirs].find(({ outcome }) => !['ACCEPTED', REPLAY].includes(outcome.code));
    if (strange !== undefined)
      return { ...base, verdict: 'unknown', seen: strange.outcome.code, reason: strange.outcome.reason };
    const isGlobal = theirs.outcome.code === REPLAY;
    if (run < RUNS && (isGlobal || mine.outcome.code === REPLAY)) continue;
    if (mine.outcome.code === REPLAY)
      return { ...base, verdict: 'unknown', seen: REPLAY, reason: 'nonces that were never sent are called used' };
    return judge(base, isGlobal ? 'global' : 'client', declared);
  }
}

function judge(
  base: Pick<Sight, 'expected' | 'samples'>,
  found: 'client' | 'global',
  declared: 'client' | 'global' | undefined,
): Sight {
  const seen = saidOf(found);
  if (found === declared) return { ...base, verdict: 'pass', seen: `${seen}, as declared` };
  if (declared === undefined && found === 'client') return { ...base, verdict: 'pass', seen };
  const reason =
    found === 'global'
      ? 'the nonce of one client was called used for another: the key has no client id'
      : 'the nonce of one client was accepted for another: the key has the client id, rotctl.yaml says global';
  if (declared !== undefined) return { ...base, verdict: 'fail', seen, reason, hazards: ['H21'] };
  return {
    ...base,
    verdict: 'unknown',
    critical: false,
    seen,
    reason: `${reason}; declare it as replay.nonceKey`,
    hazards: ['H21'],
  };
}

function saidOf(key: 'client' | 'global'): string {
  return key === 'client' ? 'used up for its client alone' : 'used up for every client';
}

/** A fresh nonce in the name of the first client, and then of the second, each signed right. */
async function useTwice(
  context: CheckContext,
  replica: Replica,
): Promise<{ readonly mine: ProbeResult; readonly theirs: ProbeResult }> {
  const nonce = context.prober.nonce();
  const [one, other] = context.clients;
  const isGlobal = context.fleet.replay.nonceKey !== 'client';
  // Before the first use: the nonce would grow old while its refusal waits for a turn.
  if (isGlobal && other !== undefined) await context.prober.claim(other.id, [replica]);
  const use = async (client: typeof one, refusal: 'claimed' | undefined): Promise<ProbeResult> => {
    const secret = client?.accepted[0]?.secret;
    if (client === undefined || secret === undefined) throw new Error('no accepted secret is known of two clients');
    const call = { endpoint: replica, client: client.id, secret, nonce, fresh: true };
    return persist(context.clock, { faults: 0 }, () =>
      context.prober.probe(refusal === undefined ? call : { ...call, refusal }),
    );
  };
  const mine = await use(one, undefined);
  return { mine, theirs: await use(other, isGlobal ? 'claimed' : undefined) };
}
