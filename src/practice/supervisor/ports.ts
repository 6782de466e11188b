import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ephemeral ranges of Linux (32768) and of IANA (49152), so that no outgoing connection takes a port. */
const RANGE = { from: 20_000, to: 32_000 };
const TRIES = 50;

/** Finds `count` ports in a row that can be bound on the loopback at this moment. */
export async function pickPorts(count: number): Promise<readonly number[]> {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const base = randomInt(RANGE.from, RANGE.to - count);
    const ports = Array.from({ length: count }, (_, index) => base + index);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return ports;
  }
  throw new Error(`no ${count} free ports in a row between ${RANGE.from} and ${RANGE.to}`);
}

/** Whether nothing listens on a port of the loopback. */
export async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return true;
  } catch {
    return false;
  }
}
