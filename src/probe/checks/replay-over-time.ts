import type { ReplayContract, Replica } from '../../fleet/fleet.ts';
import { burnBytes, resend } from '../bytes.ts';
import type { Signed } from '../call.ts';
import { type Burned, burn } from '../oracle.ts';
import { persist } from '../retry.ts';
import type { Check, CheckContext } from './check.ts';
import { observe, onReplicas, type Sight, together } from './on-replicas.ts';
import { notBurned, REPLAY, readSight, signerOf } from './replay-read.ts';

/** Time left for the request's own journey, beside the clock error, when it must arrive just inside an edge. */
const JOURNEY_MS = 100;

/** When a burned nonce's life is surely over, Unix milliseconds. */
export function dueAt({ burnedAt }: Pick<Burned, 'burnedAt'>, { nonceTtlMs, clockErrorMs }: ReplayContract): number {
  return burnedAt + nonceTtlMs + clockErrorMs;
}

/** Starts `replay.after-ttl`: burns one nonce at each replica, to be given back as `owed` when they are due. */
export async function burnOwed(context: CheckContext): Promise<Burned[]> {
  // Where nonces are not remembered there is none to give back.
  if (context.fleet.probe.scheme?.singleUse === false) return [];
  const burns = await Promise.all(context.fleet.replicas.map((replica) => burn(context, replica, signerOf(context))));
  return burns.flatMap(({ burned }) => (burned === undefined ? [] : [burned]));
}

/** Second half: after its life a nonce may be used once more, with a new timestamp, and then never again. */
const afterTtl: Check = {
  id: 'replay.after-ttl',
  group: 'replay',
  critical: true,
  title: 'after its life a nonce is accepted once, and then refused',
  why: 'a nonce that never ends fills the store, and one that ends without being taken again is not single-use',
  remedy: 'compare the store’s PX or EX with replay.nonceTtl; a key without expiry shows as PTTL -1',
  hazards: ['H13', 'H10', 'H11', 'fail-open'],
  perDomain: true,
  needs: ['single-use', 'patience'],
  waits: (context) => {
    const due = context.owed.map((owed) => dueAt(owed, context.fleet.replay));
    const { nonceTtlMs, clockErrorMs } = context.fleet.replay;
    return due.length === 0 ? nonceTtlMs + clockErrorMs : Math.max(0, ...due.map((at) => at - context.clock.now()));
  },
  look: async (context) => {
    const { fleet, clock } = context;
    const owed = context.owed.length > 0 ? context.owed : await burnOwed(context);
    const wait = Math.max(0, ...owed.map((each) => dueAt(each, fleet.replay) - clock.now()));
    await pause(context, 'the life of burned nonces', wait);
    const anchor = fleet.replicas.find(({ name }) => owed.some((each) => each.replica === name));
    const own = new Map<string, readonly Part[]>();
    const onward = new Map<string, Part[]>();
    const seen = await onReplicas(context, async (replica) => {
      const parts: Part[] = [];
      for (const each of owed.filter((one) => one.replica === replica.name)) {
        const others = replica === anchor ? fleet.replicas.filter((one) => one !== anchor) : [anchor ?? replica];
        const { there, elsewhere } = await reuse(context, replica, each, others);
        parts.push(there);
        if (replica !== anchor) parts.push(...elsewhere.map(({ read }) => read));
        else for (const { at, read } of elsewhere) onward.set(at, [...(onward.get(at) ?? []), read]);
      }
      if (parts.length > 0) {
        own.set(replica.name, parts);
        return together(parts);
      }
      const reason = 'no nonce was burned here before';
      return { verdict: 'unknown', expected: `ACCEPTED, ${REPLAY}`, seen: 'not sent', reason, samples: 0 };
    });
    return seen.map((one) => {
      const parts = own.get(one.target);
      return parts === undefined ? one : { ...one, ...together([...parts, ...(onward.get(one.target) ?? [])]) };
    });
  },
};

type Part = Sight & { readonly about: string };

