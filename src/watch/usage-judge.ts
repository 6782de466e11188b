import { escapeForeign } from '../errors/escape.ts';
import { compose, type Verdict } from '../errors/verdict.ts';
import type { Client } from '../fleet/fleet.ts';
import type { UsageDelta } from './usage-delta.ts';
import { deedOf, isNamed, namesText, type UsageNames } from './usage-names.ts';
import { instanceOf } from './usage-reading.ts';

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
  /** Set where it is about a caller outside the inventory as such, whatever it signs with. */
  readonly stranger?: boolean;
}

/** The client's id, the longest time that it stays silent, and how many instances have to show (one, where nothing is said). */
type Caller = Pick<Client, 'id' | 'cadenceMs'> & Partial<Pick<Client, 'instances'>>;

/**
 * Whether a client signs with one secret and no other. `pass` needs requests signed with it, none signed with another,
 * on every replica, over at least the client's cadence. Silence is `unknown`, and so is a replica that was not read.
 * `expected` are the names of that secret and `others` those of the rotation's other generations; a name that is in
 * neither is called foreign, and one that is in both is not taken for the expected one.
 */
export function judgeSigns(
  delta: UsageDelta,
  client: Caller,
  expected: UsageNames,
  others: readonly UsageNames[],
): UsageJudgement {
  const known = (shown: string) => others.some((other) => isNamed(shown, other));
  const rest = countsOf(delta, client.id).filter(([shown]) => !isNamed(shown, expected) || known(shown));
  const bad = sum(rest);
  const good = totalOf(delta, client.id) - bad;
  const judged = judgementOf(delta, client.id, { good, bad });
  if (bad > 0) {
    const named = rest.map(([shown, count]) => signedOtherwise(expected.by, shown, count, known(shown)));
    return judged('fail', `${client.id} ${OTHERWISE[expected.by]} ${named.join(', ')}`);
  }
  const doubt = doubtOf(delta, client) ?? tooFew(delta, client, (name) => isNamed(name, expected));
  if (doubt !== undefined) return judged('unknown', doubt);
  return judged(
    'pass',
    `${client.id} had ${good} requests accepted, all ${deedOf(expected).done} ${namesText(expected)}`,
  );
}

const OTHERWISE: Readonly<Record<UsageNames['by'], string>> = {
  'key-id': 'signs',
  fingerprint: 'had requests accepted that it signed otherwise:',
  certificate: 'had requests accepted under another certificate:',
};

function signedOtherwise(by: UsageNames['by'], shown: string, count: number, isKnown: boolean): string {
  if (by !== 'key-id') return `${count} with ${isKnown ? '' : 'the foreign '}${shown}`;
  const whose = isKnown ? `the id ${shown} of another generation` : `the foreign id ${shown}`;
  return `under ${whose} (${count} requests accepted)`;
}

/** The verdict over all clients, and each client's own. */
export interface UnusedJudgement {
  readonly verdict: Verdict;
  readonly clients: readonly UsageJudgement[];
}

/**
 * Whether nobody signs with a secret that is to be withdrawn; `withdrawn` are its names, by client. A client that
 * still does is a straggler, with the number of its requests; so is a client outside the inventory, which fails as such
 * too: nobody knows what else it may sign with.
 * A client that was silent, or whose secret to withdraw was not named, is `unknown`; so is one with requests under a key
 * id that is not among `kept`, the names of what stays: it could stand for either secret.
 */
export function judgeUnused(
  delta: UsageDelta,
  clients: readonly Caller[],
  withdrawn: ReadonlyMap<string, UsageNames>,
  kept: ReadonlyMap<string, UsageNames> = new Map(),
): UnusedJudgement {
  const known = clients.map((client) =>
    judgeClientUnused(delta, client, withdrawn.get(client.id), listed(kept.get(client.id))),
  );
  const foreign = delta.strangers.flatMap((id) =>
    judgeStranger(delta, id, [...withdrawn.values()], [...kept.values()]),
  );
  const judged = [...known, ...foreign];
  return { verdict: compose(judged.map(({ verdict }) => verdict)), clients: judged };
}

function judgeClientUnused(
  delta: UsageDelta,
  client: Caller,
  withdrawn: UsageNames | undefined,
  kept: readonly UsageNames[],
): UsageJudgement {
  const { bad, good } = split(delta, client.id, listed(withdrawn));
  const judged = judgementOf(delta, client.id, { good, bad });
  if (withdrawn === undefined) return judged('unknown', `no secret of ${client.id} was named as withdrawn`);
  if (bad > 0)
    return judged(
      'fail',
      `${client.id} still ${deedOf(withdrawn).does} ${namesText(withdrawn)}: ${bad} requests accepted`,
    );
  const doubt =
    idsInDoubt(delta, client.id, [withdrawn], kept) ??
    doubtOf(delta, client) ??
    tooFew(delta, client, (name) => kept.length === 0 || kept.some((names) => isNamed(name, names)));
  if (doubt !== undefined) return judged('unknown', doubt);
  return judged(
    'pass',
    `${client.id} had ${good} requests accepted, none ${deedOf(withdrawn).done} ${namesText(withdrawn)}`,
  );
}

