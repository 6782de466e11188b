import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** A name server on loopback, over UDP, that knows A records alone. They may be changed while it runs. */
export interface NameServer {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  /** Addresses by name; a name without an entry does not exist, and for `silent` nothing is answered. */
  readonly names: Map<string, readonly string[] | 'silent'>;
  close(): Promise<void>;
}

const A = 1;
const NAME_ERROR = 3;

/** Starts a name server (RFC 1035) that answers one question at a time. */
export async function nameServer(
  names: Readonly<Record<string, readonly string[] | 'silent'>> = {},
): Promise<NameServer> {
  const known = new Map(Object.entries(names));
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const { name, end } = nameIn(query);
    const found = known.get(name);
    if (found === 'silent') return;
    const wanted = query.readUInt16BE(end) === A ? (found ?? []) : [];
    socket.send(answer(query.subarray(0, end + 4), wanted, found === undefined), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    address: `127.0.0.1:${socket.address().port}`,
    names: known,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

function nameIn(query: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 };
}

function answer(question: Buffer, addresses: readonly string[], isUnknown: boolean): Buffer {
  const head = Buffer.from(question);
  head.writeUInt16BE(0x8180 | (isUnknown ? NAME_ERROR : 0), 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(addresses.length, 6);
  head.writeUInt32BE(0, 8);
  const records = addresses.map((address) =>
    Buffer.from([0xc0, 12, 0, A, 0, 1, 0, 0, 0, 1, 0, 4, ...address.split('.').map(Number)]),
  );
  return Buffer.concat([head, ...records]);
}
