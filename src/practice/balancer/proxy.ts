import { connect, createServer, type Server, type Socket } from 'node:net';

const CONNECT_MS = 500;

/** A TCP pass-through: TLS goes end to end. Each connection tries the ports that `choose` gives, in order. */
export function makeProxy(choose: () => readonly number[]): Server {
  return createServer({ allowHalfOpen: true, pauseOnConnect: true }, (incoming) => {
    incoming.on('error', () => incoming.destroy());
    pass(incoming, choose());
  });
}

function pass(incoming: Socket, [port, ...others]: readonly number[]): void {
  if (port === undefined) return void incoming.destroy();
  const outgoing = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  const timer = setTimeout(() => outgoing.destroy(new Error('no connection')), CONNECT_MS);
  const next = (): void => {
    clearTimeout(timer);
    outgoing.destroy();
    pass(incoming, others);
  };
  outgoing.once('error', next);
  outgoing.once('connect', () => {
    clearTimeout(timer);
    outgoing.off('error', next);
    join(incoming, outgoing);
  });
}

function join(incoming: Socket, outgoing: Socket): void {
  if (incoming.destroyed) return void outgoing.destroy();
  // A reset on one side is a reset on the other: the client must see what the replica did.
  outgoing.on('error', () => incoming.resetAndDestroy());
  incoming.on('error', () => outgoing.resetAndDestroy());
  incoming.on('close', () => outgoing.destroy());
  outgoing.on('close', () => incoming.destroy());
  incoming.pipe(outgoing);
  outgoing.pipe(incoming);
}
