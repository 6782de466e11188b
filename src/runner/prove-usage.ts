import type { Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import { compose, type Verdict } from '../errors/verdict.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { RotatingGeneration } from '../machine/step.ts';
import type { Finding } from '../probe/finding.ts';
import type { Clock, Transport } from '../probe/ports.ts';
import { takeUsage, type UsageSample, type UsageScope } from '../watch/usage.ts';
import { compareUsage } from '../watch/usage-delta.ts';
import { usageFingerprint } from '../watch/usage-fingerprint.ts';
import { judgeSigns, judgeUnused, type UsageJudgement } from '../watch/usage-judge.ts';
import type { Pairs } from './pair.ts';
import { waitFor } from './wait.ts';
import type { Proven, World } from './world.ts';

/** What usage evidence needs. */
export interface UsageParts {
  readonly fleet: Fleet;
  readonly pairs: Pairs;
  readonly transport: Transport;
  readonly runId: string;
  readonly clock: Clock;
  readonly waiter: Pick<World, 'clock' | 'progress' | 'stop'>;
}

const UNDECLARED = 'the fleet file declares no usage source, so nobody can tell which secret a client signs with';
/** Windows that may go by before a client that was just redeployed must show itself. */
const WINDOWS = 4;
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
  return watch(parts, 'usage.signs', callers, (before, after) =>
    callers.map((caller) => {
      const pair = names.get(caller.id);
      return judgeSigns(compareUsage(before, after), caller, pair?.[generation] ?? '', [pair?.[other] ?? '']);
    }),
  );
}

/** Whether no client signs with a generation any more, over at least the longest cadence. */
export async function proveUnused(parts: UsageParts, generation: RotatingGeneration): Promise<Proven> {
  const callers = parts.fleet.clients.filter((client) => parts.pairs.has(client.id));
  const names = namesOf(parts, [...parts.pairs.keys()]);
  if (typeof names === 'string') return silent('usage.unused', callers, names);
  const withdrawn = new Map([...names].map(([id, pair]) => [id, pair[generation]]));
  return watch(
    parts,
    'usage.unused',
    callers,
    (before, after) => judgeUnused(compareUsage(before, after), callers, withdrawn).clients,
  );
}

type Names = Readonly<Record<RotatingGeneration, string>>;

/** How the fleet's pages name the two secrets of each client, or why they cannot be named. */
function namesOf({ fleet, pairs }: UsageParts, clients: readonly string[]): ReadonlyMap<string, Names> | string {
  const { usage } = fleet;
  if (usage === undefined || usage.from === 'ledger') return UNDECLARED;
  const names = new Map<string, Names>();
  for (const [id, pair] of pairs) {
    if (!clients.includes(id)) continue;
    try {
      const nameOf = (secret: Secret) => usageFingerprint(secret, usage.fingerprint);
      names.set(id, { current: nameOf(pair.current), next: nameOf(pair.next) });
    } catch (error) {
      if (error instanceof RotctlError && error.code === 'SECRET_REFUSED') return `${id}: ${error.message}`;
      throw error;
    }
  }
  return names;
}

async function watch(
  parts: UsageParts,
  id: string,
  callers: Fleet['clients'],
  judge: (before: UsageSample, after: UsageSample) => readonly UsageJudgement[],
): Promise<Proven> {
  const { fleet, transport, clock, runId } = parts;
  const { usage } = fleet;
  if (usage === undefined || usage.from === 'ledger') return silent(id, callers, UNDECLARED);
  const scope: UsageScope = {
    source: usage,
    replicas: fleet.replicas,
    clients: fleet.clients.map((client) => client.id),
    runId,
    deadlineMs: fleet.probe.deadlineMs,
  };
  const window = Math.max(...callers.map((caller) => caller.cadenceMs)) * WINDOW_SHARE;
  let judged: readonly UsageJudgement[] = [];
  for (let turn = 0; turn < WINDOWS; turn += 1) {
    const before = await takeUsage(scope, transport, clock);
    await waitFor(parts.waiter, `traffic of ${callers.map((caller) => caller.id).join(', ')}`, window);
    judged = judge(before, await takeUsage(scope, transport, clock));
    if (judged.every(({ verdict }) => verdict === 'pass')) break;
  }
  return proven(id, judged);
}

function proven(id: string, judged: readonly UsageJudgement[]): Proven {
  const findings = judged.map(
    (one): Finding => ({
      id,
      verdict: one.verdict,
      critical: true,
      target: one.client,
      expected: id === 'usage.signs' ? 'this secret and no other' : 'not this secret',
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

function silent(id: string, callers: Fleet['clients'], reason: string): Proven {
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
