import type { Verdict } from '../errors/verdict.ts';
import type { Outcome, OutcomeCode } from '../protocol/outcome.ts';
import type { Call } from './call.ts';
import { askPresenting } from './certificate-refusal.ts';
import type { ProbeResult } from './prober.ts';
import { ask, naming, RETRY, troubleOf, waitOf } from './retry.ts';
import { type Target, type Tools, wrongSecret } from './round.ts';
import { slowness } from './slowness.ts';
import type { KnownClient, LiveStep } from './vector-plan.ts';

/** How often a vector is run anew, with fresh nonces, when a connection broke or a fresh nonce was called used. */
const RUNS = 3;
/** Pause before that, in milliseconds, unless the answer asks for another. */
const PAUSE_MS = 100;

/** What running a vector on one replica came to. */
export interface VectorOutcome {
  readonly verdict: Verdict;
  readonly expected: string;
  readonly seen: string;
  readonly reason?: string;
  readonly samples: number;
}

interface Answered {
  readonly step: LiveStep;
  readonly outcome: Outcome;
  /** How long the exchange took, in milliseconds. */
  readonly ms: number;
  /** Milliseconds after which the vector may be run anew; absent when that would meet the same. */
  readonly again?: number;
  readonly samples: number;
}

/**
 * Runs a translated vector on one replica, its steps in order, and closes with what makes them count: a secret that is
 * accepted, where the vector has only refusals; a wrong one that is refused, where it has none. `maxAgeMs` is the
 * fleet's window: an exchange that takes half of it says nothing about time.
 */
export async function runVector(
  tools: Tools,
  replica: Target,
  steps: readonly LiveStep[],
  client: KnownClient,
  maxAgeMs: number,
): Promise<VectorOutcome> {
  let samples = 0;
  for (let run = 1; ; run += 1) {
    const answers = await runSteps(tools, replica, steps, client);
    samples += answers.reduce((sum, each) => sum + each.samples, 0);
    const pause = answers.at(-1)?.again;
    if (run < RUNS && pause !== undefined) {
      await tools.clock.sleep(pause);
      continue;
    }
    const outcome = judgeSteps(steps, answers, maxAgeMs);
    if (outcome.verdict !== 'pass') return { ...outcome, samples };
    const controls = await runControls(tools, replica, steps, client);
    return { ...outcome, ...controls, samples: samples + controls.samples };
  }
}

async function runSteps(
  tools: Tools,
  replica: Target,
  steps: readonly LiveStep[],
  control: KnownClient,
): Promise<Answered[]> {
  const nonces = new Map<string, string>();
  // All at once: a nonce, and a request, must not grow old while a later step waits.
  const claimed = steps.filter(isClaimed).map(() => replica);
  await tools.prober.claim(control.id, claimed);
  const used = new Set<string>();
  const answers: Answered[] = [];
  for (const step of steps) {
    const call = callFor(tools, step, nonces);
    const { outcome, samples, last } = await answerTo(tools, replica, step, call, control);
    const again = anew(step, outcome, last, used);
    if (outcome.code === 'ACCEPTED') used.add(last.nonce);
    answers.push({
      step,
      outcome: naming(outcome),
      ms: last.ms,
      samples,
      ...(again === undefined ? {} : { again }),
    });
    if (!fits(step, outcome.code)) break;
  }
  return answers;
}

/** Whether an answer is the expected one, or one that the signer has no other words for. */
function fits({ expect, sameWords }: LiveStep, code: OutcomeCode): boolean {
  return code === expect || (sameWords !== undefined && code === sameWords);
}

/** A caller without a certificate takes its turns as they come. */
function isClaimed({ expect, certificate }: LiveStep): boolean {
  return expect !== 'ACCEPTED' && certificate;
}

/** After how long a vector that met this answer may be run anew: after a broken connection, or a false replay. */
function anew(step: LiveStep, outcome: Outcome, last: ProbeResult, used: ReadonlySet<string>): number | undefined {
  if (outcome.code === 'REPLAY_NONCE_USED') return used.has(last.nonce) || step.expect === outcome.code ? undefined : 0;
  const trouble = outcome.code === 'UNKNOWN' ? troubleOf(last) : undefined;
  return trouble === undefined || RETRY[trouble] === 'never' ? undefined : waitOf(last, PAUSE_MS);
}

async function answerTo(
  tools: Tools,
  replica: Target,
  step: LiveStep,
  call: Call,
  control: KnownClient,
): Promise<{ outcome: Outcome; samples: number; last: ProbeResult }> {
  const accepted = control.accepted[0];
  if (!step.certificate && accepted !== undefined) {
    const asked = { ...call, certificate: false, refusal: 'due' as const };
    const known = { client: control.id, secret: accepted.secret };
    const { result, samples } = await askPresenting(tools, replica, asked, known);
    return { outcome: result.outcome, samples, last: result };
  }
  const refusal = isClaimed(step) ? { refusal: 'claimed' as const } : {};
  const last = await tools.prober.probe({ ...call, endpoint: replica, certificate: step.certificate, ...refusal });
  return { outcome: last.outcome, samples: 1, last };
}

