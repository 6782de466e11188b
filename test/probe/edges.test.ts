import { createServer as createTlsServer } from 'node:https';
import { connect, createServer as createTcpServer, type Server } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Endpoint, Replica } from '../../src/fleet/fleet.ts';
import { CHECKS } from '../../src/probe/checks/list.ts';
import { runChecks } from '../../src/probe/checks/run-checks.ts';
import type { Finding } from '../../src/probe/finding.ts';
import { readClock } from '../../src/probe/skew.ts';
import { miniSigner, soundKnobs } from '../support/mini-signer.ts';
import { asReplica, startFleet, type TestFleet } from './harness.ts';

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await startFleet(2);
});
afterAll(() => fleet.close());
beforeEach(() => fleet.repair());

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

describe('reading a clock', () => {
  it.each([
    [0, 2000],
    [1500, 2000],
    [-1500, 2000],
    [7000, 2000],
    [-9000, 1000],
    [250, 60_000],
  ])('that is %i ms off, with a window of %i ms, in at most 50 requests', async (clockOffsetMs, maxAgeMs) => {
    const [signer] = fleet.signers;
    const [replica] = fleet.context.fleet.replicas;
    if (signer === undefined || replica === undefined) throw new Error('no signer');
    Object.assign(signer.knobs, { clockOffsetMs, maxAgeMs });
    const before = signer.requests();
    const reading = await readClock(fleet.context, replica, 'client-a', maxAgeMs);
    expect(reading.kind).toBe('measured');
    if (reading.kind !== 'measured') return;
    expect(Math.abs(reading.offsetMs - clockOffsetMs)).toBeLessThanOrEqual(reading.errorMs + 1);
    expect(Math.abs(reading.windowMs - maxAgeMs)).toBeLessThanOrEqual(reading.errorMs + 1);
    expect(reading.errorMs).toBeLessThan(500);
    expect(signer.requests() - before).toBe(reading.samples);
    expect(reading.samples).toBeLessThanOrEqual(clockOffsetMs === 0 ? 30 : 50);
  });

  it('burns no nonce and needs no secret: a replica without secrets says nothing', async () => {
    const [signer] = fleet.signers;
    const [replica] = fleet.context.fleet.replicas;
    if (signer === undefined || replica === undefined) throw new Error('no signer');
    signer.knobs.clients = {};
    expect(await readClock(fleet.context, replica, 'client-a', 2000)).toMatchObject({ kind: 'unknown' });
  });

  it('all off alike: it is our own', async () => {
    for (const { knobs } of fleet.signers) knobs.clockOffsetMs = 600;
    const findings = await check('clock.window', fleet.context);
    for (const { verdict, reason } of findings) {
      expect(verdict).toBe('fail');
      expect(reason).toMatch(/the clock of this machine/);
    }
  });
});

async function check(id: string, context: TestFleet['context']): Promise<Finding[]> {
  return runChecks(
    CHECKS.filter((each) => each.id === id),
    context,
  );
}

describe('a client certificate that is demanded in the handshake', () => {
  async function refusing(): Promise<TestFleet['context']> {
    const signer = await miniSigner('signer-h', fleet.pki, { ...soundKnobs(fleet.store), mtls: 'handshake' });
    cleanups.push(() => signer.close());
    return fleet.with({ fleet: { ...fleet.context.fleet, replicas: [asReplica(signer)] } });
  }

  it('counts as AUTH_MTLS_REQUIRED, when it repeats and the right certificate is accepted', async () => {
    const [finding] = await check('mtls_required_rejected', await refusing());
    expect(finding).toMatchObject({ target: 'signer-h', verdict: 'pass', seen: 'AUTH_MTLS_REQUIRED' });
    expect(finding?.samples).toBeGreaterThanOrEqual(5);
  });

  it('does not count where a reset is all that anyone gets', async () => {
    const context = await refusing();
    const [signer] = fleet.signers;
    if (signer === undefined) throw new Error('no signer');
    signer.knobs.resets = 1e9;
    const { replicas } = fleet.context.fleet;
    const findings = await check('mtls_required_rejected', { ...context, fleet: { ...context.fleet, replicas } });
    expect(findings.map(({ verdict }) => verdict)).toEqual(['unknown', 'pass']);
    expect(findings[0]?.reason).toMatch(/with the certificate it was not accepted either/);
  });
});

