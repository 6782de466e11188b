import type { Secret } from '../../credential/secret.ts';
import type { ReplayContract } from '../../fleet/fleet.ts';
import { type ClockReading, readClock, type SignedReading } from '../skew.ts';
import type { Check, CheckContext, Observation } from './check.ts';
import { onReplicas, type Sight } from './on-replicas.ts';
import { signerOf } from './replay-read.ts';

type Measured = Extract<ClockReading, { kind: 'measured' }>;

/** The clock and the window of each replica, measured without a signature and without burning a nonce. */
export const CLOCK_WINDOW: Check = {
  id: 'clock.window',
  group: 'clock',
  critical: true,
  title: 'each replica’s clock and window are as declared',
  why: 'a clock that is off refuses valid requests and shortens the life of nonces; the window decides how long they must live',
  remedy:
    'synchronise the clock, or set the signer’s window; if all replicas are off alike, look at the clock of this machine',
  hazards: ['H9'],
  needs: ['timestamp'],
  look: async (context) => {
    const { replay, probe } = context.fleet;
    const { scheme } = probe;
    // A gate counts time in seconds, and may round either way; so may a scheme whose timestamps are whole seconds.
    const unitMs = probe.gate === undefined && scheme?.timestamp !== 'seconds' ? 2 : 1000;
    const { client, secret } = signerOf(context);
    const signed = howSigned(context, secret);
    // A clock that cuts its fractions off is up to a second late.
    const limits = scheme?.timestamp === 'seconds' ? { ...replay, clockErrorMs: replay.clockErrorMs + 500 } : replay;
    const offsets: number[] = [];
    const seen = await onReplicas(context, async (replica) => {
      const reading = await readClock(context, replica, client, replay.maxAgeMs, signed);
      context.onClock?.(replica.name, reading);
      if (reading.kind === 'measured') offsets.push(reading.offsetMs);
      return sightOf(reading, limits, unitMs);
    });
    return offsets.length === context.fleet.replicas.length && allAlike(offsets, limits.clockErrorMs)
      ? seen.map(blame)
      : seen;
  },
};

/** Whether the clock is read with requests that are signed right: see `SignedReading`. */
function howSigned({ fleet: { probe }, sparing }: CheckContext, secret: Secret): SignedReading | undefined {
  const { scheme } = probe;
  const outside = scheme?.tellsTime === false ? 'AUTH_INVALID_HMAC' : 'AUTH_TIMESTAMP_SKEW';
  if (sparing === true || outside === 'AUTH_INVALID_HMAC') return { secret, outside, always: true };
  return scheme === undefined ? undefined : { secret, outside, always: false };
}

function sightOf(reading: ClockReading, replay: ReplayContract, unitMs: number): Sight {
  const { samples } = reading;
  const expected = `clock within ${replay.clockErrorMs} ms, window ${replay.maxAgeMs} ms`;
  switch (reading.kind) {
    case 'unknown':
      return { verdict: 'unknown', expected, seen: 'nothing', reason: reading.reason, samples };
    case 'no-edge':
      return { verdict: 'fail', expected, seen: 'no edge', reason: withoutEdge(reading), samples };
    case 'measured': {
      const seen = `clock ${signed(reading.offsetMs)} ms, window ${Math.round(reading.windowMs)} ms, each within ${Math.ceil(reading.errorMs)} ms`;
      const reasons = faultsOf(reading, replay, unitMs);
      if (reasons.length === 0) return { verdict: 'pass', expected, seen, samples };
      return { verdict: 'fail', expected, seen, reason: reasons.join('; '), samples };
    }
  }
}

/** @param unitMs how coarsely a replica may count time, rounding either way, in milliseconds */
function faultsOf(
  { offsetMs, windowMs, errorMs }: Measured,
  { clockErrorMs, maxAgeMs }: ReplayContract,
  unitMs: number,
): string[] {
  const faults: string[] = [];
  if (Math.abs(offsetMs) > clockErrorMs + errorMs) {
    faults.push(`its clock is ${signed(offsetMs)} ms from ours, allowed are ${clockErrorMs} ms`);
  }
  if (Math.abs(windowMs - maxAgeMs) > errorMs + unitMs) {
    faults.push(`its window is ${Math.round(windowMs)} ms, declared are ${maxAgeMs} ms`);
  }
  return faults;
}

function withoutEdge({ side, reachMs }: Extract<ClockReading, { kind: 'no-edge' }>): string {
  if (side === 'all')
    return `every timestamp within ${reachMs} ms of now is refused: its clock is further off than that`;
  const where = side === 'past' ? 'in the past' : 'ahead';
  return `timestamps ${reachMs} ms ${where} are not refused: a captured request never dies`;
}

/** Whether every offset is beyond the limit on the same side, and they agree among themselves. */
function allAlike(offsets: readonly number[], limit: number): boolean {
  const [least, most] = [Math.min(...offsets), Math.max(...offsets)];
  return offsets.length > 1 && most - least <= limit && (least > limit || most < -limit);
}

function blame(observation: Observation): Observation {
  if (observation.verdict !== 'fail') return observation;
  return {
    ...observation,
    reason: `${observation.reason}; all replicas are off alike, so it is the clock of this machine`,
  };
}

function signed(value: number): string {
  const whole = Math.round(value);
  return whole > 0 ? `+${whole}` : `${whole}`;
}
