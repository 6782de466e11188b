import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import { type CanaryHandle, type CanaryOptions, startCanary } from '../../src/probe/canary.ts';
import type { CanaryCounts } from '../../src/probe/canary-counts.ts';
import { KeyIds } from '../../src/probe/key-ids.ts';
import { type TestPki, testPki } from '../support/test-pki.ts';
import { startSigner, type TinySigner } from './tiny-signer.ts';
import { bundleWorker } from './worker-bundle.ts';

const OLD = 'old-secret-0123456789abcdef0123456789abcdef';
const NEW = 'new-secret-0123456789abcdef0123456789abcdef';
const old = Secret.fromText(OLD);
const fresh = Secret.fromText(NEW);

const folder = mkdtempSync(join(tmpdir(), 'rotctl-canary-'));
let pki: TestPki;
let workerUrl: URL;
let a: TinySigner;
let b: TinySigner;
let canary: CanaryHandle | undefined;

beforeAll(async () => {
  pki = await testPki();
  workerUrl = await bundleWorker(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(async () => {
  a = await startSigner(
    pki,
    new Map([
      ['client-a', [OLD, NEW]],
      ['client-b', [OLD]],
    ]),
  );
  b = await startSigner(
    pki,
    new Map([
      ['client-a', [OLD, NEW]],
      ['client-b', [OLD]],
    ]),
  );
});
afterEach(async () => {
  await canary?.stop().catch(() => undefined);
  canary = undefined;
  await Promise.all([a.stop(), b.stop()]);
});

async function start(overrides: Partial<CanaryOptions> = {}): Promise<CanaryHandle> {
  canary = await startCanary({
    protocol: 'keyring-v1',
    keyIds: new KeyIds(),
    routes: [
      { name: 'signer-a', endpoint: a.endpoint },
      { name: 'signer-b', endpoint: b.endpoint },
    ],
    clients: [{ id: 'client-a' }, { id: 'client-b' }],
    tls: { ca: pki.ca, ...pki.client },
    probe: {
      method: 'POST',
      path: '/v1/sign/session-transaction',
      body: '{"probe":true}',
      deadlineMs: 500,
      maxBytes: 65_536,
    },
    ratePerSecond: 25,
    runId: 'run-1',
    rules: [],
    maxAgeMs: 60_000,
    workerUrl,
    ...overrides,
  });
  return canary;
}

async function until(condition: (counts: CanaryCounts) => boolean): Promise<CanaryCounts> {
  return vi.waitFor(
    async () => {
      const counts = await canary?.snapshot();
      if (counts === undefined || !condition(counts)) throw new Error(`still ${JSON.stringify(counts)}`);
      return counts;
    },
    { timeout: 10_000, interval: 20 },
  );
}

describe('the canary, in its own thread, against signers over mTLS', () => {
  test('sends each client’s secrets in turn on every route, and all are accepted', async () => {
    const handle = await start();
    await handle.setSecrets(
      new Map([
        ['client-a', [old, fresh]],
        ['client-b', [old]],
      ]),
    );
    await until((counts) => counts.accepted >= 40);
    const last = await handle.stop();
    expect(last.sent).toBe(last.accepted);
    expect(last).toMatchObject({ refused: 0, faulted: 0, inFlight: 0, missed: 0 });
    const cells = last.cells.map(({ client, fingerprint, route }) => [client, fingerprint, route].join(' ')).sort();
    const expected = ['signer-a', 'signer-b'].flatMap((route) => [
      `client-a ${old.fingerprint} ${route}`,
      `client-a ${fresh.fingerprint} ${route}`,
      `client-b ${old.fingerprint} ${route}`,
    ]);
    expect(cells).toEqual(expected.sort());
    expect(last.latency.count).toBe(last.sent);
    expect(last.timerLag.count).toBe(last.sent);
    expect(a.seen.length + b.seen.length).toBe(last.sent);
  });

  test('counts what the signers saw, under the run’s own user agent, over connections that are renewed', async () => {
    const handle = await start();
    await handle.setSecrets(new Map([['client-a', [old]]]));
    await until((counts) => counts.accepted >= 40);
    const last = await handle.stop();
    expect(new Set(a.seen.map((request) => request.agent))).toEqual(new Set(['rotctl/run-1']));
    for (const signer of [a, b]) {
      const perConnection = new Map<number, number>();
      for (const { connection } of signer.seen) perConnection.set(connection, (perConnection.get(connection) ?? 0) + 1);
      expect(Math.max(...perConnection.values())).toBeLessThanOrEqual(8);
      expect(perConnection.size).toBeGreaterThan(1);
      expect(perConnection.size).toBeLessThan(signer.seen.length);
    }
    expect(last.cells.every((cell) => cell.client === 'client-a')).toBe(true);
  });

  test('a replica that misses the new secret is named, with the code, and samples are kept', async () => {
    b.accepted = new Map([['client-a', [OLD]]]);
    const handle = await start();
    await handle.setSecrets(new Map([['client-a', [old, fresh]]]));
    await until((counts) => counts.refused >= 3);
    const last = await handle.stop();
    const refusing = last.cells.filter((cell) => Object.keys(cell.refusedAuth).length > 0);
    expect(refusing).toHaveLength(1);
    expect(refusing[0]).toMatchObject({
      client: 'client-a',
      fingerprint: fresh.fingerprint,
      route: 'signer-b',
      accepted: 0,
    });
    expect(refusing[0]?.refusedAuth).toEqual({ AUTH_INVALID_HMAC: last.refused });
    expect(last.refusals[0]).toMatchObject({ route: 'signer-b', client: 'client-a', code: 'AUTH_INVALID_HMAC' });
    expect(last.refusals.length).toBe(Math.min(20, last.refused));
  });

  test('mark hands over a window whose requests have all settled, and the next one starts from nothing', async () => {
    a.mood = 'slow';
    const handle = await start();
    await handle.setSecrets(new Map([['client-a', [old]]]));
    await until((counts) => counts.accepted >= 5 && counts.inFlight > 0);
    const first = await handle.mark('roll');
    expect(first).toMatchObject({ label: 'start', inFlight: 0, refused: 0 });
    const second = await handle.stop();
    expect(second.label).toBe('roll');
    expect(first.sent + second.sent).toBe(a.seen.length + b.seen.length);
    expect(second.sent).toBe(second.accepted);
  });

  test('setSecrets resolves only when no request with the withdrawn secret is on its way', async () => {
    a.mood = 'slow';
    b.mood = 'slow';
    const handle = await start();
    await handle.setSecrets(new Map([['client-a', [old]]]));
    await until((counts) => counts.inFlight >= 4);
    await handle.setSecrets(new Map([['client-a', [fresh]]]));
    const counts = await handle.snapshot();
    const withdrawn = counts.cells.filter((cell) => cell.fingerprint === old.fingerprint);
    expect(withdrawn.length).toBeGreaterThan(0);
    for (const cell of withdrawn) expect(cell.accepted).toBe(cell.sent);
    for (const signer of [a, b]) signer.accepted = new Map([['client-a', [NEW]]]);
    await until((now) => now.accepted >= counts.accepted + 10);
    expect(await handle.stop()).toMatchObject({ refused: 0, faulted: 0 });
  });

  test.each([
    ['freeze', 'TIMEOUT'],
    ['reset', 'ECONNRESET'],
    ['429', 'HTTP_429'],
    ['503', 'HTTP_5XX'],
    ['page', 'FOREIGN_PAGE'],
    ['huge', 'TOO_LARGE'],
  ] as const)('a signer in mood %s gives %s faults and no refusal', async (mood, reason) => {
    b.mood = mood;
    const handle = await start({ clients: [{ id: 'client-a' }] });
    await handle.setSecrets(new Map([['client-a', [old]]]));
    await until((counts) => counts.faulted >= 5);
    const last = await handle.stop();
    expect(last.refused).toBe(0);
    const faults = last.cells.find((cell) => cell.route === 'signer-b')?.faults;
    expect(faults).toEqual({ [reason]: last.faulted });
    expect(last.cells.find((cell) => cell.route === 'signer-a')?.faults).toEqual({});
  });

  test('a signer that is down gives ECONNREFUSED, and the pace does not wait for it', async () => {
    await b.stop();
    const handle = await start();
    await handle.setSecrets(new Map([['client-a', [old]]]));
    const counts = await until((now) => now.accepted >= 20);
    expect(counts.cells.find((cell) => cell.route === 'signer-b')?.faults).toHaveProperty('ECONNREFUSED');
  });

  test('the pace is kept while every answer is late: open loop', async () => {
    for (const signer of [a, b]) signer.mood = 'freeze';
    const handle = await start({ ratePerSecond: 50 });
    await handle.setSecrets(new Map([['client-a', [old]]]));
    const counts = await until((now) => now.durationMs > 1000);
    const due = (counts.durationMs / 1000) * 50 * 2;
    expect(counts.sent + counts.missed).toBeGreaterThan(due * 0.8);
    expect(counts.sent).toBeLessThan(due * 1.2);
    expect(counts.latency.p50).toBeGreaterThanOrEqual(500);
  });

  test('the pace is kept while the main thread is busy', async () => {
    const handle = await start({ ratePerSecond: 50 });
    await handle.setSecrets(new Map([['client-a', [old]]]));
    await until((now) => now.accepted >= 5);
    await handle.mark('busy');
    const end = Date.now() + 400;
    while (Date.now() < end);
    const counts = await handle.stop();
    expect(counts.sent).toBeGreaterThan(0.4 * 50 * 2 * 0.7);
    expect(counts.timerLag.p50).toBeLessThan(50);
  });

  test('outcome rules with patterns reach the thread', async () => {
    b.mood = 'page';
    const rules = [{ when: { status: 200, body: /welcome/ }, outcome: 'AUTH_MTLS_REQUIRED' as const }];
    const handle = await start({ rules });
    await handle.setSecrets(new Map([['client-a', [old]]]));
    const counts = await until((now) => now.refused >= 2);
    expect(counts.refusals[0]).toMatchObject({ code: 'AUTH_MTLS_REQUIRED', route: 'signer-b' });
  });

  test('tells of changes while answers come in', async () => {
    const told: CanaryCounts[] = [];
    const handle = await start({ onChange: (counts) => told.push(counts) });
    await handle.setSecrets(new Map([['client-a', [old]]]));
    await vi.waitFor(() => expect(told.length).toBeGreaterThan(1), { timeout: 5000 });
    expect(told.at(-1)?.accepted).toBeGreaterThan(told[0]?.accepted ?? 0);
  });

  test('a server of another name is not trusted', async () => {
    const handle = await start({
      routes: [{ name: 'signer-a', endpoint: { ...a.endpoint, serverName: 'other.test' } }],
    });
    await handle.setSecrets(new Map([['client-a', [old]]]));
    const counts = await until((now) => now.refused >= 2);
    expect(counts.cells[0]?.refusedAuth).toHaveProperty('SERVER_UNTRUSTED');
    expect(counts.refusals[0]?.reason).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    expect(a.seen).toEqual([]);
  });

  test.each([
    ['empty', ''],
    ['garbage', 'no certificate at all'],
  ])('a CA bundle that is %s is refused: the public roots are never used', async (_, ca) => {
    await expect(start({ tls: { ca } })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  test('a secret for a client that is not there is a bug of the caller', async () => {
    const handle = await start();
    await expect(handle.setSecrets(new Map([['client-z', [old]]]))).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  test('after the end every call says that the thread has ended', async () => {
    const handle = await start();
    await handle.stop();
    await expect(handle.snapshot()).rejects.toMatchObject({ code: 'INTERNAL', message: 'the canary thread has ended' });
  });
});
