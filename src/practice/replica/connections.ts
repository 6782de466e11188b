import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** Idle connections are given this long to be used once more and closed with an answer, before they are closed. */
const LINGER_MS = 700;
/** Answers are given this long to come to their end. */
const LIMIT_MS = 6000;
const TICK_MS = 10;

/** The connections of a server that are open. */
export interface Connections {
  /**
   * Ends those that are open now, also in their handshake: the answer that is due is the last, and an idle one is closed
   * after a moment. Those made from now on stay. Resolves when the others are gone.
   */
  end(): Promise<void>;
}

interface Connection {
  readonly raw: Socket;
  tls: TLSSocket | undefined;
  ending: boolean;
  readonly answers: Set<ServerResponse>;
}

/** Watches the connections of a server, from before the first one. */
export function watchConnections(server: Server): Connections {
  // By the peer's port, which the raw socket and the one of TLS have in common.
  const open = new Map<number, Connection>();
  const of = (socket: Socket): Connection | undefined => open.get(socket.remotePort ?? 0);
  server.on('connection', (raw: Socket) => {
    const port = raw.remotePort ?? 0;
    const connection: Connection = { raw, tls: undefined, ending: false, answers: new Set() };
    open.set(port, connection);
    raw.once('close', () => {
      if (open.get(port) === connection) open.delete(port);
    });
  });
  server.on('secureConnection', (socket) => {
    const connection = of(socket);
    if (connection !== undefined) connection.tls = socket;
  });
  // Before the one that answers.
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    const connection = of(request.socket);
    if (connection === undefined) return;
    connection.answers.add(response);
    response.once('close', () => connection.answers.delete(response));
    if (connection.ending) response.setHeader('connection', 'close');
  });
  return {
    end: () => {
      const ending = new Set(open.values());
      for (const connection of ending) markLast(connection);
      return gone(() => [...open.values()].filter((connection) => ending.has(connection)));
    },
  };
}

function markLast(connection: Connection): void {
  connection.ending = true;
  for (const response of connection.answers) if (!response.headersSent) response.setHeader('connection', 'close');
}

/** Resolves when none is left; closes the idle ones when they had their time, and at last all. */
function gone(left: () => readonly Connection[]): Promise<void> {
  const began = performance.now();
  return new Promise((resolve) => {
    const look = (): void => {
      const still = left();
      if (still.length === 0) return void resolve();
      const spent = performance.now() - began;
      for (const { raw, tls, answers } of still) {
        if (spent > LIMIT_MS) raw.destroy();
        // Says goodbye first, as far as TLS has come.
        else if (spent > LINGER_MS && answers.size === 0) (tls ?? raw).destroySoon();
      }
      setTimeout(look, TICK_MS);
    };
    look();
  });
}