/** Uses a nonce again at the replica that took it first, and sends it once more there and to others: each part is one read. */
async function reuse(
  context: CheckContext,
  replica: Replica,
  owed: Burned,
  others: readonly Replica[],
): Promise<{ readonly there: Part; readonly elsewhere: readonly { readonly at: string; readonly read: Part }[] }> {
  const { prober, clock, fleet } = context;
  const expected = `ACCEPTED, ${REPLAY}`;
  const base = { about: `burned at ${owed.replica}`, expected, samples: 1 };
  const call = { ...signerOf(context, owed.client), nonce: owed.nonce };
  await prober.claim(owed.client, [replica, replica, ...others]);
  // Not tried anew after a fault: it may have been taken.
  const first = await prober.probe({ ...call, endpoint: replica });
  const age = Math.round(clock.now() - owed.burnedAt);
  if (first.outcome.code === REPLAY) {
    const reason = `still refused ${age} ms after it was burned, its life being ${fleet.replay.nonceTtlMs} ms`;
    return { there: { ...base, verdict: 'fail', seen: REPLAY, reason, hazards: ['H13'] }, elsewhere: [] };
  }
  if (first.outcome.code !== 'ACCEPTED') {
    const { code, reason } = first.outcome;
    return { there: { ...base, verdict: 'unknown', seen: code, reason }, elsewhere: [] };
  }
  const read = async (other: Replica): Promise<Part> => {
    // It has been taken anew, so that a fault may be tried again without harm.
    const { outcome } = await persist(clock, { faults: 3 }, () =>
      prober.probe({ ...call, endpoint: other, fresh: true, refusal: 'claimed' }),
    );
    const sight = readSight(outcome, 1, `accepted a second time after its life, by ${other.name}`);
    const hazards = other === replica ? (['fail-open', 'H11'] as const) : (['H10', 'H11', 'fail-open'] as const);
    return {
      about: base.about,
      ...sight,
      seen: `ACCEPTED, ${sight.seen}`,
      expected,
      ...(sight.verdict === 'fail' ? { hazards } : {}),
    };
  };
  const [there, elsewhere] = await Promise.all([
    read(replica),
    Promise.all(others.map(async (other) => ({ at: other.name, read: await read(other) }))),
  ]);
  return { there: { ...there, samples: 2 }, elsewhere };
}

/** A nonce must be remembered for as long as its request can live: the slow probe that finds a short life. */
const windowEnd: Check = {
  id: 'replay.window-end',
  group: 'replay',
  critical: true,
  title: 'a request is refused again until the very end of its window',
  why: 'a request stamped ahead of the signer’s clock lives for up to twice the window; its nonce must live longer',
  remedy: 'raise the nonce’s life first, wait for the old one to pass, and only then raise the window',
  hazards: ['H1', 'H8', 'H2', 'H5', 'H19'],
  needs: ['timestamp', 'single-use', 'patience'],
  waits: ({ fleet: { replay } }) => (isForgotten(replay) ? 0 : windowOf(replay)),
  look: async (context) => {
    const { replay, replicas } = context.fleet;
    if (isForgotten(replay)) return onReplicas(context, async () => forgotten(replay));
    const margin = marginOf(replay);
    if (margin > replay.maxAgeMs / 2) {
      const reason = `the window of ${replay.maxAgeMs} ms is too narrow for a clock error of ${replay.clockErrorMs} ms`;
      return onReplicas(context, async () => ({
        verdict: 'unknown',
        expected: REPLAY,
        seen: 'not sent',
        reason,
        samples: 0,
      }));
    }
    const ahead = replay.maxAgeMs - margin;
    const burns = new Map<string, Signed>();
    const failures = await onReplicas(context, async (replica) => {
      const burnt = await burnAhead(context, replica, ahead);
      if (burnt.signed === undefined) return notBurned(burnt.outcome, burnt.samples);
      burns.set(replica.name, burnt.signed);
      return { verdict: 'pass', expected: REPLAY, seen: 'ACCEPTED', samples: burnt.samples };
    });
    const until = [...burns.values()].map(({ timestamp }) => Number(timestamp) + ahead);
    if (until.length > 0) await pause(context, 'the end of the window', Math.min(...until) - context.clock.now());
    const results = await Promise.all(
      replicas.map(async (replica) => {
        const { name } = replica;
        const signed = burns.get(name);
        if (signed === undefined)
          return failures.filter(({ target, verdict }) => target === name && verdict !== 'pass');
        return [await observe(context, name, () => readPatiently(context, replica, signed, ahead))];
      }),
    );
    return results.flat();
  },
};

/** How often the end of a window is waited for, where the last look came too late by our own doing. */
const END_TRIES = 3;

/** Burns a request that is stamped ahead, and so lives for almost twice the window. */
async function burnAhead(context: CheckContext, replica: Replica, ahead: number) {
  const signer = signerOf(context);
  await context.prober.claim(signer.client, [replica], 2 * ahead);
  return burnBytes(context, replica, { ...signer, timestampOffsetMs: ahead });
}

