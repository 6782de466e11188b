import type { Secret } from '../credential/secret.ts';
import type { OutcomeCode } from '../protocol/outcome.ts';
import type { Call } from './call.ts';
import type { ProbeResult } from './prober.ts';
import { persist } from './retry.ts';
import type { Target, Tools } from './round.ts';
import { slowness } from './slowness.ts';

/** Answers that come after the timestamp was found right. */
const INSIDE: ReadonlySet<OutcomeCode> = new Set(['AUTH_INVALID_HMAC', 'REPLAY_NONCE_USED', 'ACCEPTED']);
/** Edges are searched to this share of the window, or to `FINEST_MS` where that is coarser. */
const RESOLUTION = 1 / 2000;
const FINEST_MS = 4;
/** How far beyond the declared window an edge is looked for, in windows, by doubling. */
const FARTHEST_WINDOWS = 16;

/** One timestamp that was tried: its distance from our clock at the middle of the exchange, and the error of that. */
interface Sample {
  readonly offset: number;
  readonly error: number;
  readonly inside: boolean;
}

/** What the unsigned probe found; milliseconds. */
export type ClockReading =
  | {
      readonly kind: 'measured';
      /** The replica's clock minus ours. */
      readonly offsetMs: number;
      /** Half the width of what it accepts: its `timestampMaxAgeMs`. */
      readonly windowMs: number;
      /** Both numbers are right to within this: half the last step of the search and half a round trip. */
      readonly errorMs: number;
      readonly samples: number;
    }
  /** No timestamp within reach is refused (or accepted) on a side: the check is missing, or the clock is far off. */
  | {
      readonly kind: 'no-edge';
      readonly side: 'past' | 'future' | 'all';
      readonly reachMs: number;
      readonly samples: number;
    }
  | { readonly kind: 'unknown'; readonly reason: string; readonly samples: number };

class Inconclusive extends Error {}

/** How a clock is read with requests that are signed right. */
export interface SignedReading {
  readonly secret: Secret;
  /** What a request gets for its time; a service that does not tell answers as to a wrong signature. */
  readonly outside: Extract<OutcomeCode, 'AUTH_TIMESTAMP_SKEW' | 'AUTH_INVALID_HMAC'>;
  /**
   * Every request is signed right, and bears one nonce: the first one inside burns it, so that `REPLAY_NONCE_USED` says
   * "inside" from then on. Otherwise they are signed only where no edge was found without, each with a nonce of its own,
   * because a service may look at the signature, or at the nonce, before the time.
   */
  readonly always: boolean;
}

/**
 * Finds a replica's clock offset and window without a signature and without burning a nonce: the timestamp is checked
 * before the signature, so `AUTH_TIMESTAMP_SKEW` says "outside" and `AUTH_INVALID_HMAC` says "inside". Both edges are
 * bisected, which takes 20 to 30 requests.
 *
 * @param signed for a fleet that may lock out whoever signs badly, and for services that may look at the signature first
 */
export async function readClock(
  tools: Tools,
  replica: Target,
  client: string,
  declaredMs: number,
  signed?: SignedReading,
): Promise<ClockReading> {
  if (signed?.always !== true) {
    const who = { client, secret: undefined, garbage: true as const };
    const reading = await bisect(tools, replica, { who, outside: 'AUTH_TIMESTAMP_SKEW' }, declaredMs);
    if (signed === undefined || reading.kind !== 'no-edge') return reading;
  }
  const { secret, outside, always } = signed;
  const who = { client, secret, ...(always ? { nonce: tools.prober.nonce() } : {}) };
  return bisect(tools, replica, { who, outside }, declaredMs);
}

/** What is sent, and the answer that says "outside". */
interface Bisection extends Pick<SignedReading, 'outside'> {
  readonly who: Pick<Call, 'client' | 'secret' | 'garbage' | 'nonce'>;
}

async function bisect(
  tools: Tools,
  replica: Target,
  { who, outside }: Bisection,
  declaredMs: number,
): Promise<ClockReading> {
  let samples = 0;
  let slow: string | undefined;
  const tryAt = async (offset: number): Promise<Sample> => {
    samples += 1;
    const call = { endpoint: replica, ...who, timestampOffsetMs: offset, refusal: 'due' as const };
    const result = await persist(tools.clock, { faults: 2 }, () => tools.prober.probe(call));
    slow ??= slowness(result, declaredMs);
    return sampleOf(result, outside);
  };
  try {
    // The first request pays for the handshake, which would blur the middle of its exchange.
    await tryAt(0);
    const middle = await findInside(tryAt, declaredMs);
    if (middle === undefined && slow !== undefined) throw new Inconclusive(slow);
    if (middle === undefined) return { kind: 'no-edge', side: 'all', reachMs: 8 * declaredMs, samples };
    const future = await findEdge(tryAt, middle, declaredMs);
    if (future === undefined)
      return { kind: 'no-edge', side: 'future', reachMs: FARTHEST_WINDOWS * declaredMs, samples };
    const past = await findEdge(tryAt, middle, -declaredMs);
    if (past === undefined) return { kind: 'no-edge', side: 'past', reachMs: FARTHEST_WINDOWS * declaredMs, samples };
    const offsetMs = (future.at + past.at) / 2;
    const windowMs = (future.at - past.at) / 2;
    return { kind: 'measured', offsetMs, windowMs, errorMs: Math.max(future.error, past.error), samples };
  } catch (error) {
    if (error instanceof Inconclusive) return { kind: 'unknown', reason: error.message, samples };
    throw error;
  }
}

function sampleOf(result: ProbeResult, outside: OutcomeCode): Sample {
  const { code, reason } = result.outcome;
  const inside = code !== outside && INSIDE.has(code);
  if (code !== outside && !inside) throw new Inconclusive(reason);
  const offset = Number(result.timestamp) - (result.at + result.ms / 2);
  return { offset, error: result.ms / 2, inside };
}

type TryAt = (offset: number) => Promise<Sample>;

/** Some timestamp that is inside: the present one, or the first met in steps of a window to both sides. */
async function findInside(tryAt: TryAt, window: number): Promise<Sample | undefined> {
  for (let step = 0; step <= 8; step += 1) {
    for (const offset of step === 0 ? [0] : [step * window, -step * window]) {
      const sample = await tryAt(offset);
      if (sample.inside) return sample;
    }
  }
  return undefined;
}

/** The edge on one side of a timestamp that is inside; `window` is negative towards the past. */
async function findEdge(
  tryAt: TryAt,
  from: Sample,
  window: number,
): Promise<{ at: number; error: number } | undefined> {
  let inside = from;
  let outside: Sample | undefined;
  for (let reach = 1.25; outside === undefined && reach <= FARTHEST_WINDOWS; reach *= 2) {
    const sample = await tryAt(from.offset + reach * window);
    if (sample.inside) inside = sample;
    else outside = sample;
  }
  if (outside === undefined) return undefined;
  const resolution = Math.max(FINEST_MS, Math.abs(window) * RESOLUTION);
  while (Math.abs(outside.offset - inside.offset) > resolution) {
    const sample = await tryAt((inside.offset + outside.offset) / 2);
    // On a slow line a sample can fall beside the interval; then the line's error is all that is left to find.
    const between = (sample.offset - inside.offset) * (sample.offset - outside.offset) < 0;
    if (!between) break;
    if (sample.inside) inside = sample;
    else outside = sample;
  }
  const gap = Math.abs(outside.offset - inside.offset) / 2;
  return { at: (inside.offset + outside.offset) / 2, error: gap + Math.max(inside.error, outside.error) };
}
