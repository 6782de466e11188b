import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import type { Endpoint } from '../../src/fleet/fleet.ts';

/** A server of bytes: `speak` gets each connection once the first bytes of a request have come. */
export interface RawServer {
  readonly endpoint: Endpoint;
  /** Connections that were accepted so far, and those that are still open. */
  accepted(): number;
  open(): number;
  close(): Promise<void>;
}

export async function rawServer(
  speak: (socket: Socket, request: string) => void,
  tls?: TlsOptions,
): Promise<RawServer> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const admit = (socket: Socket): void => {
    accepted += 1;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (bytes) => speak(socket, bytes.toString('latin1')));
  };
  const server: Server = tls === undefined ? createServer(admit) : createTlsServer(tls, admit);
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    endpoint: {
      url: new URL(`${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`),
      serverName: 'signer-a.test.internal',
    },
    accepted: () => accepted,
    open: () => sockets.size,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
