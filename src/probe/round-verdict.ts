import type { Verdict } from '../errors/verdict.ts';
import type { OutcomeCode } from '../protocol/outcome.ts';
import type { Cell } from './finding.ts';
import type { ProbeResult } from './prober.ts';

/** What was seen of one generation in a round; the last result is the one that did not fit, if any. */
export interface Seen {
  readonly generation: 'current' | 'next' | 'wrong';
  readonly expect: 'ACCEPTED' | 'AUTH_INVALID_HMAC' | 'AUTH_INVALID_CLIENT' | 'AUTH_MTLS_REQUIRED';
  /** The client id that it was sent under, where that is another than the client's. */
  readonly id?: string;
  readonly results: readonly ProbeResult[];
}

interface Judged {
  readonly verdict: Verdict;
  readonly reason?: string;
}

/** Refusals that show a valid request to be locked out; the others have causes that say nothing about the secret. */
const LOCKED_OUT: ReadonlySet<OutcomeCode> = new Set([
  'AUTH_INVALID_HMAC',
  'AUTH_INVALID_CLIENT',
  'AUTH_MTLS_REQUIRED',
]);

/**
 * Judges one client's round on one replica, the answers together:
 *
 * - an acceptance counts only when the wrong secret was refused, because a signer that checks nothing accepts everything;
 * - a refusal counts only when another secret of the same client was accepted, because a wrong client id, path or clock
 *   is refused too;
 * - answers under two certificates come from two processes, or from one that was changed meanwhile, and prove nothing,
 *   unless the address is one behind which several are to be expected (`many`).
 */
export function judgeRound(client: string, replica: string, seen: readonly Seen[], many = false): Cell[] {
  const peers = new Set(seen.flatMap(({ results }) => results.flatMap(({ peer }) => peer ?? [])));
  const unsteady =
    peers.size > 1 && !many
      ? `${peers.size} certificates answered within one round: more than one process is behind this address, or it was changed meanwhile`
      : undefined;
  return seen.map((each) => {
    const judged = each.expect === 'ACCEPTED' ? acceptance(each, seen, many) : refusal(each, seen);
    const held: Judged =
      unsteady !== undefined && judged.verdict === 'pass' ? { verdict: 'unknown', reason: unsteady } : judged;
    return cellOf(client, replica, each, held);
  });
}

function acceptance(each: Seen, seen: readonly Seen[], many: boolean): Judged {
  const got = worstOf(each);
  if (got === undefined) return { verdict: 'unknown', reason: 'nothing was sent' };
  const tries = each.results.length;
  const once =
    tries === 1 ? '' : `, on try ${tries}, after it was accepted: more than one process is behind this address`;
  if (LOCKED_OUT.has(got.outcome.code)) return { verdict: 'fail', reason: `${refusedWith(got)}${once}` };
  if (got.outcome.code !== 'ACCEPTED') return { verdict: 'unknown', reason: got.outcome.reason };
  // Through a balancer no wrong secret is sent: that the replicas check signatures is shown at each of them.
  if (many) return { verdict: 'pass' };
  const control = seen.find(({ generation }) => generation === 'wrong');
  const answer = control === undefined ? undefined : worstOf(control)?.outcome;
  if (answer?.code === 'ACCEPTED') return { verdict: 'fail', reason: 'a wrong secret was accepted too' };
  if (answer?.code !== 'AUTH_INVALID_HMAC') {
    const why = answer === undefined ? 'was not sent' : `got ${answer.reason}`;
    return { verdict: 'unknown', reason: `not shown that signatures are checked: the wrong-secret control ${why}` };
  }
  return { verdict: 'pass' };
}

function refusal(each: Seen, seen: readonly Seen[]): Judged {
  const got = worstOf(each);
  if (got === undefined) return { verdict: 'unknown', reason: 'nothing was sent' };
  if (got.outcome.code === 'ACCEPTED') {
    const what = each.generation === 'wrong' ? 'signatures are not checked here' : 'still accepted';
    return { verdict: 'fail', reason: `${what}, on try ${each.results.length}` };
  }
  if (each.expect === 'AUTH_INVALID_CLIENT' && got.outcome.code === 'AUTH_INVALID_HMAC') {
    return { verdict: 'fail', reason: `the client id is still known here: ${got.outcome.reason}` };
  }
  if (got.outcome.code !== each.expect) return { verdict: 'unknown', reason: got.outcome.reason };
  const positive = seen.some(
    ({ expect, results }) => expect === 'ACCEPTED' && results.at(-1)?.outcome.code === 'ACCEPTED',
  );
  if (positive) return { verdict: 'pass' };
  return { verdict: 'unknown', reason: 'refused, but no secret of this client was accepted here in the same round' };
}

function refusedWith({ outcome }: ProbeResult): string {
  return outcome.reason.startsWith('refused') ? outcome.reason : `refused with ${outcome.reason}`;
}

/** Rounds stop at the first answer that does not fit, so the last one decides. */
function worstOf(each: Seen): ProbeResult | undefined {
  return each.results.at(-1);
}

function cellOf(client: string, replica: string, each: Seen, { verdict, reason }: Judged): Cell {
  const last = worstOf(each);
  return {
    client,
    ...(each.id === undefined ? {} : { id: each.id }),
    generation: each.generation,
    replica,
    expected: each.expect,
    seen: last?.outcome.code ?? 'nothing',
    verdict,
    ...(reason === undefined ? {} : { reason }),
    at: new Date(last?.at ?? 0).toISOString(),
    ms: last?.ms ?? 0,
  };
}
