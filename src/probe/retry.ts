import type { Endpoint } from '../fleet/fleet.ts';
import type { Outcome } from '../protocol/outcome.ts';
import type { Call } from './call.ts';
import type { Clock } from './ports.ts';
import type { ProbeResult, Prober, Travel } from './prober.ts';

/** Why an answer proves nothing, as far as it matters for trying again. */
export type Trouble = 'rate-limited' | 'unreachable' | 'broken-off' | 'timed-out' | 'unavailable' | 'foreign';

/**
 * Whether an answer that proves nothing is tried again: `always` within the asked time, `asked` only where the caller
 * says that the request may be sent twice, `never` where another try would meet the same.
 */
export const RETRY: Readonly<Record<Trouble, 'always' | 'asked' | 'never'>> = {
  'rate-limited': 'always',
  unreachable: 'asked',
  'broken-off': 'asked',
  'timed-out': 'asked',
  unavailable: 'asked',
  foreign: 'never',
};

const FAULTS: Readonly<Record<string, Trouble>> = {
  ECONNREFUSED: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  ENOTFOUND: 'unreachable',
  EAI_AGAIN: 'unreachable',
  ECONNRESET: 'broken-off',
  EPIPE: 'broken-off',
  ETIMEDOUT: 'timed-out',
  TIMEOUT: 'timed-out',
  SIGNER_UNAVAILABLE: 'unavailable',
};

const FIRST_PAUSE_MS = 50;
/** Longest single wait that a replica may ask for before the probe is given up as inconclusive. */
const LONGEST_WAIT_MS = 60_000;
const DEFAULT_RATE_WAIT_MS = 1000;
const RATE_TRIES = 2;

/** What the trouble is with an answer that proves nothing; `undefined` for one that proves something. */
export function troubleOf(result: ProbeResult): Trouble | undefined {
  if (result.outcome.code !== 'UNKNOWN') return undefined;
  if (result.fault !== undefined) return FAULTS[result.fault.code] ?? 'foreign';
  if (result.status === 429) return 'rate-limited';
  return result.status === 502 || result.status === 503 || result.status === 504 ? 'unavailable' : 'foreign';
}

/**
 * How long to wait before another try, in milliseconds: what a rate limit asks for, else `otherwise`. `undefined` when
 * it asks for more than is ever waited: then the probe is given up.
 */
export function waitOf(result: ProbeResult, otherwise: number): number | undefined {
  const asked = troubleOf(result) === 'rate-limited' ? result.outcome.retryAfterMs : undefined;
  const wait = asked ?? otherwise;
  return wait > LONGEST_WAIT_MS ? undefined : wait;
}

/** The outcome of a probe that is given up because of the wait that it asks for; any other one as it is. */
export function naming(outcome: Outcome): Outcome {
  const { reason, retryAfterMs = 0 } = outcome;
  if (retryAfterMs <= LONGEST_WAIT_MS) return outcome;
  const waits = `it asks to wait ${retryAfterMs / 1000} s, at most ${LONGEST_WAIT_MS / 1000} s are waited`;
  return { ...outcome, reason: `${reason}: ${waits}` };
}

/** Tries that may be made again after a fault; 0 leaves faults to the caller. */
export interface Patience {
  readonly faults: number;
}

/**
 * Sends until an answer proves something, the table says no, or the tries are used up; the pause doubles from 50 ms.
 * `attempt` must be something that may be repeated: a new call with a fresh nonce, or a nonce that is burned anyway.
 */
export async function persist(
  clock: Clock,
  patience: Patience,
  attempt: () => Promise<ProbeResult>,
): Promise<ProbeResult> {
  for (let faults = 0, limited = 0; ; ) {
    const result = await attempt();
    const trouble = troubleOf(result);
    if (trouble === undefined || RETRY[trouble] === 'never') return result;
    if (RETRY[trouble] === 'always') {
      const wait = waitOf(result, DEFAULT_RATE_WAIT_MS);
      if (wait === undefined) return { ...result, outcome: naming(result.outcome) };
      if (limited++ >= RATE_TRIES) return result;
      await clock.sleep(wait);
    } else {
      // A timeout has cost its whole deadline already, so it counts twice.
      faults += trouble === 'timed-out' ? 2 : 1;
      if (faults > patience.faults) return result;
      await clock.sleep(FIRST_PAUSE_MS * 2 ** (faults - 1));
    }
  }
}

/** A call whose nonce is fresh on every try, and where it goes. */
export type FreshCall = Omit<Call, 'nonce'> & Travel & { readonly endpoint: Endpoint };

/**
 * Asks with fresh nonces. `REPLAY_NONCE_USED` for a nonce that was never sent proves nothing (a client library that
 * resends can cause it once), so it is asked once more with another; the second time it is `UNKNOWN` with that reason.
 */
export async function ask(prober: Prober, clock: Clock, call: FreshCall, patience: Patience): Promise<ProbeResult> {
  const attempt = (): Promise<ProbeResult> => persist(clock, patience, () => prober.probe(call));
  const first = await attempt();
  if (first.outcome.code !== 'REPLAY_NONCE_USED') return first;
  const second = await attempt();
  if (second.outcome.code !== 'REPLAY_NONCE_USED') return second;
  const reason = 'REPLAY_NONCE_USED twice for nonces never sent: the store answers wrongly, or something resends';
  return { ...second, outcome: { code: 'UNKNOWN', reason } };
}
