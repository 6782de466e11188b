import { compose, type Verdict } from '../errors/verdict.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { RotatingGeneration } from '../machine/step.ts';
import type { Finding } from '../probe/finding.ts';
import type { Clock, Transport } from '../probe/ports.ts';
import { takeUsage } from '../watch/usage.ts';
import { blindMs, compareUsage, type UsageDelta } from '../watch/usage-delta.ts';
import { judgeKeyIds, judgeSigns, judgeUnused, type UsageJudgement } from '../watch/usage-judge.ts';
import type { UsageNames } from '../watch/usage-names.ts';
import type { UsageScope } from '../watch/usage-reading.ts';
import { keyIdsOf, NAMELESS, type NamingParts, namesOf, UNDECLARED } from './usage-naming.ts';
import { waitFor } from './wait.ts';
import type { Proven, World } from './world.ts';

/** What usage evidence needs. */
export interface UsageParts extends NamingParts {
  readonly transport: Transport;
  readonly runId: string;
  readonly clock: Clock;
  readonly waiter: Pick<World, 'clock' | 'progress' | 'stop'>;
}

/** Windows that may go by before a client that was just redeployed must show itself. */
const WINDOWS = 4;
/** How often a client that has not been heard is listened for again. */
const LISTEN_MS = 1000;
/** A little more than the cadence, so that a client exactly on time is seen. */
const WINDOW_SHARE = 1.2;

/** Whether each client signs with one generation and with nothing else, over at least its cadence. */
export async function proveSigns(
  parts: UsageParts,
  clients: readonly string[],
  generation: RotatingGeneration,
): Promise<Proven> {
  const callers = parts.fleet.clients.filter((client) => clients.includes(client.id));
  const names = namesOf(parts, clients);
  if (typeof names === 'string') return silent('usage.signs', callers, names);
  const other = generation === 'next' ? 'current' : 'next';
  return watch(parts, 'usage.signs', callers, (delta) =>
    callers.map((caller) => {
      const { [generation]: expected, [other]: rest } = names.get(caller.id) ?? NAMELESS;
      return judgeSigns(delta, caller, expected, [rest]);
    }),
  );
}

/**
 * Whether each client is heard signing with one generation and with nothing else. It ends as soon as each was heard, and at
 * the latest when each has had its cadence for it.
 */
export async function proveHeard(parts: UsageParts, generation: RotatingGeneration): Promise<Proven> {
  const callers = parts.fleet.clients.filter((client) => parts.pairs.has(client.id));
  const names = namesOf(parts, [...parts.pairs.keys()]);
  const scope = scopeOf(parts);
  if (scope === undefined || typeof names === 'string') {
    return silent('usage.signs', callers, typeof names === 'string' ? names : UNDECLARED);
  }
  const { transport, clock, waiter } = parts;
  const other = generation === 'next' ? 'current' : 'next';
  const before = await takeUsage(scope, transport, clock);
  const until = clock.monotonic() + longestOf(callers) + blindMs(before);
  for (;;) {
    const left = until - clock.monotonic();
    await waitFor(waiter, trafficOf(callers), Math.min(left, LISTEN_MS));
    const delta = compareUsage(before, await takeUsage(scope, transport, clock));
    const judged = callers.map((caller) => {
      const { [generation]: expected, [other]: rest } = names.get(caller.id) ?? NAMELESS;
      return judgeSigns(delta, { ...caller, cadenceMs: 0 }, expected, [rest]);
    });
    const isClear =
      judged.every(({ verdict }) => verdict === 'pass') || judged.some(({ verdict }) => verdict === 'fail');
    if (isClear || left <= LISTEN_MS) return proven('usage.signs', judged);
  }
}

/** Whether no client signs with a generation any more, over at least the longest cadence. */
export async function proveUnused(parts: UsageParts, generation: RotatingGeneration): Promise<Proven> {
  const callers = parts.fleet.clients.filter((client) => parts.pairs.has(client.id));
  const names = namesOf(parts, [...parts.pairs.keys()]);
  if (typeof names === 'string') return silent('usage.unused', callers, names);
  const other = generation === 'next' ? 'current' : 'next';
  const withdrawn = new Map([...names].map(([id, pair]) => [id, pair[generation]]));
  const kept = new Map([...names].map(([id, pair]) => [id, pair[other]]));
  return watch(parts, 'usage.unused', callers, (delta) => judgeUnused(delta, callers, withdrawn, kept).clients);
}

