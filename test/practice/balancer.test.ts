import { once } from 'node:events';
import { createServer as createHttps, type Server as HttpsServer } from 'node:https';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { issueAuthority, issueServer } from '../../src/pki/issue.ts';
import { watchHealth } from '../../src/practice/balancer/health.ts';
import { makeProxy } from '../../src/practice/balancer/proxy.ts';
import { until } from './harness.ts';

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
    const health = watchHealth([one, two], { ca: ca.cert, serverName: 'b.internal' });
    let allUp = false;
    health.whenAllUp().then(() => {
      allUp = true;
    });

    await until('only the good one', () => health.inTurn().join() === String(two));
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
    await until('only the other', () => health.inTurn().join() === String(one));
    status[0] = 503;
    await until('none healthy: all are tried', () => health.inTurn().length === 2);
  });

  it('does not take a backend for healthy whose certificate bears another name', async () => {
    const wish = { now: Date.now(), days: 1 };
    const ca = await issueAuthority({ commonName: 'test', ...wish });
    const right = await issueServer(ca, { commonName: 'b', ...wish, dnsNames: ['b.internal'], ipv4: [] });
    const wrong = await issueServer(ca, { commonName: 'x', ...wish, dnsNames: ['x.internal'], ipv4: ['127.0.0.1'] });
    const answer = ({ cert, key }: typeof right): HttpsServer =>
      createHttps({ cert, key }, (_request, response) => response.end());
    const [good = 0, bad = 0] = [await listening(answer(right)), await listening(answer(wrong))];
    const health = watchHealth([good, bad], { ca: ca.cert, serverName: 'b.internal' });
    await until('only the right one', () => health.inTurn().join() === String(good));
  });
});
