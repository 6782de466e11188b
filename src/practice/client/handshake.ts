import { isIP } from 'node:net';
import { checkServerIdentity, connect, type TLSSocket } from 'node:tls';
import type { HandshakeAddress } from '../messages.ts';
import type { TlsFiles } from '../tls-files.ts';

const DEADLINE_MS = 4000;

/** What a client saw of a TLS handshake that it made. */
export interface HandshakeReport {
  /** Whether it was completed: the server's certificate was trusted for the name, and ours was sent. */
  readonly completed: boolean;
  /** `TLSv1.3`; only of one that was completed. */
  readonly protocol?: string;
  /** SHA-256 of the server's certificate in hex, where one was seen. */
  readonly certificate?: string;
  /** How the connection came to its end: `answered`, `closed`, `silent`, or an error's code. */
  readonly end: string;
}

/**
 * Makes one TLS handshake, shows the certificate, and trusts no more than the bundle. Stays until the server has said
 * something or closed, for only then it has looked at our certificate; at most four seconds.
 *
 * Sends a request only when it has found the server's certificate good. Node looks at it when the handshake is over for
 * itself, and then closes without an alert; over TLS 1.2 the server has seen a completed handshake by then. So it is the
 * request that says to a server that it is trusted.
 */
export function handshake(tls: TlsFiles, { host, port, serverName }: HandshakeAddress): Promise<HandshakeReport> {
  return new Promise((resolve) => {
    const options = { host, port, ...(isIP(serverName) === 0 ? { servername: serverName } : {}), ...tls };
    const socket = connect({
      ...options,
      checkServerIdentity: (_, certificate) => checkServerIdentity(serverName, certificate),
    });
    let completed = false;
    let seen: Pick<HandshakeReport, 'protocol' | 'certificate'> = {};
    const finish = (end: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ completed, ...seen, end });
    };
    const timer = setTimeout(() => finish('silent'), DEADLINE_MS);
    socket.on('secureConnect', () => {
      completed = true;
      seen = facts(socket);
      socket.write(`HEAD / HTTP/1.1\r\nhost: ${serverName}\r\nconnection: close\r\n\r\n`);
    });
    socket.once('data', () => finish('answered'));
    socket.once('close', () => finish('closed'));
    socket.once('error', (error) => finish('code' in error ? String(error.code) : error.name));
  });
}

function facts(socket: TLSSocket): Pick<HandshakeReport, 'protocol' | 'certificate'> {
  const protocol = socket.getProtocol() ?? 'unknown';
  const certificate = socket.getPeerX509Certificate()?.fingerprint256.replaceAll(':', '').toLowerCase();
  return certificate === undefined ? { protocol } : { protocol, certificate };
}
