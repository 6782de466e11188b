import { hash } from 'node:crypto';
import type { AddressInfo, Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { reveal } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Dialled, ListenForTrust } from '../probe/ports.ts';
import { faultOf } from './fault.ts';

/** How long a connection may take to be known here after a client has made it, in milliseconds. */
const LATE_MS = 100;
/** Whatever a client asks for; enough for those that wait for an answer. */
const ANSWER = 'HTTP/1.1 204 No Content\r\nconnection: close\r\ncontent-length: 0\r\n\r\n';

/**
 * A TLS server of ours that shows a certificate and asks for the client's, whatever that is. A client that does not trust
 * us may say so only after the server believes that the handshake is over, so that each connection is followed to its
 * first byte or its end. Nothing that clients send is kept.
 *
 * Throws `INPUT_INVALID` for a chain and a key that do not fit, and for an address that cannot be listened at.
 */
export const listenForTrust: ListenForTrust = async (shown, { clientAuthorities, host = '127.0.0.1', port = 0 }) => {
  const dialled: Dialled[] = [];
  const open = new Set<Socket>();
  const waiting = new Set<() => void>();
  const server = serverFor(shown, clientAuthorities);
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('close', () => {
      open.delete(socket);
      // What the end of the connection means is told in the same turn, after it.
      setImmediate(() => {
        if (open.size === 0) for (const wake of waiting) wake();
      });
    });
  });
  server.on('secureConnection', (socket) => follow(socket, (end) => dialled.push(end)));
  server.on('tlsClientError', (error: Error) => dialled.push(brokenOff(error)));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new RotctlError('INPUT_INVALID', `cannot listen at ${host}:${port}: ${faultOf(cause).code}`, { cause })),
    );
    server.listen(port, host, resolve);
  });
  const end = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    host,
    port: (server.address() as AddressInfo).port,
    async settled(deadlineMs) {
      const ended = new Promise<void>((resolve) => {
        waiting.add(resolve);
        // A client may be done before its connection is known here.
        if (open.size === 0) setTimeout(() => open.size === 0 && resolve(), dialled.length === 0 ? LATE_MS : 0);
      });
      const timer = setTimeout(end, deadlineMs);
      await ended;
      clearTimeout(timer);
      waiting.clear();
      return dialled.splice(0);
    },
    async close() {
      end();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

function serverFor(shown: Parameters<ListenForTrust>[0], ca: string): ReturnType<typeof createServer> {
  try {
    return createServer({
      cert: shown.chain,
      key: reveal(shown.key),
      ca,
      requestCert: true,
      // Whose certificate it is, is looked at and not judged here.
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
    });
  } catch (cause) {
    const { code } = faultOf(cause instanceof Error ? cause : new Error(String(cause)));
    throw new RotctlError('INPUT_INVALID', `${shown.name} must be a certificate and its key, got ${code}`);
  }
}

/** Follows a connection whose handshake is over for us, to its first byte or its end. */
function follow(socket: TLSSocket, tell: (end: Dialled) => void): void {
  const raw = socket.getPeerX509Certificate()?.raw;
  const certificate = raw === undefined ? undefined : hash('sha256', raw, 'hex');
  let told = false;
  const once = (end: Dialled): void => {
    if (!told) tell(end);
    told = true;
  };
  socket.once('data', () => {
    once({ kind: 'spoke', certificate });
    socket.end(ANSWER);
  });
  socket.on('error', (error) => once(brokenOff(error)));
  socket.on('close', () => once({ kind: 'silent', certificate }));
}

function brokenOff(error: Error): Dialled {
  const { code, detail } = faultOf(error);
  const [, alert] = code.match(/_ALERT_([A-Z_]+)$/) ?? [];
  return alert === undefined
    ? { kind: 'broken-off', detail: `${code}: ${detail}` }
    : { kind: 'refused', alert: alert.toLowerCase().replaceAll('_', ' ') };
}
