import type { Replica } from '../../fleet/fleet.ts';
import type { ProbeResult } from '../prober.ts';
import { ask, naming, RETRY, troubleOf, waitOf } from '../retry.ts';
import { wrongSecret } from '../round.ts';
import { slowness } from '../slowness.ts';
import type { Check, CheckContext } from './check.ts';
import { onReplicas, type Sight } from './on-replicas.ts';
import { REPLAY, signerOf } from './replay-read.ts';

/** How often a nonce that was called used is tried anew with another: once may be chance, or a client that resends. */
const RUNS = 3;
const PAUSE_MS = 100;

/** What one run saw; `again`: after how many milliseconds another run, with fresh nonces, may see something else. */
type Run = Sight & { readonly again?: number };

/** A refused request must leave no trace: the signature is checked before the nonce is taken. */
const refusedBurnsNothing: Check = {
  id: 'replay.refused-burns-nothing',
  group: 'replay',
  critical: true,
  title: 'a request that is refused uses up no nonce',
  why: 'a nonce that is taken before the signature is checked can be used up by anyone who sees or guesses it',
  remedy: 'check the signature first, and take the nonce only then',
  needs: ['single-use'],
  look: (context) => onReplicas(context, (replica) => inRuns(context, replica, () => burnRefused(context, replica))),
};

async function burnRefused(context: CheckContext, replica: Replica): Promise<Run> {
  const { prober, random } = context;
  const { client, secret } = signerOf(context);
  const call = { endpoint: replica, client, nonce: prober.nonce(), fresh: true };
  const refused = await prober.probe({ ...call, secret: wrongSecret(random), refusal: 'due' });
  const base = { expected: 'AUTH_INVALID_HMAC, ACCEPTED', seen: refused.outcome.code, samples: 1 };
  if (refused.outcome.code === 'ACCEPTED') return { ...base, verdict: 'fail', reason: 'a wrong secret was accepted' };
  if (refused.outcome.code !== 'AUTH_INVALID_HMAC') return unclear(context, base, refused);
  const right = await prober.probe({ ...call, secret });
  const both = { ...base, seen: `AUTH_INVALID_HMAC, ${right.outcome.code}`, samples: 2 };
  if (right.outcome.code === 'ACCEPTED') return { ...both, verdict: 'pass' };
  if (right.outcome.code !== REPLAY) return unclear(context, both, right);
  const reason = 'a nonce was called used that had only come with a wrong secret: anyone can use up nonces';
  return { ...both, verdict: 'fail', reason, again: 0 };
}

/** Two nonces are the same when they are the same bytes, and else never. */
const nonceExact: Check = {
  id: 'replay.nonce-exact',
  group: 'replay',
  critical: true,
  title: 'nonces that differ in one character are two nonces',
  why: 'a key that folds case or cuts nonces off refuses valid requests as replays',
  remedy: 'take the nonce into the store’s key byte for byte: JSON.stringify([clientId, nonce])',
  hazards: ['H20'],
  needs: ['single-use'],
  look: (context) => onReplicas(context, (replica) => inRuns(context, replica, () => tryVariants(context, replica))),
};

async function tryVariants(context: CheckContext, replica: Replica): Promise<Run> {
  if (context.fleet.probe.scheme?.nonce?.form === 'uuid') {
    const reason = 'nonces are UUIDs, of which two writings may be one';
    return { verdict: 'not-applicable', expected: 'ACCEPTED', seen: 'not sent', reason, samples: 0 };
  }
  const core = `abcdef${context.random.hex(61)}`.slice(0, context.fleet.probe.scheme?.nonce?.digits ?? 64);
  const nonce = context.prober.nonce(core);
  const prefix = nonce.slice(0, nonce.length - core.length);
  const variants = [
    { nonce, differs: undefined },
    { nonce: `${prefix}${core.toUpperCase()}`, differs: 'only in case' },
    {
      nonce: `${nonce.slice(0, -1)}${nonce.endsWith('0') ? '1' : '0'}`,
      differs: `only in their ${core.length}th character`,
    },
  ];
  const expected = variants.map(() => 'ACCEPTED').join(', ');
  const codes: string[] = [];
  for (const { nonce: variant, differs } of variants) {
    const result = await context.prober.probe({ endpoint: replica, ...signerOf(context), nonce: variant });
    const { outcome } = result;
    codes.push(outcome.code);
    const base = { expected, seen: codes.join(', '), samples: codes.length };
    if (outcome.code === REPLAY && differs !== undefined) {
      const reason = `of two nonces that differ ${differs} the second was called used`;
      return { ...base, verdict: 'fail', reason, again: 0 };
    }
    if (outcome.code === 'AUTH_INVALID_NONCE') {
      // Stricter than the protocol, which its clients know: then no two such nonces can meet.
      const reason = `it refuses the nonce itself: ${outcome.reason}`;
      return { ...base, verdict: 'unknown', critical: false, reason };
    }
    if (outcome.code !== 'ACCEPTED') return unclear(context, base, result);
  }
  return { expected, seen: codes.join(', '), verdict: 'pass', samples: codes.length };
}

/** An answer that does not tell; a broken connection and a nonce falsely called used may be better the next time. */
function unclear(
  { fleet }: CheckContext,
  base: Pick<Sight, 'expected' | 'seen' | 'samples'>,
  result: ProbeResult,
): Run {
  const trouble = troubleOf(result);
  const mayPass = result.outcome.code === REPLAY || (trouble !== undefined && RETRY[trouble] !== 'never');
  const again = mayPass ? waitOf(result, PAUSE_MS) : undefined;
  const reason = slowness(result, fleet.replay.maxAgeMs) ?? naming(result.outcome).reason;
  return { ...base, verdict: 'unknown', reason, ...(again === undefined ? {} : { again }) };
}

/** Runs until something is clear. What is held against a replica must repeat, while a nonce of its own is accepted. */
async function inRuns(context: CheckContext, replica: Replica, run: () => Promise<Run>): Promise<Sight> {
  let samples = 0;
  for (let runs = 1; ; runs += 1) {
    const { again, ...sight } = await run();
    samples += sight.samples;
    if (again === undefined) return { ...sight, samples };
    if (runs < RUNS) {
      await context.clock.sleep(again);
      continue;
    }
    if (sight.verdict !== 'fail') return { ...sight, samples };
    const call = { endpoint: replica, ...signerOf(context), fresh: true };
    const { outcome } = await ask(context.prober, context.clock, call, { faults: 2 });
    samples += 1;
    if (outcome.code === 'ACCEPTED') return { ...sight, samples };
    const reason = `${sight.reason}, but a nonce of its own was not accepted either: ${outcome.reason}`;
    return { ...sight, verdict: 'unknown', reason, samples };
  }
}

/** The replay checks of what counts as one nonce. */
export const REPLAY_NONCE: readonly Check[] = [refusedBurnsNothing, nonceExact];
