import { compose, type Verdict } from '../errors/verdict.ts';
import type { Client, Fleet } from '../fleet/fleet.ts';
import type { RotatingGeneration } from '../machine/step.ts';
import { markAccepted } from '../probe/checks/accepted.ts';
import type { Finding } from '../probe/finding.ts';
import type { UsageDelta } from '../watch/usage-delta.ts';
import { judgeKeyIds, judgeSigns, judgeStrangers, judgeUnused, type UsageJudgement } from '../watch/usage-judge.ts';
import type { UsageNames } from '../watch/usage-names.ts';
import { type Confirmation, confirmationText } from './confirmations.ts';
import { verdictOf } from './finding-verdict.ts';
import { ownerOf } from './left-alone.ts';
import { misnamed } from './usage-control.ts';
import { keyIdsOf, NAMELESS, UNDECLARED } from './usage-naming.ts';
import { nameOfSource, type UsageParts, type Watching, watchingOf, withWindows } from './usage-parts.ts';
import type { Proven, Waiting } from './world.ts';

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
  return watch(parts, { id: 'usage.signs', callers, generation }, signing(generation));
}

/**
 * Whether each client is heard signing with one generation and with nothing else. It ends as soon as each was heard, and at
 * the latest when each has had its cadence for it.
 */
export async function proveHeard(parts: UsageParts, generation: RotatingGeneration): Promise<Proven> {
  const callers = parts.fleet.clients.filter((client) => parts.pairs.has(client.id));
  const watched = watchingOf(parts, callers);
  if (watched.length === 0) return silent('usage.signs', callers, UNDECLARED);
  const { clock } = parts;
  const judged = await withWindows(parts, watched, async (windows) => {
    const until = clock.monotonic() + longestOf(callers) + windows.blindMs;
    for (;;) {
      const left = until - clock.monotonic();
      await windows.wait(trafficOf(callers), Math.min(left, LISTEN_MS));
      const heard = joined(
        callers,
        watched,
        await windows.soFar(),
        signing(generation, { cadenceMs: 0, instances: 1 }),
      );
      const isClear =
        heard.every(({ verdict }) => verdict === 'pass') || heard.some(({ verdict }) => verdict === 'fail');
      if (isClear || left <= LISTEN_MS) return heard;
    }
  });
  return proven(parts, 'usage.signs', judged);
}

/**
 * Whether no client signs with a generation any more, over at least the longest cadence; before that, whether the sources
 * would show it.
 */
export async function proveUnused(parts: UsageParts, generation: RotatingGeneration): Promise<Proven> {
  const callers = parts.fleet.clients.filter((client) => parts.pairs.has(client.id));
  const other = generation === 'next' ? 'current' : 'next';
  const wrong = confirmedBy(await confirmedOf(parts, other), await misnamed(parts, callers, generation));
  if (wrong.some(({ verdict }) => verdict !== 'pass')) return proven(parts, 'usage.unused', wrong);
  return watch(parts, { id: 'usage.unused', callers, generation: other }, (delta, { callers: seen, names }) => {
    if (typeof names === 'string') return unnamed(seen, names);
    const withdrawn = new Map([...names].map(([id, pair]) => [id, pair[generation]]));
    const kept = new Map([...names].map(([id, pair]) => [id, pair[other]]));
    return [...judgeUnused(delta, seen, withdrawn, kept).clients, ...judgeStrangers(delta)];
  });
}

/** Whether every client names its generations by the rotation's own key ids and by nothing else, over at least its cadence. */
export async function proveKeyIds(parts: UsageParts): Promise<Proven> {
  const callers = parts.fleet.clients.filter((client) => parts.pairs.has(client.id));
  return watch(parts, { id: 'usage.key-ids', callers }, (delta, { callers: seen, source }) => {
    const own = keyIdsOf(parts, source);
    if (typeof own === 'string') return unnamed(seen, own);
    const names: UsageNames = { by: 'key-id', texts: [...own.current.slice(0, 1), ...own.next.slice(0, 1)] };
    return judgeKeyIds(delta, seen, names);
  });
}

