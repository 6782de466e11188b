import type { SeenUsage } from '../fleet/evidence.ts';
import type { Client, Fleet } from '../fleet/fleet.ts';
import { tellsOwn } from '../fleet/read-evidence.ts';
import type { RotatingGeneration } from '../machine/step.ts';
import type { Clock, Transport } from '../probe/ports.ts';
import type { UsageDelta } from '../watch/usage-delta.ts';
import { openUsage } from '../watch/usage-open.ts';
import type { UsageWindow, WatchPorts } from '../watch/usage-window.ts';
import type { Confirmation } from './confirmations.ts';
import { type Names, type NamingParts, namesOf } from './usage-naming.ts';
import { waitFor } from './wait.ts';
import type { World } from './world.ts';

/**
 * Sends a request in the name of each client, signed with a generation, to each replica; gives how many of each client's
 * were accepted.
 */
export type SendControls = (generation: RotatingGeneration) => Promise<ReadonlyMap<string, number>>;

/** What usage evidence needs. */
export interface UsageParts extends NamingParts {
  readonly transport: Transport;
  readonly runId: string;
  readonly clock: Clock;
  readonly waiter: Pick<World, 'clock' | 'progress' | 'stop'>;
  /** Logs, commands and servers that evidence may be in. */
  readonly sources: Omit<WatchPorts, 'transport' | 'clock'>;
  /** Steady traffic of ours, where there is any: it shows which sources are blind, and is silenced for those that cannot tell it apart. */
  readonly traffic?: Silencer | undefined;
  /** Present where requests of ours can be told to be signed with one generation. */
  readonly controls?: SendControls | undefined;
  /** What was confirmed by name, and counts now. */
  confirmed?(): Promise<readonly Confirmation[]>;
}

/** Steady traffic that can be silenced. */
export interface Silencer {
  /** Sends nothing, once the work begins, until it has ended. */
  quietly<Result>(work: () => Promise<Result>): Promise<Result>;
}

/** One source, with the clients that are judged by it and how it names their secrets. */
export interface Watching {
  readonly source: SeenUsage;
  readonly callers: readonly Client[];
  readonly names: ReadonlyMap<string, Names> | string;
}

/** The sources by which these clients are judged; none where the fleet file names none. */
export function watchingOf(parts: UsageParts, callers: readonly Client[]): readonly Watching[] {
  const sources = new Map<string, Watching>();
  for (const caller of callers) {
    for (const source of caller.usage) {
      if (source.from === 'confirmation') continue;
      const key = keyOf(source);
      const known = sources.get(key)?.callers ?? [];
      const all = [...known, caller];
      const names = namesOf(
        parts,
        source,
        all.map(({ id }) => id),
      );
      sources.set(key, { source, callers: all, names });
    }
  }
  return [...sources.values()];
}

/** A list of clients and the fleet itself may name the same source twice. */
function keyOf(source: SeenUsage): string {
  return JSON.stringify(source, (_, value: unknown) => (value instanceof RegExp ? value.source : value));
}

/** What one source is called in a reason. */
export function nameOfSource(source: SeenUsage): string {
  switch (source.from) {
    case 'metrics':
    case 'ledger':
      return `${source.from} ${source.path}`;
    case 'prometheus':
      return `prometheus ${source.server.url.host}`;
    case 'log':
      return source.file === undefined ? 'logs' : `log ${source.file}`;
    case 'command':
      return `command ${source.command[0] ?? ''}`;
  }
}

/** How often sources that forget are read, in milliseconds. */
const POLL_MS = 1000;

/** A window on several sources, in the order in which they were given. */
export interface Windows {
  /** How much more has to be waited than the time to be covered, in milliseconds. */
  readonly blindMs: number;
  /** Waits with a countdown, and keeps up with what is written meanwhile. */
  wait(what: string, ms: number): Promise<void>;
  soFar(): Promise<readonly UsageDelta[]>;
}

/** Opens a window on all of these sources and works with it; silences our own traffic where one of them cannot tell it apart. */
export async function withWindows<Result>(
  parts: UsageParts,
  watched: readonly Watching[],
  work: (windows: Windows) => Promise<Result>,
): Promise<Result> {
  const { traffic, waiter } = parts;
  const isMute = watched.some(({ source }) => !tellsOwn(source, parts.fleet.protocol));
  const inside = async (): Promise<Result> => {
    // What we sent just before may be written late, and would be taken for somebody's.
    const lateMs = Math.max(0, ...watched.map(({ source }) => ('lagMs' in source ? source.lagMs : 0)));
    if (isMute) await waitFor(waiter, "the lines of rotctl's own requests", lateMs);
    const windows = await Promise.all(
      watched.map(({ source }) => openUsage(scopeOf(parts, source, isMute), portsOf(parts))),
    );
    return work({
      blindMs: Math.max(0, ...windows.map(({ blindMs }) => blindMs)),
      wait: (what, ms) => waitAndPoll(parts, windows, what, ms),
      soFar: () => Promise.all(windows.map((window) => window.soFar())),
    });
  };
  return isMute && traffic !== undefined ? traffic.quietly(inside) : inside();
}

async function waitAndPoll(
  { waiter }: UsageParts,
  windows: readonly UsageWindow[],
  what: string,
  ms: number,
): Promise<void> {
  const over = new AbortController();
  const polls = (async () => {
    while (!over.signal.aborted) {
      await waiter.clock.sleep(POLL_MS, over.signal).catch(() => undefined);
      if (!over.signal.aborted) await Promise.all(windows.map((window) => window.poll()));
    }
  })();
  try {
    await waitFor(waiter, what, ms);
  } finally {
    over.abort();
    await polls;
  }
}

/** What watching needs of the world. */
export function portsOf({ transport, clock, sources }: UsageParts): WatchPorts {
  return { transport, clock, ...sources };
}

/** What is looked at in a source. */
export function scopeOf({ fleet, runId, traffic }: UsageParts, source: SeenUsage, isMute: boolean) {
  const { replicas, clients, probe, replay }: Fleet = fleet;
  return {
    ...{ source, replicas, clients, runId, clockErrorMs: replay.clockErrorMs },
    ...{ ownActor: probe.gate?.actor, deadlineMs: probe.deadlineMs },
    expectOwn: traffic !== undefined && !isMute,
  };
}
