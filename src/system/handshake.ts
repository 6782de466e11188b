import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { checkServerIdentity, type TLSSocket, connect as tlsConnect } from 'node:tls';
import type { Handshake, Handshakes } from '../probe/ports.ts';
import { faultOf } from './fault.ts';
import { createIdentities, type TlsMaterial } from './identities.ts';

const MOST_CERTIFICATES = 10;
/** How long a session may take to come after a handshake, in milliseconds. */
const SESSION_MS = 300;

/**
 * Looks at servers by a TLS handshake alone: nothing is sent after it. What a server shows is looked at whether it is
 * trusted or not, and trusted for nothing.
 *
 * Throws `INPUT_INVALID` as `createTransport`.
 */
export function createHandshakes(tls: TlsMaterial | undefined): Handshakes {
  const identities = createIdentities(tls);
  return (to, { certificate, version, deadlineMs, wantSession = false, session }) =>
    new Promise<Handshake>((resolve) => {
      const secureContext = identities(certificate, version);
      const socket = tlsConnect({
        host: to.address ?? to.url.hostname.replace(/^\[|\]$/g, ''),
        port: Number(to.url.port || 443),
        secureContext,
        // An untrusted certificate is to be seen too, so that what is wrong with it can be said. No request follows.
        rejectUnauthorized: false,
        ALPNProtocols: ['http/1.1'],
        servername: isIP(to.serverName) === 0 ? to.serverName : '',
        checkServerIdentity: (_host, peer) => checkServerIdentity(to.serverName, peer),
        ...(session === undefined ? {} : { session: Buffer.from(session) }),
      });
      let given: Uint8Array | undefined;
      socket.on('session', (bytes) => {
        given = bytes;
      });
      let settled = false;
      const settle = (handshake: Handshake): void => {
        if (settled) return;
        settled = true;
        clearTimeout(timer);
        resolve(handshake);
        socket.destroy();
      };
      const timer = setTimeout(
        () => settle({ kind: 'fault', code: 'TIMEOUT', detail: `no handshake within ${deadlineMs} ms` }),
        deadlineMs,
      );
      socket.on('error', (error) => settle({ kind: 'fault', ...faultOf(error) }));
      socket.on('close', () => settle({ kind: 'fault', code: 'ECONNRESET', detail: 'closed in the handshake' }));
      const show = (): void =>
        settle({
          kind: 'shown',
          chain: chainOf(socket),
          protocol: socket.getProtocol() ?? 'unknown',
          untrusted: socket.authorized ? undefined : codeOf(socket.authorizationError),
          session: given,
          resumed: socket.isSessionReused(),
        });
      socket.once('secureConnect', () => {
        if (!wantSession || given !== undefined) return show();
        socket.once('session', () => setImmediate(show));
        setTimeout(show, SESSION_MS);
      });
    });
}

function codeOf(error: unknown): string {
  if (error instanceof Error) return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
  return typeof error === 'string' ? error : 'not trusted';
}

/** The certificates that the server sent, its own first. */
function chainOf(socket: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next = socket.getPeerX509Certificate();
  while (next !== undefined && chain.length < MOST_CERTIFICATES) {
    const { fingerprint256 } = next;
    if (chain.some((one) => one.fingerprint256 === fingerprint256)) break;
    chain.push(next);
    next = next.issuerCertificate;
  }
  return chain;
}