/** How what one source shows is judged. */
type Judge = (delta: UsageDelta, watching: Watching) => readonly UsageJudgement[];

function signing(generation: RotatingGeneration, limits: Partial<Client> = {}): Judge {
  const other = generation === 'next' ? 'current' : 'next';
  return (delta, { callers, names }) => {
    if (typeof names === 'string') return unnamed(callers, names);
    return callers.map((caller) => {
      const { [generation]: expected, [other]: rest } = names.get(caller.id) ?? NAMELESS;
      return judgeSigns(delta, { ...caller, ...limits }, expected, [rest]);
    });
  };
}

function unnamed(callers: readonly Client[], reason: string): readonly UsageJudgement[] {
  return callers.map(({ id: client }) => ({ client, verdict: 'unknown', good: 0, bad: 0, windowMs: 0, reason }));
}

interface Question {
  readonly id: UsageProof;
  readonly callers: Fleet['clients'];
  /** What the clients are to sign with, which somebody may have confirmed; absent where a word is no evidence. */
  readonly generation?: RotatingGeneration | undefined;
}

async function watch(parts: UsageParts, { id, callers, generation }: Question, judge: Judge): Promise<Proven> {
  const { clock } = parts;
  const watched = watchingOf(parts, callers);
  const words = generation === undefined ? [] : await confirmedOf(parts, generation);
  const about = { id, callers, generation, words };
  if (watched.length === 0) {
    const isAsked = callers.every(({ usage }) => usage.length > 0);
    return answered(parts, about, confirmedBy(words, unnamed(callers, isAsked ? UNCONFIRMED : UNDECLARED)));
  }
  const turns = callers.every(({ movable }) => movable === 'owner') ? 1 : WINDOWS;
  const patienceMs = Math.max(...callers.map(({ cacheTtlMs }) => cacheTtlMs));
  const begun = clock.monotonic();
  let judged: readonly UsageJudgement[] = [];
  for (let turn = 0; turn < turns || clock.monotonic() - begun < patienceMs; turn += 1) {
    judged = await withWindows(parts, watched, async (windows) => {
      await windows.wait(trafficOf(callers), longestOf(callers) + windows.blindMs);
      return confirmedBy(words, joined(callers, watched, await windows.soFar(), judge));
    });
    if (judged.every(({ verdict }) => verdict === 'pass')) break;
  }
  return answered(parts, about, judged);
}

const UNCONFIRMED = 'nobody has confirmed it by name';

/** What came of a question, and who is awaited where nothing else is amiss. */
function answered(
  parts: UsageParts,
  { id, callers, generation, words }: Question & { readonly words: readonly Confirmation[] },
  judged: readonly UsageJudgement[],
): Proven {
  const found = proven(parts, id, judged, words);
  const open = judged.filter(({ verdict }) => verdict !== 'pass');
  const awaited = open.map((one) =>
    awaitedFor(
      id,
      one,
      callers.find(({ id: own }) => own === one.client),
      generation,
    ),
  );
  const known = awaited.filter((one) => one !== undefined);
  const [first] = known;
  if (first === undefined || known.length < open.length) return found;
  return { ...found, waiting: { what: known.map(({ what }) => what).join('; '), next: first.next } };
}

/** Who has to act for a client, where that is not us; `undefined` where something is wrong. */
function awaitedFor(
  id: UsageProof,
  { client: name, verdict }: UsageJudgement,
  client: Client | undefined,
  generation: RotatingGeneration | undefined,
): Waiting | undefined {
  if (client === undefined || generation === undefined) return undefined;
  // As long as its owner has not moved it, it signs with the other.
  if (client.movable === 'owner' && id === 'usage.signs') {
    return { what: `waiting for ${ownerOf(client)} to move ${name}`, next: 'rotctl resume' };
  }
  if (verdict === 'fail' || client.usage.some(({ from }) => from !== 'confirmation')) return undefined;
  const who = client.owner ?? 'somebody';
  const next = `rotctl confirm --client ${name} --generation ${generation} --by NAME`;
  return { what: `waiting for ${who} to confirm that ${name} signs with ${generation}`, next };
}

