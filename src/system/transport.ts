import type { Endpoint } from '../fleet/fleet.ts';
import type { SendOptions, Transport, WireRequest } from '../probe/ports.ts';
import type { Exchange } from '../protocol/outcome.ts';
import { connectionTo, type Identities } from './connection.ts';
import { dispatch } from './dispatch.ts';
import { createIdentities, type TlsMaterial } from './identities.ts';
import type { Lane } from './lane.ts';

/** How long an idle connection is kept: below the 5 s after which Node's servers close theirs. */
const IDLE_MS = 4000;

/**
 * The transport that runs in earnest: undici, loaded at the first request. Warm requests take an idle connection of
 * their endpoint or open one; a fresh request opens its own, with a full handshake, and closes it. No TLS session is
 * ever resumed. Only the authorities in `tls.ca` are trusted, never the public roots.
 *
 * Throws `INPUT_INVALID` at once when `tls.ca` holds no certificate, or the key does not fit the certificate.
 */
export function createTransport(tls: TlsMaterial | undefined): Transport {
  const identities: Identities = createIdentities(tls);
  const idle = new Map<string, Lane[]>();
  const open = new Set<Lane>();
  let closed = false;

  async function openLane(to: Endpoint, certificate: boolean): Promise<Lane> {
    const { Client } = (await import('undici')).default;
    const connection = connectionTo(to, certificate, identities);
    const client = new Client(to.url.origin, {
      connect: connection.connect,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
      pipelining: 1,
    });
    const lane: Lane = { client, connection };
    open.add(lane);
    return lane;
  }

  function discard(lane: Lane): void {
    open.delete(lane);
    lane.connection.abandon();
    lane.client.destroy().catch(() => {});
  }

  async function send(to: Endpoint, request: WireRequest, options: SendOptions): Promise<Exchange> {
    if (closed) return { kind: 'fault', code: 'CLOSED', detail: 'the transport is closed', sent: false, ms: 0 };
    const key = `${to.url.origin} ${to.serverName} ${options.certificate}`;
    const started = performance.now();
    const lane = (options.fresh ? undefined : idle.get(key)?.pop()) ?? (await openLane(to, options.certificate));
    const exchange = await dispatch(lane, request, options, started);
    const reusable = exchange.kind === 'answer' && !options.fresh && !closed;
    if (!reusable) discard(lane);
    else idle.set(key, [...(idle.get(key) ?? []), lane]);
    return exchange;
  }

  async function close(): Promise<void> {
    closed = true;
    const lanes = [...open];
    open.clear();
    idle.clear();
    for (const { connection } of lanes) connection.abandon();
    await Promise.all(lanes.map(({ client }) => client.destroy().catch(() => {})));
  }

  return { send, close };
}
