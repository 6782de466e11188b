import type { CommandUsage } from '../fleet/evidence.ts';
import { commandFor, isByReplica } from './command-feed.ts';
import { requestIn } from './line-shape.ts';
import { MAX_APPENDED_BYTES } from './log-tail.ts';
import { compareUsage, type UsageDelta } from './usage-delta.ts';
import { BLIND } from './usage-lines.ts';
import {
  type AcceptedRequest,
  nameOfActor,
  type ReplicaReading,
  type ReplicaSilence,
  strangersAmong,
} from './usage-reading.ts';
import type { UsageWindow, WatchPorts, WatchScope } from './usage-window.ts';

type Scope = WatchScope & { readonly source: CommandUsage };

/** Clocks that count whole seconds, and commands that cut the time down to them. */
const STEP_MS = 1000;

/**
 * Watches what a command prints that is asked for the lines since a time (`{since}`): the lines' own times say which are
 * in the window, as far as clocks agree.
 */
export async function openSince(scope: Scope, ports: Pick<WatchPorts, 'commands' | 'clock'>): Promise<UsageWindow> {
  const { clockErrorMs, source, replicas } = scope;
  const openedAt = ports.clock.now();
  const names = isByReplica(source) ? replicas.map(({ name }) => name) : ['the log of the fleet'];
  const before = names.map(
    (replica): ReplicaReading => ({ ...EMPTY, replica, at: openedAt, askedAt: openedAt, clockErrorMs }),
  );
  return {
    blindMs: 2 * clockErrorMs + STEP_MS + source.lagMs,
    poll: async () => undefined,
    async soFar() {
      const looks = await Promise.all(names.map((name) => look(name, openedAt, scope, ports)));
      const delta = compareUsage(
        before,
        looks.map(({ reading }) => reading),
      );
      const gaps: UsageDelta['gaps'] = [...delta.gaps, ...looks.flatMap(({ blind }) => blind)];
      return { ...delta, gaps, windowMs: Math.max(0, delta.windowMs - source.lagMs) };
    },
  };
}

const EMPTY = {
  read: true,
  shows: 'entries',
  entries: [],
  oldest: undefined,
  stepMs: STEP_MS,
  strangers: [],
} as const;

interface Look {
  readonly reading: ReplicaReading | ReplicaSilence;
  readonly blind: UsageDelta['gaps'];
}

async function look(
  replica: string,
  openedAt: number,
  { source, clients, ownActor, clockErrorMs, expectOwn }: Scope,
  { commands, clock }: Pick<WatchPorts, 'commands' | 'clock'>,
): Promise<Look> {
  const from = openedAt - clockErrorMs - STEP_MS;
  const askedAt = clock.now();
  const printed = await commands.run(commandFor(source, replica, new Date(from).toISOString()), MAX_APPENDED_BYTES);
  const at = clock.now();
  const silent = (reason: string): Look => ({ reading: { read: false, replica, at, reason }, blind: [] });
  if ('trouble' in printed) return silent(printed.trouble);
  const entries: AcceptedRequest[] = [];
  let own = 0;
  for (const line of printed.text.split(/\r?\n/)) {
    const request = requestIn(line, source);
    if (typeof request === 'string') return silent(request);
    if (request === undefined) continue;
    if (request.isOwn || request.client === ownActor) {
      own += 1;
      continue;
    }
    const { client, key, instance, at: when = at } = request;
    entries.push({ at: when, client: nameOfActor(client, clients), keyId: key, instance });
  }
  const tells = source.own !== undefined || /\(\?<caller>/.test(source.pattern.source);
  return {
    reading: {
      ...EMPTY,
      ...{ replica, at, askedAt, clockErrorMs, entries, oldest: from },
      strangers: strangersAmong(
        entries.map(({ client }) => client),
        clients,
      ),
    },
    blind: expectOwn && tells && own === 0 && entries.length === 0 ? [{ replica, reason: BLIND }] : [],
  };
}
