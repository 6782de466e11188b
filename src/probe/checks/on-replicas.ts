import { escapeForeign } from '../../errors/escape.ts';
import { compose } from '../../errors/verdict.ts';
import type { Replica } from '../../fleet/fleet.ts';
import { isBraked } from '../brake.ts';
import { hazardsOf } from '../hazards.ts';
import type { CheckContext, Observation } from './check.ts';

/** How many replicas are looked at side by side. */
const AT_ONCE = 16;

/** What was seen on a target, without the target and the time, which are the same for every check. */
export type Sight = Omit<Observation, 'target' | 'ms'>;

/** Looks at every replica, some side by side; a look that throws is `unknown` for its replica. */
export async function onReplicas(
  context: CheckContext,
  look: (replica: Replica) => Promise<Sight>,
): Promise<Observation[]> {
  const observations: Observation[] = [];
  const { replicas } = context.fleet;
  for (let from = 0; from < replicas.length; from += AT_ONCE) {
    const batch = replicas.slice(from, from + AT_ONCE);
    observations.push(
      ...(await Promise.all(batch.map((replica) => observe(context, replica.name, () => look(replica))))),
    );
  }
  return observations;
}

/** Times a look and names its target; a look that throws is `unknown`, unless it was the caller who gave up. */
export async function observe(
  { clock, signal }: CheckContext,
  target: string,
  look: () => Promise<Sight>,
): Promise<Observation> {
  const started = clock.monotonic();
  const timed = (sight: Sight): Observation => ({ target, ...sight, ms: clock.monotonic() - started });
  try {
    signal?.throwIfAborted();
    return timed(await look());
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    return timed(thrown(error));
  }
}

/** What a check that threw has seen. @throws RotctlError `PROBE_NOT_INERT`, which is no check's own */
export function thrown(error: unknown): Sight {
  if (isBraked(error)) throw error;
  const text = error instanceof Error ? error.message : String(error);
  return {
    verdict: 'unknown',
    expected: 'a result',
    seen: 'nothing',
    reason: `the check broke: ${escapeForeign(text)}`,
    samples: 0,
  };
}

/** Puts several looks at one target together: the worst verdict, and every reason that is not a pass. */
export function together(parts: readonly (Sight & { readonly about: string })[]): Sight {
  const considered = parts.filter(({ verdict }) => verdict !== 'not-applicable');
  const [only] = parts;
  if (only === undefined)
    return { verdict: 'unknown', expected: 'a result', seen: 'nothing', reason: 'nothing to look at', samples: 0 };
  if (considered.length === 0) return withoutAbout(only);
  const verdict = compose(considered.map((each) => (each.verdict === 'not-applicable' ? 'unknown' : each.verdict)));
  const telling = considered.filter((each) => each.verdict === verdict);
  const first = telling[0] ?? only;
  const hazards = hazardsOf(...telling.map((part) => part.hazards));
  const reasons = telling.flatMap(({ about, reason }) => (reason === undefined ? [] : [`${about}: ${reason}`]));
  return {
    verdict,
    expected: first.expected,
    seen: first.seen,
    ...(reasons.length === 0 ? {} : { reason: reasons.join('; ') }),
    ...(hazards === undefined ? {} : { hazards }),
    samples: parts.reduce((sum, { samples }) => sum + samples, 0),
  };
}

function withoutAbout({ about: _about, ...sight }: Sight & { readonly about: string }): Sight {
  return sight;
}
