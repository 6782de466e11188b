import { Agent } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/until.ts';
import { type Hit, shoot, TRANSFER, tlsOf } from './caller.ts';
import { startFleet, type TestFleet } from './harness.ts';

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await startFleet('--store', 'embedded');
});
afterAll(() => fleet.stop());

/** Sends through the balancer, 50 a second on kept connections, while `act` runs; gives every answer. */
async function underLoad(act: () => Promise<void>): Promise<readonly Hit[]> {
  const agent = new Agent({ ...tlsOf(fleet), keepAlive: true, scheduling: 'fifo' });
  const sent: Promise<Hit>[] = [];
  const timer = setInterval(() => sent.push(shoot(fleet, 'balancer', { agent, body: TRANSFER })), 20);
  try {
    await eventually('traffic on its way', () => sent.length > 10);
    await act();
    const enough = sent.length + 20;
    await eventually('traffic after it', () => sent.length > enough);
  } finally {
    clearInterval(timer);
  }
  const hits = await Promise.all(sent);
  agent.destroy();
  return hits;
}

describe('through the balancer no request is lost', () => {
  it('requests reach every signer in turn', async () => {
    const hits = await Promise.all(Array.from({ length: 12 }, () => shoot(fleet, 'balancer')));
    expect([...new Set(hits.map(({ instance }) => instance))].sort()).toEqual(['signer-a', 'signer-b', 'signer-c']);
  });

  it('while each signer is restarted, one after the other', async () => {
    const hits = await underLoad(async () => {
      for (const name of ['signer-a', 'signer-b', 'signer-c']) expect((await fleet.ctl('restart', name)).code).toBe(0);
    });
    expect(hits.length).toBeGreaterThan(60);
    expect(hits.filter(({ code }) => code !== 'OK').map(({ status, code }) => [status, code])).toEqual([]);
    for (const { refused, faults } of (await fleet.status()).clients) expect([refused, faults]).toEqual([0, 0]);
  });

  it('while each signer is reloaded', async () => {
    const hits = await underLoad(async () => {
      for (const name of ['signer-a', 'signer-b', 'signer-c']) await fleet.ctl('reload', name);
    });
    expect(hits.filter(({ code }) => code !== 'OK')).toEqual([]);
  });

  it('when a signer is killed, new connections go to the others', async () => {
    expect((await fleet.ctl('kill', 'signer-b')).code).toBe(0);
    const hits = await Promise.all(Array.from({ length: 9 }, () => shoot(fleet, 'balancer', { body: TRANSFER })));
    expect(hits.map(({ code }) => code)).toEqual(Array.from({ length: 9 }, () => 'OK'));
    expect(new Set(hits.map(({ instance }) => instance))).toEqual(new Set(['signer-a', 'signer-c']));
    await fleet.ctl('start', 'signer-b');
    await eventually('it is in again', async () => (await shoot(fleet, 'balancer')).instance === 'signer-b');
  });
});

describe('a signer that drains', () => {
  it('says 503 on its health page, closes each connection after its answer, and finishes what is open', async () => {
    const agent = new Agent({ ...tlsOf(fleet), keepAlive: true, maxSockets: 1 });
    expect((await shoot(fleet, 'signer-a', { agent })).headers.connection).toBe('keep-alive');
    await fleet.ctl('fault', 'plant', 'slow', 'signer-a');
    const open = shoot(fleet, 'signer-a', { body: TRANSFER });
    const pid = (await fleet.status()).replicas[0]?.pid ?? 0;
    const stopped = fleet.ctl('stop', 'signer-a');
    const health = await eventually('health says 503', async () => {
      const hit = await shoot(fleet, 'signer-a', { agent, path: '/health', method: 'GET' });
      return hit.status === 503 && hit;
    });
    expect(health.headers.connection).toBe('close');
    expect(await open).toMatchObject({ status: 200, code: 'OK' });
    expect((await stopped).code).toBe(0);
    expect(() => process.kill(pid, 0)).toThrow();
    expect((await shoot(fleet, 'signer-a')).code).toBe('ECONNREFUSED');
    expect((await fleet.ctl('reload', 'signer-a')).stderr).toBe('signer-a is not running (exit 0)\n');
    agent.destroy();
  });
});