async function confirmedOf(parts: UsageParts, generation: RotatingGeneration): Promise<readonly Confirmation[]> {
  const all = (await parts.confirmed?.()) ?? [];
  return all.filter(({ of }) => !('client' in of) || of.generation === generation);
}

/** A word stands where nothing was seen, and never against what was seen. */
function confirmedBy(words: readonly Confirmation[], judged: readonly UsageJudgement[]): readonly UsageJudgement[] {
  return judged.map((one) => {
    const word = wordFor(words, one.client);
    if (word === undefined || one.verdict !== 'unknown') return one;
    return { ...one, verdict: 'pass', reason: `${confirmationText(word)}; ${one.reason}` };
  });
}

function wordFor(words: readonly Confirmation[], client: string): Confirmation | undefined {
  return words.findLast(({ of }) => 'client' in of && of.client === client);
}

/** Of several sources one has to show it, and none the contrary. Callers outside the inventory are told by each. */
function joined(
  callers: readonly Client[],
  watched: readonly Watching[],
  deltas: readonly UsageDelta[],
  judge: Judge,
): readonly UsageJudgement[] {
  const all = watched.flatMap((watching, index) => {
    const delta = deltas[index];
    if (delta === undefined) return [];
    const name = nameOfSource(watching.source);
    return judge(delta, watching).map((one) =>
      watched.length === 1 ? one : { ...one, reason: `${name}: ${one.reason}` },
    );
  });
  const ids = callers.map(({ id }) => id);
  const known = callers.map(({ id }) => joinedOf(id, all));
  const strangers = all.filter(({ client }) => !ids.includes(client));
  const keys = [...new Set(strangers.map(keyOf))];
  return [...known, ...keys.flatMap((key) => strangers.find((one) => keyOf(one) === key) ?? [])];
}

function keyOf({ client, stranger = false, verdict }: UsageJudgement): string {
  return JSON.stringify([client, stranger, verdict]);
}

function joinedOf(client: string, all: readonly UsageJudgement[]): UsageJudgement {
  const own = all.filter((one) => one.client === client);
  const worst = own.find(({ verdict }) => verdict === 'fail') ?? own.find(({ verdict }) => verdict === 'pass');
  const [first] = own;
  if (worst !== undefined) return worst;
  if (first !== undefined && own.length > 1) return { ...first, reason: own.map(({ reason }) => reason).join('; ') };
  return first ?? { client, verdict: 'unknown', good: 0, bad: 0, windowMs: 0, reason: UNDECLARED };
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

function proven(
  { fleet }: Pick<UsageParts, 'fleet'>,
  id: UsageProof,
  judged: readonly UsageJudgement[],
  words: readonly Confirmation[] = [],
): Proven {
  const findings = judged.map((one): Finding => {
    const word = one.verdict === 'pass' && one.good === 0 ? wordFor(words, one.client) : undefined;
    const finding: Finding = {
      id: one.stranger === true ? 'usage.unknown-client' : id,
      verdict: one.verdict,
      critical: true,
      target: one.client,
      expected: one.stranger === true ? 'clients of the inventory alone' : EXPECTED[id],
      seen: word === undefined ? `${one.good} as expected, ${one.bad} otherwise` : confirmationText(word),
      ...(one.verdict === 'pass' ? {} : { reason: one.reason }),
      samples: one.good + one.bad,
      ms: one.windowMs,
    };
    return markAccepted(finding, fleet.accepts);
  });
  const bad = findings.filter(({ verdict, accepted }) => verdict !== 'pass' && accepted === undefined);
  const reason = bad.map(({ reason: why = '' }) => why).join('; ');
  return { verdict: verdictOf(findings), reason, cells: [], findings, owed: [] };
}

function silent(id: UsageProof, callers: Fleet['clients'], reason: string): Proven {
  const verdict: Verdict = compose([]);
  const findings = callers.map(
    ({ id: target }): Finding => ({
      ...{ id, verdict, critical: true, target, expected: 'usage evidence', seen: 'none' },
      ...{ reason, samples: 0, ms: 0 },
    }),
  );
  return { verdict, reason, cells: [], findings, owed: [] };
}
