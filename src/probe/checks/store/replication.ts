import type { Clock } from '../../ports.ts';
import type { StoreAnswer, StoreView } from '../../store-view.ts';
import type { Check } from '../check.ts';
import { observe, type Sight } from '../on-replicas.ts';
import { type Fields, numberIn, onNodes, readInfo, storeOf, unseen } from './on-nodes.ts';

/** A replica tells its offset once a second: one that is sound has said it within this time. */
const CATCH_UP_MS = 4000;
const POLL_MS = 250;
const EXPECTED = 'every replica has what the primary had';

/** One replica, as its primary sees it. */
export interface Follower {
  readonly name: string;
  readonly online: boolean;
  readonly offset: number;
}

/** The replicas in an `INFO replication`: `slave0:ip=…,port=…,state=online,offset=205,lag=0`. */
export function followersIn(fields: Fields): readonly Follower[] {
  return [...fields].flatMap(([name, value]) => {
    if (!/^slave\d+$/.test(name)) return [];
    const parts = new Map(value.split(',').map((part) => [part.split('=')[0] ?? '', part.split('=')[1] ?? '']));
    const follower = {
      name: `${parts.get('ip')}:${parts.get('port')}`,
      online: parts.get('state') === 'online',
      offset: Number(parts.get('offset')),
    };
    return [follower];
  });
}

/** Which replicas lack what their primary had at an earlier offset, and by how many bytes. `lag=0` says nothing of that. */
export function behind(fields: Fields, offset: number): readonly { readonly name: string; readonly bytes: number }[] {
  return followersIn(fields)
    .filter((each) => !each.online || each.offset < offset)
    .map(({ name, offset: has }) => ({ name, bytes: offset - has }));
}

/** What an earlier fail-over has left in a node: the offset at which it became the primary. */
export function failoverIn(fields: Fields): number | undefined {
  const offset = numberIn(fields, 'second_repl_offset');
  const former = fields.get('master_replid2') ?? '';
  return /^0*$/.test(former) || offset === undefined || offset < 0 ? undefined : offset;
}

const replication: Check = {
  id: 'store.replication',
  group: 'store',
  critical: false,
  title: 'a fail-over of the store loses no nonce that was confirmed',
  why: 'a replica that lacks the last writes, and becomes the primary, accepts the requests of those writes once more',
  remedy:
    'set min-replicas-to-write 1 and min-replicas-max-lag on primary and replicas, and find what keeps the replica behind',
  hazards: ['H4'],
  needs: ['store'],
  look: (context) => {
    const minimum = context.fleet.store?.declared.minReplicasToWrite;
    const { clock, signal } = context;
    return onNodes(context, async (node) => {
      const store = storeOf(context);
      const first = await readInfo(store, node, ['replication']);
      if (!(first instanceof Map)) return unseen(EXPECTED, first);
      if (first.get('role') !== 'master' || followersIn(first).length === 0)
        return withoutReplicas(first, context.fleet.store?.form === 'sentinel');
      const offset = numberIn(first, 'master_repl_offset') ?? 0;
      const last = await caughtUp({ store, clock, signal }, node, offset);
      return last instanceof Map ? judgeReplication(last, offset, minimum) : unseen(EXPECTED, last);
    });
  },
};

function withoutReplicas(fields: Fields, wanted: boolean): Sight {
  const seen = `role ${fields.get('role')}, connected_slaves ${fields.get('connected_slaves') ?? 0}`;
  const base = { expected: EXPECTED, seen, samples: 1 };
  if (fields.get('role') === 'master' && wanted) {
    const reason = 'no replica is connected: what this primary takes now, a fail-over would lose';
    return { ...base, verdict: 'unknown', critical: false, hazards: ['H4'], reason };
  }
  return { ...base, verdict: 'not-applicable', reason: 'it has no replica to fail over to' };
}