/** A balancer that passes connections through, to the given replicas in turn. */
async function balancer(...targets: readonly Endpoint[]): Promise<Endpoint> {
  let turn = 0;
  const server: Server = createTcpServer((socket) => {
    const target = targets[turn++ % targets.length];
    const onward = connect(Number(target?.url.port), '127.0.0.1');
    socket.pipe(onward).pipe(socket);
    for (const end of [socket, onward])
      end.on('error', () => {}).on('close', () => [socket, onward].map((each) => each.destroy()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { url: new URL(`https://127.0.0.1:${port}`), serverName: '127.0.0.1' };
}

describe('what is behind one replica’s address', () => {
  const listing = async (...replicas: readonly Endpoint[]): Promise<Finding | undefined> => {
    const listed = replicas.map((endpoint, n) => ({
      ...endpoint,
      name: `listed-${n}`,
      deploy: (fleet.context.fleet.replicas[0] as Replica).deploy,
    }));
    return (await check('fleet.distinct', fleet.with({ fleet: { ...fleet.context.fleet, replicas: listed } })))[0];
  };

  it('a process each: told apart', async () => {
    const finding = await listing(...fleet.signers);
    expect(finding).toMatchObject({ verdict: 'pass', samples: 16 });
  });

  it('a balancer: found by its certificates', async () => {
    const [a] = fleet.signers;
    if (a === undefined) throw new Error('no signer');
    const [finding, twice] = [
      await listing(await balancer(...fleet.signers), a),
      await listing(await balancer(...fleet.signers), await balancer(...fleet.signers)),
    ];
    for (const each of [finding, twice]) {
      expect(each).toMatchObject({
        verdict: 'fail',
        reason: 'listed-0: 8 connections met 2 certificates: this address is a balancer or several processes',
      });
    }
  });

  it('several processes with one certificate: found by what their answers say', async () => {
    const [a, b] = fleet.signers;
    if (a === undefined || b === undefined) throw new Error('no signers');
    const workers = await miniSigner('signer-w', fleet.pki, soundKnobs(fleet.store));
    cleanups.push(() => workers.close());
    workers.knobs.instances = ['w-1', 'w-1', 'w-1', 'w-1', 'w-1', 'w-2'];
    expect(await listing(a, workers)).toMatchObject({
      verdict: 'fail',
      reason: 'listed-1: 8 connections met 2 instances: this address is a balancer or several processes',
    });
  });
});

describe('what is behind the balancer', () => {
  const spreadOver = async (front: Endpoint): Promise<Finding | undefined> =>
    (await check('balancer.spread', fleet.with({ fleet: { ...fleet.context.fleet, balancer: front } })))[0];

  it('two listed replicas: proven by their certificates', async () => {
    const finding = await spreadOver(await balancer(...fleet.signers));
    expect(finding).toMatchObject({ verdict: 'pass', seen: 'signer-a, signer-b' });
  });

  it('one replica only: a failure, because the others get no traffic', async () => {
    const [a] = fleet.signers;
    if (a === undefined) throw new Error('no signer');
    expect(await spreadOver(await balancer(a))).toMatchObject({
      verdict: 'fail',
      critical: true,
      reason: /16 connections all ended at signer-a/,
    });
  });

  it('a replica that nobody listed: not proven', async () => {
    const stranger = await miniSigner('signer-x', fleet.pki, soundKnobs(fleet.store));
    cleanups.push(() => stranger.close());
    const [a] = fleet.signers;
    if (a === undefined) throw new Error('no signer');
    expect(await spreadOver(await balancer(stranger, a))).toMatchObject({
      verdict: 'unknown',
      reason: /no listed replica/,
    });
  });

  it('nothing that answers: not proven', async () => {
    const front = await balancer(...fleet.signers);
    for (const cleanup of cleanups.splice(0)) await cleanup();
    expect(await spreadOver(front)).toMatchObject({ verdict: 'unknown', reason: /none that is known/ });
  });

  it('TLS that ends at the balancer: told apart by what the answers say of the process', async () => {
    const { cert, key } = await fleet.pki.server('signer.test.internal');
    let turn = 0;
    const front = createTlsServer({ cert, key }, (_request, response) => {
      response.writeHead(401, { 'content-type': 'application/json', 'x-signer-instance': `i-${turn++ % 2}` });
      response.end('{"errorCode":"AUTH_INVALID_HMAC"}');
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    cleanups.push(async () => front.close());
    const address = front.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const endpoint = { url: new URL(`https://127.0.0.1:${port}`), serverName: 'signer.test.internal' };
    expect(await spreadOver(endpoint)).toMatchObject({ verdict: 'unknown', reason: /TLS ends at the balancer/ });
  });
});
