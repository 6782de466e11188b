import type { SeenUsage } from '../fleet/evidence.ts';
import { tellsOwn } from '../fleet/read-evidence.ts';
import { markAccepted } from '../probe/checks/accepted.ts';
import type { Finding } from '../probe/finding.ts';
import type { UsageDelta } from '../watch/usage-delta.ts';
import { judgeStrangers } from '../watch/usage-judge.ts';
import { openUsage } from '../watch/usage-open.ts';
import { nameOfSource, type UsageParts, watchingOf } from './usage-parts.ts';
import { waitFor } from './wait.ts';

const TRIES = 3;
const PAUSE_MS = 500;
/** What each replica shows itself. */
const AGAIN: readonly SeenUsage['from'][] = ['metrics', 'ledger'];

/** What it takes to look whether sources of usage evidence can be read. */
export type ReadableParts = Omit<UsageParts, 'pairs' | 'traffic' | 'confirmed'>;

/**
 * Begins to look whether the sources of usage evidence can be read: `usage.readable`, and `usage.unknown-client` for callers
 * that the inventory lacks. The result asks for the findings, once probes were accepted on every replica.
 */
export async function watchReadable(parts: ReadableParts): Promise<() => Promise<readonly Finding[]>> {
  const { fleet, transport, runId, clock, waiter, sources } = parts;
  const began = clock.monotonic();
  const watched = watchingOf({ ...parts, pairs: new Map() }, fleet.clients).map(({ source }) => source);
  const open = (source: SeenUsage, isProbed: boolean) => {
    const { replicas, clients, probe, replay } = fleet;
    const limits = { clockErrorMs: replay.clockErrorMs, deadlineMs: probe.deadlineMs };
    const expectOwn = isProbed && tellsOwn(source, fleet.protocol);
    const scope = { source, replicas, clients, ...limits, ownActor: probe.gate?.actor, runId, expectOwn };
    return openUsage(scope, { transport, clock, ...sources });
  };
  /** A page that was not answered once is asked for again: that is no fault of the source. */
  const again = async (source: SeenUsage, delta: UsageDelta): Promise<UsageDelta> => {
    let seen = delta;
    for (let tries = 0; tries < TRIES && seen.gaps.length > 0 && AGAIN.includes(source.from); tries += 1) {
      await waitFor(waiter, 'usage evidence to be readable', PAUSE_MS);
      seen = await (await open(source, false)).soFar();
    }
    return seen;
  };
  const windows = await Promise.all(watched.map((source) => open(source, true)));
  return async () => {
    await waitFor(waiter, 'usage evidence to be written', Math.max(0, ...windows.map(({ blindMs }) => blindMs)));
    const deltas = await Promise.all(windows.map((window) => window.soFar()));
    const ms = Math.round(clock.monotonic() - began);
    const findings: Finding[] = [];
    for (const [index, source] of watched.entries()) {
      const delta = deltas[index];
      if (delta !== undefined) findings.push(...findingsOf(parts, source, await again(source, delta), ms));
    }
    return findings;
  };
}

function findingsOf({ fleet }: ReadableParts, source: SeenUsage, delta: UsageDelta, ms: number): Finding[] {
  const ids = new Set(fleet.clients.map(({ id }) => id));
  const counted = [...delta.counts].map(([client, names]) => ({ client, count: total(names) }));
  const heard = counted.filter(({ client }) => ids.has(client));
  const readable: Finding = {
    ...{ id: 'usage.readable', critical: true, target: nameOfSource(source), ms },
    expected: 'accepted requests, by client and by secret, on every replica',
    verdict: delta.gaps.length === 0 ? 'pass' : 'unknown',
    seen:
      heard.length === 0 ? 'no client meanwhile' : heard.map(({ client, count }) => `${count} of ${client}`).join(', '),
    samples: heard.reduce((all, { count }) => all + count, 0),
    ...(delta.gaps.length === 0
      ? {}
      : { reason: delta.gaps.map(({ replica, reason }) => `${replica}: ${reason}`).join('; ') }),
  };
  // Without a mark, our own requests look like those of whoever signs so.
  const strangers = tellsOwn(source, fleet.protocol) ? judgeStrangers(delta) : [];
  return [readable, ...strangers.map(({ client, bad, reason }) => stranger(client, bad, reason, ms))].map((finding) =>
    markAccepted(finding, fleet.accepts),
  );
}

function stranger(target: string, count: number, reason: string, ms: number): Finding {
  return {
    ...{ id: 'usage.unknown-client', verdict: 'fail', critical: true, target, reason, samples: count, ms },
    ...{ expected: 'clients of the inventory alone', seen: `${count} requests accepted` },
  };
}

function total(names: ReadonlyMap<string, number>): number {
  return [...names.values()].reduce((all, count) => all + count, 0);
}
