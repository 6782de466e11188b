import { createServer, type Server, type Socket } from 'node:net';
import { execute, type Session, type StoreContext } from './commands.ts';
import { makeRespReader, RespError, respText } from './resp.ts';

const MAX_CONNECTIONS = 256;

/** Serves the embedded store's commands over RESP2. */
export function makeStoreServer(store: StoreContext): Server {
  let connections = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    connections += 1;
    serveConnection(socket, { db: 0, id: connections, name: '', closing: false }, store);
  });
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

function serveConnection(socket: Socket, session: Session, store: StoreContext): void {
  const reader = makeRespReader();
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    try {
      const replies = reader.feed(chunk).map((words) => respText(execute(words, session, store)));
      if (replies.length > 0) socket.write(replies.join(''));
      if (session.closing) socket.end();
    } catch (error) {
      if (!(error instanceof RespError)) throw error;
      socket.end(respText({ error: `ERR Protocol error: ${error.message}` }));
      socket.removeAllListeners('data');
      socket.resume();
    }
  });
}