function callFor({ random }: Tools, step: LiveStep, nonces: Map<string, string>): Call {
  const time =
    typeof step.timestamp === 'string' ? { timestampText: step.timestamp } : { timestampOffsetMs: step.timestamp };
  return {
    client: step.client ?? `rotctl-nobody-${random.hex(6)}`,
    secret: step.secret ?? wrongSecret(random),
    nonce: 'literal' in step.nonce ? step.nonce.literal : nonceNamed(step.nonce),
    ...time,
    ...(step.overrideSignature === undefined ? {} : { overrideSignature: step.overrideSignature }),
  };

  function nonceNamed({ named, bytes }: { named: string; bytes: number }): string {
    const nonce = nonces.get(named) ?? random.hex(Math.ceil(bytes / 2)).slice(0, bytes);
    nonces.set(named, nonce);
    return nonce;
  }
}

function judgeSteps(
  steps: readonly LiveStep[],
  answers: readonly Answered[],
  maxAgeMs: number,
): Omit<VectorOutcome, 'samples'> {
  const expected = steps.map(({ expect }) => expect).join(', ');
  const seen = answers.map(({ outcome }) => outcome.code).join(', ');
  const last = answers.at(-1);
  if (last === undefined) return { verdict: 'unknown', expected, seen, reason: 'nothing was sent' };
  if (fits(last.step, last.outcome.code)) {
    const alike = answers.find(({ step, outcome }) => outcome.code !== step.expect);
    if (alike === undefined) return { verdict: 'pass', expected, seen };
    return { verdict: 'pass', expected, seen: `${seen} (no rule of outcomes tells ${alike.step.expect})` };
  }
  const where = `step ${answers.length} of ${steps.length}`;
  const slow = slowness(last, maxAgeMs);
  const aside = slow === undefined ? '' : `; ${slow}`;
  const reason = `${where}: expected ${last.step.expect}, got ${last.outcome.reason}${aside}`;
  return { verdict: proves(last, maxAgeMs) ? 'fail' : 'unknown', expected, seen, reason };
}

/** Whether an answer that was not expected shows that the signer is wrong. A clock or a store in trouble does not. */
function proves({ step, outcome, ms, again }: Answered, maxAgeMs: number): boolean {
  if (again !== undefined) return false;
  const silent: readonly OutcomeCode[] = ['UNKNOWN', 'STORE_FAILED'];
  if (silent.includes(outcome.code)) return false;
  if (typeof step.timestamp === 'string') return true;
  if (outcome.code === 'AUTH_TIMESTAMP_SKEW') return false;
  // A request stamped ahead of the window may have come into it on its way.
  return step.expect !== 'AUTH_TIMESTAMP_SKEW' || step.timestamp < 0 || step.timestamp - ms > maxAgeMs;
}

async function runControls(
  tools: Tools,
  replica: Target,
  steps: readonly LiveStep[],
  client: KnownClient,
): Promise<{ samples: number; verdict?: Verdict; reason?: string }> {
  const accepted = client.accepted[0];
  const probe = (secret: KnownClient['accepted'][number]['secret'], refusal?: 'due'): Promise<ProbeResult> => {
    const call = { endpoint: replica, client: client.id, secret, fresh: true };
    return ask(tools.prober, tools.clock, { ...call, ...(refusal && { refusal }) }, { faults: 2 });
  };
  if (!steps.some(({ expect }) => expect === 'ACCEPTED')) {
    if (accepted === undefined)
      return { samples: 0, verdict: 'unknown', reason: 'no secret to take a positive control with' };
    const { outcome } = await probe(accepted.secret);
    if (outcome.code === 'ACCEPTED') return { samples: 1 };
    const reason = `refused as expected, but a valid request was not accepted here either: ${outcome.reason}`;
    return { samples: 1, verdict: 'unknown', reason };
  }
  if (steps.some(({ expect }) => expect === 'AUTH_INVALID_HMAC')) return { samples: 0 };
  const { outcome } = await probe(wrongSecret(tools.random), 'due');
  if (outcome.code === 'AUTH_INVALID_HMAC') return { samples: 1 };
  if (outcome.code === 'ACCEPTED') return { samples: 1, verdict: 'fail', reason: 'a wrong secret was accepted too' };
  const reason = `not shown that signatures are checked: the wrong-secret control got ${outcome.reason}`;
  return { samples: 1, verdict: 'unknown', reason };
}