function judgeStranger(
  delta: UsageDelta,
  id: string,
  withdrawn: readonly UsageNames[],
  kept: readonly UsageNames[],
): UsageJudgement[] {
  const { bad, good } = split(delta, id, withdrawn);
  const judged = judgementOf(delta, id, { good, bad });
  if (bad > 0) {
    const what = `signs with a secret to be withdrawn: ${bad} requests accepted`;
    return [judged('fail', `${id}, which is not in the inventory, ${what}`)];
  }
  const doubt = idsInDoubt(delta, id, withdrawn, kept);
  return doubt === undefined ? [] : [judged('unknown', doubt)];
}

/**
 * Callers that had requests accepted and that the inventory lacks: each is a failure, because nobody knows which secrets
 * it holds and what it will sign with next.
 */
export function judgeStrangers(delta: UsageDelta): UsageJudgement[] {
  return delta.strangers.map((id) => {
    const good = totalOf(delta, id);
    const what = `had ${good} requests accepted, and the inventory lacks it: list it under clients`;
    return { ...judgementOf(delta, id, { good: 0, bad: good })('fail', `${id} ${what}`), stranger: true };
  });
}

/** Why the instances that were seen are not all that there are, or `undefined`. */
function tooFew(
  delta: UsageDelta,
  { id, instances = 1 }: Caller,
  counts: (name: string) => boolean,
): string | undefined {
  if (instances === 1) return undefined;
  if (delta.instances === undefined) {
    return `${id} has ${instances} instances, and the source does not tell them apart: name its label (or group) instance`;
  }
  const keys = [...(delta.instances.get(id)?.keys() ?? [])].map(instanceOf);
  const seen = new Set(keys.filter(({ name }) => counts(name)).map(({ instance }) => instance));
  if (seen.size >= instances) return undefined;
  return `${seen.size} of the ${instances} instances of ${id} were heard (${[...seen].join(', ') || 'none'})`;
}

/**
 * Whether every accepted request bore one of the key ids that the rotation gave its generations, also the requests of
 * callers outside the inventory: what bears another is refused as soon as gates are strict.
 */
export function judgeKeyIds(delta: UsageDelta, clients: readonly Caller[], own: UsageNames): UsageJudgement[] {
  const known = clients.map((client) => judgeSigns(delta, client, own, []));
  const foreign = delta.strangers.map((id) => judgeSigns(delta, { id, cadenceMs: 0 }, own, []));
  return [...known, ...foreign.filter(({ verdict }) => verdict === 'fail')];
}

/** Why requests under unknown key ids may have been signed with the withdrawn secret, or `undefined`. */
function idsInDoubt(
  delta: UsageDelta,
  client: string,
  withdrawn: readonly UsageNames[],
  kept: readonly UsageNames[],
): string | undefined {
  if (!withdrawn.some(({ by }) => by === 'key-id')) return undefined;
  const foreign = countsOf(delta, client).filter(([shown]) => !kept.some((names) => isNamed(shown, names)));
  if (foreign.length === 0) return undefined;
  const ids = foreign.map(([shown]) => shown).join(', ');
  return `${client} had ${sum(foreign)} requests accepted under ${ids}, of which nobody knows the secret`;
}

function judgementOf(delta: UsageDelta, client: string, counted: Pick<UsageJudgement, 'good' | 'bad'>) {
  return (verdict: Verdict, reason: string): UsageJudgement => {
    return { client, verdict, ...counted, windowMs: delta.windowMs, reason: shown(reason) };
  };
}

/** Why nothing can be concluded from the absence of bad requests, or `undefined`. */
function doubtOf(delta: UsageDelta, client: Caller): string | undefined {
  const [gap] = delta.gaps;
  if (gap !== undefined) return `${gap.replica} could not be read: ${gap.reason}`;
  if (delta.windowMs < client.cadenceMs) {
    return `${delta.windowMs} ms were watched, less than the cadence of ${client.cadenceMs} ms${whyShort(delta)}`;
  }
  if (totalOf(delta, client.id) === 0) return `${client.id} was silent for ${delta.windowMs} ms`;
  return undefined;
}

function whyShort({ resets, cut }: UsageDelta): string {
  if (resets.length > 0) return `, since ${resets.join(', ')} began again`;
  return cut.length > 0 ? `, since the list of ${cut.join(', ')} reaches no further back` : '';
}

function totalOf(delta: UsageDelta, client: string): number {
  return sum(countsOf(delta, client));
}

type Counted = readonly [shown: string, count: number];

function countsOf(delta: UsageDelta, client: string): Counted[] {
  return [...(delta.counts.get(client) ?? [])];
}

/** How many of a client's requests were signed with one of these secrets (bad), and how many otherwise. */
function split(delta: UsageDelta, client: string, secrets: readonly UsageNames[]): { good: number; bad: number } {
  const bad = sum(countsOf(delta, client).filter(([shown]) => secrets.some((names) => isNamed(shown, names))));
  return { good: totalOf(delta, client) - bad, bad };
}

function listed(names: UsageNames | undefined): readonly UsageNames[] {
  return names === undefined ? [] : [names];
}

function sum(counts: readonly Counted[]): number {
  return counts.reduce((total, [, count]) => total + count, 0);
}

/** Client ids and names of secrets are what a page says they are. */
function shown(reason: string): string {
  return escapeForeign(reason, 400);
}
