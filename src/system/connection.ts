import { hash } from 'node:crypto';
import { isIP, connect as netConnect, type Socket } from 'node:net';
import { checkServerIdentity, type SecureContext, TLSSocket, connect as tlsConnect } from 'node:tls';
import type { buildConnector } from 'undici';
import type { Endpoint } from '../fleet/fleet.ts';

export type { Identities } from './identities.ts';

/** What undici hides of a connection, and the connector that it is to use. */
export interface Connection {
  readonly connect: buildConnector.connector;
  /** The socket's first error since it was opened: the TLS alert, which undici overwrites with "other side closed". */
  firstError(): NodeJS.ErrnoException | undefined;
  /** SHA-256 of the peer's certificate, lower-case hex; `undefined` without TLS or before the handshake. */
  peer(): string | undefined;
  /** Destroys the socket, also while it is still connecting, which undici itself cannot do. */
  abandon(): void;
}

/** A connection to one endpoint, in a TLS context; undici may open it again after the peer has closed it between two requests. */
export function connectionTo(to: Endpoint, context: () => SecureContext): Connection {
  let socket: Socket | undefined;
  let firstError: NodeJS.ErrnoException | undefined;
  let peer: string | undefined;
  let abandoned = false;

  const connect: buildConnector.connector = (_options, callback) => {
    firstError = undefined;
    peer = undefined;
    if (abandoned) {
      callback(new Error('abandoned before it was connected'), null);
      return;
    }
    const opened = openSocket(to, context);
    socket = opened;
    const failed = (error: NodeJS.ErrnoException): void => {
      firstError ??= error;
      callback(error, null);
    };
    const closedEarly = (): void => failed(Object.assign(new Error('closed while connecting'), { code: 'ECONNRESET' }));
    opened.once('error', failed).once('close', closedEarly);
    opened.once(opened instanceof TLSSocket ? 'secureConnect' : 'connect', () => {
      opened.removeListener('error', failed).removeListener('close', closedEarly);
      opened.on('error', (error) => {
        firstError ??= error;
      });
      peer = opened instanceof TLSSocket ? fingerprintOf(opened) : undefined;
      callback(null, opened);
    });
  };

  return {
    connect,
    firstError: () => firstError,
    peer: () => peer,
    abandon: () => {
      abandoned = true;
      socket?.on('error', () => {}).destroy();
    },
  };
}

function openSocket(to: Endpoint, context: () => SecureContext): Socket {
  const secure = to.url.protocol === 'https:';
  const host = to.address ?? to.url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(to.url.port || (secure ? 443 : 80));
  if (!secure) return netConnect({ host, port, noDelay: true });
  const socket = tlsConnect({
    host,
    port,
    secureContext: context(),
    rejectUnauthorized: true,
    ALPNProtocols: ['http/1.1'],
    // An address cannot be a server name on the wire, but it is what the certificate is checked against.
    servername: isIP(to.serverName) === 0 ? to.serverName : '',
    checkServerIdentity: (_host, peer) => checkServerIdentity(to.serverName, peer),
  });
  return socket.setNoDelay(true);
}

function fingerprintOf(socket: TLSSocket): string | undefined {
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined ? undefined : hash('sha256', certificate.raw, 'hex');
}