async function caughtUp(
  { store, clock, signal }: { store: StoreView; clock: Clock; signal: AbortSignal | undefined },
  node: string,
  offset: number,
): Promise<Map<string, string> | Exclude<StoreAnswer, { kind: 'value' }>> {
  const end = clock.monotonic() + CATCH_UP_MS;
  for (;;) {
    const read = await readInfo(store, node, ['replication']);
    if (!(read instanceof Map) || behind(read, offset).length === 0 || clock.monotonic() > end) return read;
    await clock.sleep(POLL_MS, signal);
  }
}

/** Judges a primary and its replicas, given what it had a while ago and the declared `min-replicas-to-write` (H4). */
export function judgeReplication(fields: Fields, offset: number, minimum: number | undefined): Sight {
  const late = behind(fields, offset);
  const good = numberIn(fields, 'min_slaves_good_slaves');
  const failover = failoverIn(fields);
  const seen = [
    `${followersIn(fields).length} replicas`,
    late.length === 0 ? 'none behind' : `${late.length} behind`,
    good !== undefined
      ? `${good} good for min-replicas-to-write`
      : minimum === undefined
        ? 'no min-replicas-to-write'
        : `declared: min-replicas-to-write ${minimum}`,
    ...(failover === undefined ? [] : [`became primary by a fail-over at offset ${failover}`]),
  ].join(', ');
  const base = { expected: EXPECTED, seen, samples: 2 };
  if (late.length > 0) {
    const who = late.map(({ name, bytes }) => `${name} by ${bytes} bytes`).join(', ');
    return { ...base, verdict: 'fail', reason: `behind what the primary had ${CATCH_UP_MS / 1000} s before: ${who}` };
  }
  if (good === undefined && (minimum ?? 0) < 1) {
    const reason =
      'min-replicas-to-write is not set: a primary that is cut off goes on taking nonces, and a fail-over loses them';
    return { ...base, verdict: 'unknown', critical: false, hazards: ['H4'], reason };
  }
  return { ...base, verdict: 'pass' };
}

const READ_ONLY = 'slave_read_only 1';

/** Judges what a replica says of itself: one that takes writes splits the store (H14). */
export function judgeFollower(fields: Fields): Sight {
  const readOnly = fields.get('slave_read_only');
  const base = { expected: READ_ONLY, seen: `role ${fields.get('role')}, slave_read_only ${readOnly}`, samples: 1 };
  if (fields.get('role') === 'master') return { ...base, verdict: 'not-applicable', reason: 'it is a primary by now' };
  if (readOnly === '1') return { ...base, verdict: 'pass' };
  if (readOnly === undefined) return { ...base, verdict: 'unknown', reason: 'INFO replication does not say it' };
  return {
    ...base,
    verdict: 'fail',
    reason: 'a signer that is connected to it takes nonces that the primary never sees',
  };
}

const followers: Check = {
  id: 'store.replicas',
  group: 'store',
  critical: false,
  title: 'replicas of the store take no writes',
  why: 'what is written to a replica stays there: its nonces are good once more at every signer that asks the primary',
  remedy: 'set replica-read-only yes, and send every signer to the primary',
  hazards: ['H14'],
  needs: ['store'],
  look: async (context) => {
    const store = storeOf(context);
    const nodes = await store.nodes();
    const names = new Set<string>();
    for (const node of 'reason' in nodes ? [] : nodes) {
      const read = await readInfo(store, node, ['replication']);
      if (read instanceof Map) for (const { name } of followersIn(read)) names.add(name);
    }
    if (names.size === 0) {
      const reason = 'no primary names a replica';
      return [
        { target: 'store', verdict: 'not-applicable', expected: READ_ONLY, seen: 'none', reason, samples: 1, ms: 0 },
      ];
    }
    return Promise.all(
      [...names].map((name) =>
        observe(context, name, async () => {
          const read = await readInfo(store, name, ['replication']);
          if (read instanceof Map) return judgeFollower(read);
          // Often at an address that only the primary reaches.
          return { ...unseen(READ_ONLY, read), critical: false };
        }),
      ),
    );
  },
};

/** Of primaries and their replicas. */
export const REPLICATION_CHECKS: readonly Check[] = [replication, followers];
