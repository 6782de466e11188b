import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import { type CanaryHandle, startCanary } from '../../src/probe/canary.ts';
import type { CanaryCounts } from '../../src/probe/canary-counts.ts';
import { judgeCanary } from '../../src/probe/canary-judge.ts';
import { KeyIds } from '../../src/probe/key-ids.ts';
import type { Identity } from '../../src/probe/ports.ts';
import { type TestGeneration, testGeneration } from '../support/generations.ts';
import { type MiniSigner, MiniStore, miniSigner, SECRETS, soundKnobs } from '../support/mini-signer.ts';
import { bundleWorker } from './worker-bundle.ts';

const folder = mkdtempSync(join(tmpdir(), 'rotctl-canary-'));
const secret = Secret.fromText(SECRETS.current);
const SETTINGS = { faultBudget: 0.5, minSamples: 10 };

let current: TestGeneration;
let next: TestGeneration;
let both: string;
let workerUrl: URL;
let signer: MiniSigner;
let canary: CanaryHandle;

beforeAll(async () => {
  [current, next] = [await testGeneration('current'), await testGeneration('next')];
  both = current.authority.cert + next.authority.cert;
  workerUrl = await bundleWorker(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(async () => {
  await canary.stop().catch(() => undefined);
  await signer.close();
});

/** Traffic with the current certificate to a signer that refuses others in the handshake. */
async function start(version: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3', ratePerSecond = 40): Promise<void> {
  const pki = { ca: current.authority.cert, client: current.authority, server: current.server };
  const tls = { minVersion: version, maxVersion: version } as const;
  const knobs = soundKnobs(new MiniStore());
  const clients = { ...knobs.clients, 'client-b': [SECRETS.current] };
  signer = await miniSigner('signer', pki, { ...knobs, clients, mtls: 'handshake' }, tls);
  canary = await startCanary({
    protocol: 'keyring-v1',
    keyIds: new KeyIds(),
    routes: [{ name: 'signer', endpoint: signer }],
    clients: [{ id: 'client-a' }, { id: 'client-b' }],
    tls: { ca: current.authority.cert },
    probe: {
      method: 'POST',
      path: '/v1/sign/session-transaction',
      body: '{"probe":true}',
      deadlineMs: 10_000,
      maxBytes: 65_536,
    },
    ratePerSecond,
    runId: 'run-1',
    rules: [],
    maxAgeMs: 60_000,
    workerUrl,
  });
  await shows(current.identity);
  await canary.setSecrets(new Map([['client-a', [secret]]]));
}

const shows = (...identities: Identity[]) => canary.setCertificates(new Map([['client-a', identities]]));

async function until(condition: (counts: CanaryCounts) => boolean): Promise<CanaryCounts> {
  return vi.waitFor(
    async () => {
      const counts = await canary.snapshot();
      if (!condition(counts)) throw new Error(`still ${JSON.stringify(counts)}`);
      return counts;
    },
    { timeout: 20_000, interval: 20 },
  );
}

const acceptedBy = ({ cells }: CanaryCounts, name: string): number =>
  cells.filter(({ certificate }) => certificate === name).reduce((sum, { accepted }) => sum + accepted, 0);
const presentedAt = (): string[] => [
  ...new Set(signer.connections().open.map((socket) => String(socket.getPeerX509Certificate()?.issuer))),
];

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('certificates of the canary over %s', (version) => {
  test('take turns, over connections that are used again, and one that is withdrawn is gone', async () => {
    await start(version);
    signer.setTls({ ca: both });
    await shows(current.identity, next.identity);
    await until((counts) => acceptedBy(counts, 'current') >= 20 && acceptedBy(counts, 'next') >= 20);
    expect(presentedAt()).toHaveLength(2);
    expect(signer.requests() / signer.connections().ever).toBeGreaterThan(1.2);
    await shows(next.identity);
    await vi.waitFor(() => expect(presentedAt()).toEqual(['CN=next authority']), { timeout: 5000 });
    signer.setTls({ ca: next.authority.cert });
    const window = await canary.mark('after');
    expect(window).toMatchObject({ refused: 0, faulted: 0 });
    const after = await until((counts) => counts.accepted >= 20);
    expect(after.cells.map(({ certificate }) => certificate)).toEqual(['next']);
    expect(judgeCanary(after, undefined, SETTINGS).verdict).toBe('pass');
  });

  test('are each client’s own', async () => {
    await start(version);
    signer.setTls({ ca: both });
    const own = [['client-a', [current.identity]] as const, ['client-b', [next.identity]] as const];
    await canary.setCertificates(new Map(own));
    await canary.setSecrets(new Map(own.map(([client]) => [client, [secret]])));
    const { cells } = await until((counts) => acceptedBy(counts, 'current') >= 9 && acceptedBy(counts, 'next') >= 9);
    expect(new Set(cells.map(({ client, certificate }) => `${client} ${certificate}`))).toEqual(
      new Set(['client-a current', 'client-b next']),
    );
    expect(new Set(presentedAt())).toEqual(new Set(['CN=current authority', 'CN=next authority']));
  });

  test('that are refused by a bare reset count as refused, those of the fault before too', async () => {
    await start(version);
    await shows(current.identity, next.identity);
    const counts = await until(({ refused }) => refused >= 3);
    expect(counts.faulted).toBe(0);
    expect(counts.cells.map(({ certificate, refusedAuth }) => [certificate, Object.keys(refusedAuth)])).toEqual([
      ['current', []],
      ['next', ['AUTH_MTLS_REQUIRED']],
    ]);
    expect(counts.refusals[0]).toMatchObject({
      certificate: 'next',
      reason: expect.stringMatching(/^broken off in the handshake \((ECONNRESET|EPIPE|EPROTO)\), \d+ times in a row$/),
    });
    const { verdict, reasons } = judgeCanary(counts, undefined, SETTINGS, []);
    expect([verdict, reasons[0]]).toEqual(['fail', expect.stringContaining('over the certificate next')]);
  });

  test('that are missing count as refused at once, by the alert', async () => {
    await start(version);
    await until(({ accepted }) => accepted > 0);
    await shows();
    await canary.mark('none');
    const counts = await until(({ refused }) => refused > 0);
    expect(counts).toMatchObject({ accepted: 0, faulted: 0 });
    expect(counts.refusals[0]?.reason).toMatch(/^refused in the handshake: (certificate required|handshake failure)$/);
  });
});

describe('what the canary trusts', () => {
  test('is changed while it runs; a server that it does not trust counts as refused', async () => {
    await start();
    await until(({ accepted }) => accepted > 0);
    signer.setTls({ ...(await next.server(signer.serverName)), ca: both });
    const untrusted = await until(({ refused }) => refused > 0);
    expect(untrusted.refusals[0]?.code).toBe('SERVER_UNTRUSTED');
    await canary.setCertificates(new Map([['client-a', [current.identity]]]), both);
    await canary.mark('trusted');
    const trusted = await until(({ accepted }) => accepted >= 20);
    expect(trusted).toMatchObject({ refused: 0, faulted: 0 });
  });
});

describe('what is no refusal', () => {
  test('a certificate whose key is another’s is not taken, and traffic goes on as before', async () => {
    await start();
    const odd = { ...next.identity, key: current.identity.key };
    await expect(shows(odd)).rejects.toThrow(/^the canary cannot run: .*key/);
    const counts = await until(({ accepted }) => accepted >= 20);
    expect(counts.cells.map(({ certificate }) => certificate)).toEqual(['current']);
  });

  test('a server whose connections all end, and that is then down', async () => {
    await start('TLSv1.3', 100);
    await until(({ accepted }) => accepted >= 20);
    for (const socket of signer.connections().open) socket.destroy();
    const counts = await until(({ accepted }) => accepted >= 60);
    expect(counts.refused).toBe(0);
    await signer.close();
    const down = await until(({ faulted }) => faulted >= 20);
    expect(down.refused).toBe(0);
  });
});
