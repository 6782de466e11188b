import type { Endpoint } from '../../fleet/fleet.ts';
import { type BurnedBytes, burnBytes, resend } from '../bytes.ts';
import type { Target } from '../round.ts';
import type { Check, CheckContext, Observation } from './check.ts';
import { observe, type Sight, together } from './on-replicas.ts';
import { bursts, copiesFor } from './replay-concurrent.ts';
import { notBurned, readSight, signerOf, waitsForTurns } from './replay-read.ts';

/** Reads through the balancer: two for each replica, so that others than the first are met, within these limits. */
const [FEWEST, MOST] = [4, 16];

/** Behind the balancer a request meets whichever replica is next: burned through it and read through it, and from outside it. */
export const REPLAY_BALANCER: Check = {
  id: 'replay.balancer',
  group: 'replay',
  critical: true,
  title: 'a request is accepted once through the balancer',
  why: 'it is the way that a captured request comes back: to another replica than the first time, or to one that is not listed',
  remedy:
    'give every replica behind the balancer the same store, database, prefix and key function; look for targets that rotctl.yaml does not list',
  hazards: ['H11', 'H10', 'H14', 'H20'],
  apart: true,
  needs: ['single-use', 'balancer'],
  look: async (context) => {
    const { balancer } = context.fleet;
    return balancer === undefined ? [] : [await lookThrough(context, balancer)];
  },
};

/** Bursts of copies at once through the balancer. */
export const BURSTS_THROUGH = 2;

/** Copies in each of them. */
export function copiesThrough(replicas: number): number {
  return copiesFor(replicas, Number.POSITIVE_INFINITY);
}

/** How often bytes that were burned through a balancer are read through it. */
export function readsThrough(replicas: number): number {
  return Math.min(MOST, Math.max(FEWEST, 2 * replicas));
}

/** Whether requests that are to be refused may go through a balancer, where so many refusals may be met at a time. */
export function mayRefuse(mostRefusals: number): boolean {
  return !Number.isFinite(mostRefusals);
}

function lookThrough(context: CheckContext, balancer: Endpoint): Promise<Observation> {
  return observe(context, 'balancer', async () => {
    const { replicas } = context.fleet;
    const front: Target = { ...balancer, name: 'balancer' };
    const times = readsThrough(replicas.length);
    const through = Array.from({ length: times }, () => front);
    const [first] = replicas;
    const ways: [Target, readonly Target[]][] = [
      [front, replicas],
      // What must be refused goes through the balancer only where that locks nobody out.
      ...(mayRefuse(context.prober.mostRefusals) ? ([[front, through]] as [Target, Target[]][]) : []),
      ...(mayRefuse(context.prober.mostRefusals) && first !== undefined
        ? ([[first, [front]]] as [Target, Target[]][])
        : []),
    ];
    const parts: (Sight & { about: string })[] = [];
    for (const [at, readers] of ways) {
      parts.push(await burnAndRead(context, at, readers));
      if (parts.at(-1)?.verdict !== 'pass') return together(parts);
    }
    if (mayRefuse(context.prober.mostRefusals)) {
      const copies = Array.from({ length: copiesThrough(replicas.length) }, () => front);
      const sight = await bursts(context, BURSTS_THROUGH, () => copies);
      // Behind a balancer it may be the replicas' race, or that they share nothing.
      const hazards = ['H12', 'H11', 'H10', 'H14'] as const;
      parts.push({ about: 'copies at once', ...sight, ...(sight.verdict === 'fail' ? { hazards } : {}) });
    }
    return together(parts);
  });
}

/** Burns at one address and reads at others on fresh connections, until one of them does not call it a replay. */
async function burnAndRead(
  context: CheckContext,
  at: Target,
  readers: readonly Target[],
): Promise<Sight & { about: string }> {
  const about = `burned at ${at.name}`;
  const signer = signerOf(context);
  let burnt: BurnedBytes | undefined;
  let samples = 0;
  let sight: Sight | undefined;
  for (const reader of readers) {
    await context.prober.claim(signer.client, [reader]);
    if (burnt === undefined || waitsForTurns(context.prober.mostRefusals)) {
      burnt = await burnBytes(context, at, signer);
      samples += burnt.samples;
    }
    if (burnt.signed === undefined) return { about, ...notBurned(burnt.outcome, samples) };
    const outcome = await resend(context, reader, burnt.signed, true);
    samples += 1;
    sight = readSight(outcome, samples, `accepted at ${at.name} and again at ${reader.name}`);
    if (sight.verdict !== 'pass') break;
  }
  return { about, ...(sight ?? notBurned({ code: 'UNKNOWN', reason: 'nothing to read it' }, samples)) };
}
