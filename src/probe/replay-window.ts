import type { AssumedNumber, ReplayContract } from '../fleet/fleet.ts';
import type { ClockReading } from './skew.ts';

/** Where a number of the bound comes from: the fleet file, its default, or what was measured and is worse than both. */
export type Origin = 'declared' | 'default' | 'measured' | 'protocol';

/** One term of the bound. */
export interface BoundTerm {
  readonly name: 'maxAge' | 'E' | 'D' | 'unsigned';
  readonly ms: number;
  readonly from: Origin;
  /** How often it counts. */
  readonly times: 1 | 2;
  /** What was measured beside it, in words; absent where it cannot be. */
  readonly measured?: string;
}

/** What was measured on one replica; milliseconds. */
export interface ReplicaWindow {
  readonly replica: string;
  readonly clock: ClockReading;
  /** The life of a burned key by the store's own count; `undefined` where it was not looked at. */
  readonly lifeMs: number | undefined;
}

/** The bound of a fleet with every number that is in it. */
export interface WindowReport {
  readonly verdict: 'pass' | 'fail' | 'unknown';
  /** What the verdict rests on, in one sentence. */
  readonly reason: string;
  readonly terms: readonly BoundTerm[];
  readonly neededMs: number;
  readonly haveMs: number;
  readonly haveFrom: Origin;
  readonly haveMeasured?: string;
  readonly marginMs: number;
  /** The same sum with each replica's measured clock and window in place of what is allowed; absent where one was not measured. */
  readonly nowMs?: number;
  /** A life to set that covers the bound with some room. */
  readonly setMs: number;
}

type Measured = ReplicaWindow & { readonly clock: Extract<ClockReading, { kind: 'measured' }> };

/**
 * Puts the bound TTL ≥ 2·maxAge + 2E + D together from what is declared and what was measured, of each the worse. Below
 * twice the window the verdict is `fail`; from there up to the bound, or where a clock could not be read, `unknown`.
 */
export function windowReport(contract: ReplayContract, replicas: readonly ReplicaWindow[]): WindowReport {
  const measured = replicas.filter((one): one is Measured => one.clock.kind === 'measured');
  const terms = termsOf(contract, measured);
  const neededMs = terms.reduce((sum, { ms, times }) => sum + times * ms, 0);
  const lives = replicas.filter((one): one is ReplicaWindow & { lifeMs: number } => one.lifeMs !== undefined);
  const shortest = lives.toSorted((one, other) => one.lifeMs - other.lifeMs)[0];
  const isShorter = shortest !== undefined && shortest.lifeMs < contract.nonceTtlMs - LIFE_SLACK_MS;
  const haveMs = isShorter ? shortest.lifeMs : contract.nonceTtlMs;
  const nowMs = measured.length === replicas.length ? sumNow(contract, measured) : undefined;
  const least = (terms.find(({ name }) => name === 'maxAge')?.ms ?? 0) * 2;
  return {
    ...judge({ haveMs, neededMs, least }, replicas),
    terms,
    neededMs,
    haveMs,
    haveFrom: isShorter ? 'measured' : originOf(contract, 'nonceTtl'),
    ...(shortest === undefined ? {} : { haveMeasured: `${shortest.lifeMs} ms on ${shortest.replica}` }),
    marginMs: haveMs - neededMs,
    ...(nowMs === undefined ? {} : { nowMs }),
    setMs: roundUp(neededMs + 1),
  };
}

/** A key may have lived this much longer than its answer shows. */
const LIFE_SLACK_MS = 250;

