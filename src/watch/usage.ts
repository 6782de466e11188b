import { escapeForeign } from '../errors/escape.ts';
import type { Replica } from '../fleet/fleet.ts';
import type { Clock, Transport } from '../probe/ports.ts';
import { readEntries } from './usage-list.ts';
import { readCounts } from './usage-page.ts';
import type { ReplicaReading, ReplicaSilence, UsageSample, UsageScope } from './usage-reading.ts';

const MAX_PAGE_BYTES = 4 * 1024 * 1024;
const ACCEPT = { metrics: 'text/plain;version=0.0.4', ledger: 'application/json, application/x-ndjson;q=0.9' } as const;

/** Reads the page of every replica, all at once. Never throws for what a replica does: that is a silence with a reason. */
export async function takeUsage(scope: UsageScope, transport: Transport, clock: Clock): Promise<UsageSample> {
  return Promise.all(scope.replicas.map((replica) => readReplica(replica, scope, transport, clock)));
}

async function readReplica(
  replica: Replica,
  scope: UsageScope,
  transport: Transport,
  clock: Clock,
): Promise<ReplicaReading | ReplicaSilence> {
  const { source } = scope;
  const headers = { 'user-agent': `rotctl/${scope.runId}`, accept: ACCEPT[source.from] };
  const askedAt = clock.now();
  const answer = await transport.send(
    replica,
    { method: 'GET', path: source.path, headers, body: undefined },
    { fresh: false, certificate: true, deadlineMs: scope.deadlineMs, maxBytes: MAX_PAGE_BYTES },
  );
  const at = clock.now();
  const silent = (reason: string): ReplicaSilence => ({ read: false, replica: replica.name, at, reason });
  if (answer.kind === 'fault') return silent(escapeForeign(`${answer.code} ${answer.detail}`));
  if (answer.status !== 200) return silent(`${source.path} answered ${answer.status}`);
  const who = { read: true, replica: replica.name, at } as const;
  if (source.from === 'metrics') {
    const counts = readCounts(answer.body, source, scope);
    return typeof counts === 'string' ? silent(counts) : { ...who, ...counts };
  }
  const entries = readEntries(answer.body, source, scope, at);
  return typeof entries === 'string' ? silent(entries) : { ...who, askedAt, ...entries };
}
