import type { Transport } from '../probe/ports.ts';
import { dispatch } from './dispatch.ts';
import { createIdentities, type TlsMaterial } from './identities.ts';
import { createLanePool } from './lane-pool.ts';

/**
 * The transport that runs in earnest: undici, loaded at the first request. Warm requests take an idle connection of
 * their endpoint or open one; a fresh request opens its own, with a full handshake, and closes it. No TLS session is
 * ever resumed. Only the authorities in `tls.ca` are trusted, never the public roots. At most 256 connections are open
 * at once; a request that waits for one has its whole deadline after that.
 *
 * Throws `INPUT_INVALID` at once when `tls.ca` holds no certificate. The first request throws it when the certificate
 * and the key do not fit, or an https endpoint is called without `tls`.
 */
export function createTransport(tls: TlsMaterial | undefined): Transport {
  const identities = createIdentities(tls);
  const pool = createLanePool(identities);
  let closed = false;
  return {
    async send(to, request, options) {
      if (closed) return { kind: 'fault', code: 'CLOSED', detail: 'the transport is closed', sent: false, ms: 0 };
      // A context that cannot be made is a mistake of the caller, not a fault of the peer: it throws here.
      if (to.url.protocol === 'https:') identities(options.certificate, options.version);
      const lane = await pool.acquire(to, options);
      const exchange = await dispatch(lane, request, options, performance.now());
      pool.release(lane, exchange.kind === 'answer' && !options.fresh);
      return exchange;
    },
    async close() {
      closed = true;
      await pool.close();
    },
  };
}