function termsOf(contract: ReplayContract, measured: readonly Measured[]): readonly BoundTerm[] {
  const { maxAgeMs, clockErrorMs, storeTimeoutMs, unsignedMs = 0 } = contract;
  const windows = measured.map(({ clock }) => Math.round(clock.windowMs));
  const widest = measured.toSorted((one, other) => other.clock.windowMs - one.clock.windowMs)[0];
  const farthest = measured.toSorted((one, other) => Math.abs(other.clock.offsetMs) - Math.abs(one.clock.offsetMs))[0];
  // A unit that a replica may round by, and the line's own error, are no wider window.
  const slack = (widest?.clock.errorMs ?? 0) + Math.max(2, unsignedMs);
  const isWider = widest !== undefined && widest.clock.windowMs > maxAgeMs + slack;
  const offset = Math.abs(farthest?.clock.offsetMs ?? 0);
  const isOff = farthest !== undefined && offset > clockErrorMs + farthest.clock.errorMs;
  return [
    {
      ...{ name: 'maxAge', times: 2, ms: isWider ? Math.ceil(widest.clock.windowMs) : maxAgeMs },
      from: isWider ? 'measured' : originOf(contract, 'maxAge'),
      ...(windows.length === 0 ? {} : { measured: `${spanOf(windows)} on ${windows.length} replicas` }),
    },
    {
      ...{ name: 'E', times: 2, ms: isOff ? Math.ceil(offset) : clockErrorMs },
      from: isOff ? 'measured' : originOf(contract, 'clockError'),
      ...(farthest === undefined ? {} : { measured: `at most ${Math.round(offset)} ms, on ${farthest.replica}` }),
    },
    { name: 'D', times: 1, ms: storeTimeoutMs, from: originOf(contract, 'storeTimeout') },
    ...(unsignedMs === 0 ? [] : [{ name: 'unsigned', times: 1, ms: unsignedMs, from: 'protocol' } as const]),
  ];
}

function spanOf(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least === most ? `${least} ms` : `${least} to ${most} ms`;
}

function originOf({ assumed = [] }: ReplayContract, name: AssumedNumber): Origin {
  return assumed.includes(name) ? 'default' : 'declared';
}

/** max over i, j of M_i + M_j + e_i − e_j, and D: a request that i takes first may come from as far ahead, and j may be as late. */
function sumNow({ storeTimeoutMs, unsignedMs = 0 }: ReplayContract, measured: readonly Measured[]): number {
  const ahead = Math.max(...measured.map(({ clock }) => clock.windowMs + clock.offsetMs));
  const behind = Math.max(...measured.map(({ clock }) => clock.windowMs - clock.offsetMs));
  return Math.ceil(ahead + behind + storeTimeoutMs + unsignedMs);
}

function judge(
  { haveMs, neededMs, least }: { readonly haveMs: number; readonly neededMs: number; readonly least: number },
  replicas: readonly ReplicaWindow[],
): Pick<WindowReport, 'verdict' | 'reason'> {
  const endless = replicas.find(({ clock }) => clock.kind === 'no-edge');
  if (endless !== undefined)
    return {
      verdict: 'fail',
      reason: `${endless.replica} shows no end of its window: no life of a nonce is long enough`,
    };
  if (haveMs < least)
    return {
      verdict: 'fail',
      reason: `${haveMs} ms is below twice the window: a request can be replayed inside it (H1)`,
    };
  if (haveMs < neededMs) {
    const reason = `${haveMs} ms covers twice the window and not the bound: a request of a client whose clock is ahead can be replayed at its very end (H1)`;
    return { verdict: 'unknown', reason };
  }
  const silent = replicas.find(({ clock }) => clock.kind === 'unknown');
  if (silent !== undefined)
    return { verdict: 'unknown', reason: `the clock and window of ${silent.replica} could not be read` };
  return { verdict: 'pass', reason: `${haveMs} ms covers the bound of ${neededMs} ms` };
}

/** Up to a number that people set: whole seconds, from ten seconds on whole five, from a minute on whole ten. */
function roundUp(ms: number): number {
  const step = ms > 60_000 ? 10_000 : ms > 10_000 ? 5000 : 1000;
  return Math.ceil(ms / step) * step;
}