/** Whether every client names its generations by the rotation's own key ids and by nothing else, over at least its cadence. */
export async function proveKeyIds(parts: UsageParts): Promise<Proven> {
  const callers = parts.fleet.clients.filter((client) => parts.pairs.has(client.id));
  const own = keyIdsOf(parts);
  if (typeof own === 'string') return silent('usage.key-ids', callers, own);
  const names: UsageNames = { by: 'key-id', texts: [...own.current.slice(0, 1), ...own.next.slice(0, 1)] };
  return watch(parts, 'usage.key-ids', callers, (delta) => judgeKeyIds(delta, callers, names));
}

async function watch(
  parts: UsageParts,
  id: UsageProof,
  callers: Fleet['clients'],
  judge: (delta: UsageDelta) => readonly UsageJudgement[],
): Promise<Proven> {
  const { transport, clock } = parts;
  const scope = scopeOf(parts);
  if (scope === undefined) return silent(id, callers, UNDECLARED);
  let judged: readonly UsageJudgement[] = [];
  for (let turn = 0; turn < WINDOWS; turn += 1) {
    const before = await takeUsage(scope, transport, clock);
    await waitFor(parts.waiter, trafficOf(callers), longestOf(callers) + blindMs(before));
    judged = judge(compareUsage(before, await takeUsage(scope, transport, clock)));
    if (judged.every(({ verdict }) => verdict === 'pass')) break;
  }
  return proven(id, judged);
}

/** Where the fleet's usage is seen; `undefined` where its file does not say. */
function scopeOf({ fleet, runId }: UsageParts): UsageScope | undefined {
  const { usage: source, replicas, clients, probe, replay } = fleet;
  if (source === undefined) return undefined;
  return {
    ...{ source, replicas, clients, runId, clockErrorMs: replay.clockErrorMs },
    ...{ ownActor: probe.gate?.actor, deadlineMs: probe.deadlineMs },
  };
}

/** A little longer than the longest silence of these clients, in milliseconds. */
function longestOf(callers: Fleet['clients']): number {
  return Math.max(...callers.map((caller) => caller.cadenceMs)) * WINDOW_SHARE;
}

function trafficOf(callers: Fleet['clients']): string {
  return `traffic of ${callers.map((caller) => caller.id).join(', ')}`;
}

const EXPECTED = {
  'usage.signs': 'this secret and no other',
  'usage.unused': 'not this secret',
  'usage.key-ids': 'key ids of the rotation and no other',
} as const;
type UsageProof = keyof typeof EXPECTED;

function proven(id: UsageProof, judged: readonly UsageJudgement[]): Proven {
  const findings = judged.map(
    (one): Finding => ({
      id,
      verdict: one.verdict,
      critical: true,
      target: one.client,
      expected: EXPECTED[id],
      seen: `${one.good} as expected, ${one.bad} otherwise`,
      ...(one.verdict === 'pass' ? {} : { reason: one.reason }),
      samples: one.good + one.bad,
      ms: one.windowMs,
    }),
  );
  const bad = judged.filter(({ verdict }) => verdict !== 'pass');
  return {
    verdict: compose(judged.map(({ verdict }) => verdict)),
    reason: bad.map(({ reason }) => reason).join('; '),
    cells: [],
    findings,
    owed: [],
  };
}

function silent(id: UsageProof, callers: Fleet['clients'], reason: string): Proven {
  const verdict: Verdict = 'unknown';
  const findings = callers.map(
    ({ id: target }): Finding => ({
      id,
      verdict,
      critical: true,
      target,
      expected: 'usage evidence',
      seen: 'none',
      reason,
      samples: 0,
      ms: 0,
    }),
  );
  return { verdict, reason, cells: [], findings, owed: [] };
}
