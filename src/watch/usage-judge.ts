import { escapeForeign } from '../errors/escape.ts';
import { compose, type Verdict } from '../errors/verdict.ts';
import type { Client } from '../fleet/fleet.ts';
import type { UsageDelta } from './usage-delta.ts';
import { fingerprintFits } from './usage-fingerprint.ts';

/** What usage evidence says of one client. */
export interface UsageJudgement {
  readonly client: string;
  readonly verdict: Verdict;
  /** Accepted requests signed with the expected secret (for `judgeUnused`: with any but the withdrawn one). */
  readonly good: number;
  /** Accepted requests signed with another (for `judgeUnused`: with the withdrawn one). */
  readonly bad: number;
  readonly windowMs: number;
  /** In words, also for a pass. */
  readonly reason: string;
}

/** The client's id and the longest time that it stays silent. */
type Caller = Pick<Client, 'id' | 'cadenceMs'>;

/**
 * Whether a client signs with one secret and no other. `pass` needs requests signed with it, none signed with another,
 * on every replica, over at least the client's cadence. Silence is `unknown`, and so is a replica that was not read.
 * `others` are the fingerprints of the rotation's other generations; one that is in neither is named as foreign, and one
 * that fits both is not taken for the expected one. All are of `usageFingerprint`.
 */
export function judgeSigns(
  delta: UsageDelta,
  client: Caller,
  expected: string,
  others: readonly string[],
): UsageJudgement {
  const known = (shown: string) => others.some((other) => fingerprintFits(shown, other));
  const rest = countsOf(delta, client.id).filter(([shown]) => !fingerprintFits(shown, expected) || known(shown));
  const bad = sum(rest);
  const good = totalOf(delta, client.id) - bad;
  const judged = (verdict: Verdict, reason: string): UsageJudgement => {
    return { client: client.id, verdict, good, bad, windowMs: delta.windowMs, reason: shown(reason) };
  };
  if (bad > 0) {
    const named = rest.map(([shown, count]) => `${count} with ${known(shown) ? '' : 'the foreign '}${shown}`);
    return judged('fail', `${client.id} had requests accepted that it signed otherwise: ${named.join(', ')}`);
  }
  const doubt = doubtOf(delta, client);
  if (doubt !== undefined) return judged('unknown', doubt);
  return judged('pass', `${client.id} had ${good} requests accepted, all signed with ${brief(expected)}`);
}

/** The verdict over all clients, and each client's own. */
export interface UnusedJudgement {
  readonly verdict: Verdict;
  readonly clients: readonly UsageJudgement[];
}

/**
 * Whether nobody signs with a secret that is to be withdrawn; `withdrawn` is its fingerprint, by client. A client that
 * still does is a straggler, with the number of its requests; so is a client outside the inventory.
 * A client that was silent, or whose secret to withdraw was not named, is `unknown`.
 */
export function judgeUnused(
  delta: UsageDelta,
  clients: readonly Caller[],
  withdrawn: ReadonlyMap<string, string>,
): UnusedJudgement {
  const known = clients.map((client) => judgeClientUnused(delta, client, withdrawn.get(client.id)));
  const foreign = delta.strangers.flatMap((id) => judgeStranger(delta, id, [...withdrawn.values()]));
  const judged = [...known, ...foreign];
  return { verdict: compose(judged.map(({ verdict }) => verdict)), clients: judged };
}

function judgeClientUnused(delta: UsageDelta, client: Caller, withdrawn: string | undefined): UsageJudgement {
  const bad = withdrawn === undefined ? 0 : countNamed(delta, client.id, [withdrawn]);
  const good = totalOf(delta, client.id) - bad;
  const judged = (verdict: Verdict, reason: string): UsageJudgement => {
    return { client: client.id, verdict, good, bad, windowMs: delta.windowMs, reason: shown(reason) };
  };
  if (withdrawn === undefined) return judged('unknown', `no secret of ${client.id} was named as withdrawn`);
  if (bad > 0) return judged('fail', `${client.id} still signs with ${brief(withdrawn)}: ${bad} requests accepted`);
  const doubt = doubtOf(delta, client);
  if (doubt !== undefined) return judged('unknown', doubt);
  return judged('pass', `${client.id} had ${good} requests accepted, none signed with ${brief(withdrawn)}`);
}

function judgeStranger(delta: UsageDelta, id: string, withdrawn: readonly string[]): UsageJudgement[] {
  const bad = countNamed(delta, id, withdrawn);
  if (bad === 0) return [];
  const reason = `${id}, which is not in the inventory, signs with a secret to be withdrawn: ${bad} requests accepted`;
  return [
    {
      client: id,
      verdict: 'fail',
      good: totalOf(delta, id) - bad,
      bad,
      windowMs: delta.windowMs,
      reason: shown(reason),
    },
  ];
}

/** Why nothing can be concluded from the absence of bad requests, or `undefined`. */
function doubtOf(delta: UsageDelta, client: Caller): string | undefined {
  const [gap] = delta.gaps;
  if (gap !== undefined) return `${gap.replica} could not be read: ${gap.reason}`;
  if (delta.windowMs < client.cadenceMs) {
    const restarted = delta.resets.length > 0 ? `, since ${delta.resets.join(', ')} began again` : '';
    return `${delta.windowMs} ms were watched, less than the cadence of ${client.cadenceMs} ms${restarted}`;
  }
  if (totalOf(delta, client.id) === 0) return `${client.id} was silent for ${delta.windowMs} ms`;
  return undefined;
}

function totalOf(delta: UsageDelta, client: string): number {
  return sum(countsOf(delta, client));
}

type Counted = readonly [shown: string, count: number];

function countsOf(delta: UsageDelta, client: string): Counted[] {
  return [...(delta.counts.get(client) ?? [])];
}

/** How often a client's requests signed with any of these secrets are in the counts. */
function countNamed(delta: UsageDelta, client: string, fingerprints: readonly string[]): number {
  return sum(countsOf(delta, client).filter(([shown]) => fingerprints.some((one) => fingerprintFits(shown, one))));
}

function sum(counts: readonly Counted[]): number {
  return counts.reduce((total, [, count]) => total + count, 0);
}

/** A long digest by its beginning. */
function brief(fingerprint: string): string {
  return fingerprint.slice(0, 16);
}

/** Client ids and fingerprints are what a page says they are. */
function shown(reason: string): string {
  return escapeForeign(reason, 400);
}