/** Looks at the end of the window, and once more at that of another request where a machine at its limit made us late. */
async function readPatiently(context: CheckContext, replica: Replica, first: Signed, ahead: number): Promise<Sight> {
  const { maxAgeMs, clockErrorMs } = context.fleet.replay;
  let signed = first;
  for (let tries = 1; ; tries += 1) {
    const sight = await readAtEnd(context, replica, signed, ahead);
    const isLate = context.clock.now() > Number(signed.timestamp) + maxAgeMs - clockErrorMs;
    if (sight.seen !== 'AUTH_TIMESTAMP_SKEW' || !isLate || tries === END_TRIES) return sight;
    const burnt = await burnAhead(context, replica, ahead);
    if (burnt.signed === undefined) return sight;
    ({ signed } = burnt);
  }
}

async function readAtEnd(context: CheckContext, replica: Replica, signed: Signed, ahead: number): Promise<Sight> {
  const at = Number(signed.timestamp) + ahead;
  await pause(context, 'the end of the window', at - context.clock.now(), true);
  const outcome = await resend(context, replica, signed);
  const life = `${2 * ahead} ms after its first acceptance`;
  const sight = readSight(
    outcome,
    2,
    `the same request was accepted again ${life}: the nonce was forgotten before its request had died`,
  );
  if (outcome.code !== 'AUTH_TIMESTAMP_SKEW') return sight;
  return {
    ...sight,
    reason: `the request had left the window already ${life}: the replica’s clock is ahead, or its window is shorter than declared`,
  };
}

/** From the first acceptance of a request to the last look at it, just before the end of its window. */
function windowOf(replay: ReplayContract): number {
  return 2 * (replay.maxAgeMs - marginOf(replay));
}

/** Whether the declared numbers say already that the nonce is forgotten before the end: nothing is waited for then. */
function isForgotten(replay: ReplayContract): boolean {
  return replay.nonceTtlMs < windowOf(replay);
}

function forgotten(replay: ReplayContract): Sight {
  const reason = `by the declared numbers its nonce is forgotten after ${replay.nonceTtlMs} ms, and the request lives for ${windowOf(replay)} ms`;
  return { verdict: 'fail', expected: REPLAY, seen: 'not sent', reason, samples: 0 };
}

function marginOf({ clockErrorMs }: ReplayContract): number {
  return clockErrorMs + JOURNEY_MS;
}

async function pause({ clock, onWait, signal }: CheckContext, why: string, ms: number, quiet = false): Promise<void> {
  if (ms <= 0) return;
  if (!quiet) onWait?.(why, ms);
  await clock.sleep(ms, signal);
}

/** The declared numbers against the bound TTL ≥ 2·maxAge + 2E + D, and (of a gate) the second whose fraction is not signed. */
const ttlBound: Check = {
  id: 'replay.ttl-bound',
  group: 'replay',
  critical: true,
  title: 'the declared nonce life covers every request’s life',
  why: 'a request from a client whose clock is ahead lives longer than the window; clocks differ, and the store takes time',
  remedy: 'raise the nonce’s life on every replica, wait for the old life to pass, and declare it in replay.nonceTtl',
  hazards: ['H1'],
  needs: ['timestamp', 'single-use'],
  look: async (context) => [await observe(context, 'fleet', async () => boundSight(context.fleet.replay))],
};

function boundSight({
  maxAgeMs,
  nonceTtlMs,
  clockErrorMs,
  storeTimeoutMs,
  unsignedMs = 0,
}: ReplayContract): Sight & { critical?: boolean } {
  const least = 2 * maxAgeMs;
  const bound = least + 2 * clockErrorMs + storeTimeoutMs + unsignedMs;
  const base = { expected: `at least ${bound} ms`, seen: `${nonceTtlMs} ms`, samples: 1 };
  if (nonceTtlMs >= bound) return { ...base, verdict: 'pass' };
  const sum = `2 × ${maxAgeMs} + 2 × ${clockErrorMs} + ${storeTimeoutMs}${unsignedMs === 0 ? '' : ` + ${unsignedMs} unsigned`} = ${bound} ms`;
  if (nonceTtlMs < least) {
    return { ...base, verdict: 'fail', reason: `below twice the window (${least} ms); the bound is ${sum}` };
  }
  // A hole only for clients whose clock is ahead by almost the whole window: a warning, not a stop.
  const reason = `twice the window (${least} ms) is covered, the bound ${sum} is not`;
  return { ...base, verdict: 'unknown', critical: false, reason };
}

/** The replay checks about time: two wait, one computes. */
export const REPLAY_OVER_TIME: readonly Check[] = [ttlBound, windowEnd, afterTtl];
