import { once } from 'node:events';
import { createServer as createHttps, type Server as HttpsServer } from 'node:https';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { issueAuthority, issueServer } from '../../src/pki/issue.ts';
import { watchHealth } from '../../src/practice/balancer/health.ts';
import { makeProxy } from '../../src/practice/balancer/proxy.ts';
import { eventually } from '../support/until.ts';

const servers: (Server | HttpsServer)[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    if ('closeAllConnections' in server) server.closeAllConnections();
    if (server.listening) server.close();
  }
});

async function listening(server: Server | HttpsServer): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A port on which nothing listens. */
async function deadPort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  server.close();
  await once(server, 'close');
  return port;
}

describe('the proxy', () => {
  /** Connects, says hello, ends its side, and gives what came back. */
  function hello(port: number): Promise<string> {
    return new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true }, () => socket.end('hello'));
      let got = '';
      socket.on('data', (chunk) => {
        got += chunk;
      });
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(`error ${error.code}`));
      socket.on('end', () => resolve(got));
    });
  }
  const echo = (name: string): Server =>
    createServer({ allowHalfOpen: true }, (socket) => {
      let got = '';
      socket.on('data', (chunk) => {
        got += chunk;
      });
      socket.on('end', () => socket.end(`${name} got ${got}`));
    });

  it('tries the next backend when one does not take the connection', async () => {
    const ports = [await deadPort(), await deadPort(), await listening(echo('third'))];
    expect(await hello(await listening(makeProxy(() => ports)))).toBe('third got hello');
  });

  it('closes the connection when no backend takes it', async () => {
    const ports = [await deadPort()];
    expect(await hello(await listening(makeProxy(() => ports)))).toMatch(/^$|^error ECONNRESET$/);
  });

  it('passes a reset on as a reset', async () => {
    const resetting = createServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const ports = [await listening(resetting)];
    expect(await hello(await listening(makeProxy(() => ports)))).toBe('error ECONNRESET');
  });
});

describe('the health watch', () => {
  it('takes a backend out at its first bad answer and in at its first good one, and gives the healthy ones in turn', async () => {
    const wish = { now: Date.now(), days: 1 };
    const ca = await issueAuthority({ commonName: 'test', ...wish });
    const { cert, key } = await issueServer(ca, { commonName: 'b', ...wish, dnsNames: ['b.internal'], ipv4: [] });
    const status = [503, 200];
    const backend = (index: number): HttpsServer =>
      createHttps({ cert, key }, (_request, response) => response.writeHead(status[index] ?? 500).end());
    const [one = 0, two = 0] = [await listening(backend(0)), await listening(backend(1))];
    const health = watchHealth([one, two], 'b.internal');
    let allUp = false;
    health.whenAllUp().then(() => {
      allUp = true;
    });

    await eventually('only the good one', () => health.inTurn().join() === String(two));
    expect(allUp).toBe(false);
    status[0] = 200;
    await health.whenAllUp();
    expect([health.inTurn(), health.inTurn()].sort()).toEqual(
      [
        [one, two],
        [two, one],
      ].sort(),
    );
    status[1] = 503;
    await eventually('only the other', () => health.inTurn().join() === String(one));
    status[0] = 503;
    await eventually('none healthy: all are tried', () => health.inTurn().length === 2);
  });

  it('goes by the answer alone: whose certificate it is, the clients judge', async () => {
    const wish = { now: Date.now(), days: 1 };
    const another = await issueAuthority({ commonName: 'another', ...wish });
    const issued = await issueServer(another, { commonName: 'x', ...wish, dnsNames: ['x.internal'], ipv4: [] });
    const backend = createHttps({ cert: issued.cert, key: issued.key }, (_request, response) => response.end());
    const port = await listening(backend);
    const health = watchHealth([port], 'b.internal');
    await health.whenAllUp();
    expect(health.inTurn()).toEqual([port]);
  });

  it('asks anew when a kept connection was closed as it was used', async () => {
    const wish = { now: Date.now(), days: 1 };
    const ca = await issueAuthority({ commonName: 'test', ...wish });
    const { cert, key } = await issueServer(ca, { commonName: 'b', ...wish, dnsNames: ['b.internal'], ipv4: [] });
    const asked = new WeakSet<object>();
    let broken = 0;
    // The second question on a connection ends it without an answer.
    const backend = createHttps({ cert, key }, ({ socket }, response) => {
      if (asked.has(socket)) {
        broken += 1;
        socket.destroy();
      } else response.end();
      asked.add(socket);
    });
    const other = createHttps({ cert, key }, (_request, response) => response.end());
    const [frail = 0, sound = 0] = [await listening(backend), await listening(other)];
    const health = watchHealth([frail, sound], 'b.internal');
    await health.whenAllUp();
    const seen = new Set<number>();
    await eventually('some broken ones', () => {
      seen.add(health.inTurn().length);
      return broken >= 3;
    });
    expect([...seen]).toEqual([2]);
  });
});
