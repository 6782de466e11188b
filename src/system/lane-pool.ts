import type { Endpoint } from '../fleet/fleet.ts';
import type { Presented, TlsVersion } from '../probe/ports.ts';
import { connectionTo, type Identities } from './connection.ts';
import { presentedKey } from './identities.ts';
import type { Lane } from './lane.ts';

/** How long an idle connection is kept: below the 5 s after which Node's servers close theirs. */
const IDLE_MS = 4000;
/** Connections that may be open at once, so that a thousand replicas fit below a limit of 512 descriptors. */
const MOST_OPEN = 256;

/** What kind of lane is wanted. */
export interface LaneOptions {
  readonly certificate: Presented;
  readonly version?: TlsVersion;
  /** A new one, never one that was used. */
  readonly fresh: boolean;
}

/** Opens, keeps and closes lanes. */
export interface LanePool {
  /** An idle lane to the endpoint, or a new one; waits while too many are busy. */
  acquire(to: Endpoint, options: LaneOptions): Promise<Lane>;
  /** Gives a lane back: to be kept for the next request, or to be closed. */
  release(lane: Lane, keep: boolean): void;
  close(): Promise<void>;
}

/** A pool that opens its first lane, and loads undici, at the first request. */
export function createLanePool(identities: Identities): LanePool {
  const idle = new Map<string, Lane[]>();
  const open = new Set<Lane>();
  const waiting: (() => void)[] = [];
  let busy = 0;
  let closed = false;

  async function takeSlot(): Promise<void> {
    if (busy < MOST_OPEN) busy += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
  }

  function discard(lane: Lane): void {
    open.delete(lane);
    lane.connection.abandon();
    lane.client.destroy().catch(() => {});
  }

  /** Closes the lane that has been idle longest on some endpoint, to make room for one to another. */
  function evictIdle(): void {
    for (const [key, lanes] of idle) {
      const lane = lanes.shift();
      if (lanes.length === 0) idle.delete(key);
      if (lane === undefined) continue;
      discard(lane);
      return;
    }
  }

  async function openLane(key: string, to: Endpoint, { certificate, version }: LaneOptions): Promise<Lane> {
    const { Client } = (await import('undici')).default;
    if (open.size >= MOST_OPEN) evictIdle();
    const connection = connectionTo(to, () => identities(certificate, version));
    const client = new Client(to.url.origin, {
      connect: connection.connect,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
      pipelining: 1,
    });
    const lane: Lane = { key, client, connection };
    open.add(lane);
    return lane;
  }

  return {
    async acquire(to, options) {
      await takeSlot();
      const { certificate, version = '', fresh } = options;
      const key = `${to.url.origin} ${to.address ?? ''} ${to.serverName} ${presentedKey(certificate)} ${version}`;
      return (fresh ? undefined : idle.get(key)?.pop()) ?? openLane(key, to, options);
    },
    release(lane, keep) {
      const next = waiting.shift();
      if (next === undefined) busy -= 1;
      else next();
      if (!keep || closed) return discard(lane);
      const lanes = idle.get(lane.key);
      if (lanes === undefined) idle.set(lane.key, [lane]);
      else lanes.push(lane);
    },
    async close() {
      closed = true;
      const lanes = [...open];
      open.clear();
      idle.clear();
      for (const { connection } of lanes) connection.abandon();
      await Promise.all(lanes.map(({ client }) => client.destroy().catch(() => {})));
    },
  };
}
