import type { SeenUsage } from '../fleet/evidence.ts';
import type { Client } from '../fleet/fleet.ts';
import { tellsOwn } from '../fleet/read-evidence.ts';
import type { RotatingGeneration } from '../machine/step.ts';
import type { UsageDelta } from '../watch/usage-delta.ts';
import type { UsageJudgement } from '../watch/usage-judge.ts';
import { isNamed, namesText } from '../watch/usage-names.ts';
import { openUsage } from '../watch/usage-open.ts';
import {
  nameOfSource,
  portsOf,
  type SendControls,
  scopeOf,
  type UsageParts,
  type Watching,
  watchingOf,
} from './usage-parts.ts';
import { waitFor } from './wait.ts';

/** How long a source has, beyond what it may be late, to show what was just sent. */
export const SHOWN_MS = 3000;
const LOOK_MS = 250;
/** A replica that was restarted meanwhile has forgotten what it counted. */
const TURNS = 2;

/**
 * Clients of which a source does not name what signed: requests of ours that were signed with a generation are shown under
 * another one, or not at all, so that no absence of it in the source proves anything. Asked is each source that can tell
 * our requests from the clients', which it has to show for that.
 */
export async function misnamed(
  parts: UsageParts,
  callers: readonly Client[],
  generation: RotatingGeneration,
): Promise<readonly UsageJudgement[]> {
  const { controls } = parts;
  const watched = watchingOf(parts, callers).filter(({ source }) => isControlled(source, parts.fleet));
  if (controls === undefined || watched.length === 0) return [];
  let wrong: readonly UsageJudgement[] = [];
  for (let turn = 0; turn < TURNS; turn += 1) {
    wrong = await look(parts, watched, controls, generation);
    if (wrong.length === 0) break;
  }
  return wrong;
}

/** Whether a source is asked. Gates show the key id that the sender names, and our requests as an actor of their own. */
export function isControlled(source: SeenUsage, { protocol }: Pick<UsageParts['fleet'], 'protocol'>): boolean {
  return protocol !== 'gate-v1' && tellsOwn(source, protocol);
}

async function look(
  parts: UsageParts,
  watched: readonly Watching[],
  controls: SendControls,
  generation: RotatingGeneration,
): Promise<readonly UsageJudgement[]> {
  const { clock, waiter } = parts;
  const windows = await Promise.all(
    watched.map(({ source }) => openUsage(scopeOf(parts, asClients(source), true), portsOf(parts))),
  );
  const lateMs = Math.max(0, ...windows.map(({ blindMs }) => blindMs));
  await waitFor(waiter, 'usage evidence to be at its beginning', lateMs);
  const sent = await controls(generation);
  const until = clock.monotonic() + lateMs + SHOWN_MS;
  for (;;) {
    const deltas = await Promise.all(windows.map((window) => window.soFar()));
    const wrong = deltas.flatMap((delta, index) => judge(delta, watched[index], sent, generation));
    const left = until - clock.monotonic();
    if (wrong.length === 0 || left <= 0) return wrong;
    await waitFor(waiter, "usage evidence to show rotctl's own requests", Math.min(LOOK_MS, left));
  }
}

/** The source as it is read when nobody is `rotctl`: its requests are counted as those of the clients that it sends for. */
function asClients(source: SeenUsage): SeenUsage {
  const ownCaller = NOBODY;
  switch (source.from) {
    case 'ledger':
      return source;
    case 'log':
    case 'command':
      return { ...source, own: undefined, ownCaller };
    case 'metrics':
    case 'prometheus':
      return { ...source, ownCaller };
  }
}

/** No text that a log or a label can have. */
const NOBODY = '\0';

function judge(
  delta: UsageDelta,
  watching: Watching | undefined,
  sent: ReadonlyMap<string, number>,
  generation: RotatingGeneration,
): UsageJudgement[] {
  if (watching === undefined || typeof watching.names === 'string') return [];
  const { names, callers, source } = watching;
  return callers.flatMap(({ id: client }) => {
    const own = names.get(client)?.[generation];
    const asked = sent.get(client) ?? 0;
    if (own === undefined || asked === 0) return [];
    const all = [...(delta.counts.get(client) ?? [])].filter(([shown]) => isNamed(shown, own));
    const good = all.reduce((sum, [, count]) => sum + count, 0);
    if (good >= asked) return [];
    const [gap] = delta.gaps;
    const reason =
      gap === undefined
        ? `of ${asked} requests in the name of ${client} that rotctl signed with ${generation}, ${good} ${good === 1 ? 'is' : 'are'} shown ${namesText(own)} by ${nameOfSource(source)}: it does not name the secret that verified a request`
        : `${gap.replica} could not be read: ${gap.reason}`;
    return [{ client, verdict: 'unknown', good, bad: 0, windowMs: delta.windowMs, reason }];
  });
}
