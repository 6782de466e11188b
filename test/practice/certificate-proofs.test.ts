import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import { provesDistrust, provesTrust, type TrustVerdict } from '../../src/probe/client-trust.ts';
import { openSessions, type SessionTools, type SessionVerdict, trySessions } from '../../src/probe/kept-sessions.ts';
import type { Identity } from '../../src/probe/ports.ts';
import { createProber } from '../../src/probe/prober.ts';
import { systemClock } from '../../src/system/clock.ts';
import { createKeptConnections } from '../../src/system/kept-connections.ts';
import { pooledRandom } from '../../src/system/random.ts';
import { createTransport } from '../../src/system/transport.ts';
import { listenForTrust } from '../../src/system/trust-listener.ts';
import { PROBE } from '../probe/harness.ts';
import { identityOf } from '../support/generations.ts';
import { eventually } from '../support/until.ts';
import { nextAuthority, tlsFile, writeTls } from './authority.ts';
import { secretOf } from './caller.ts';
import { startFleet, type TestFleet } from './harness.ts';

const NAME = 'signer.practice.internal';
let fleet: TestFleet;
let bundles: Record<'current' | 'next' | 'both', string>;
/** What rotctl shows to signers, and what servers show to clients. */
let ours: Record<'current' | 'next', Identity>;
let shown: Record<'current' | 'next', Identity>;
let tools: SessionTools;
let close: () => Promise<void>;

beforeAll(async () => {
  const [started, next] = await Promise.all([startFleet('--store', 'embedded', '--replicas', '2'), nextAuthority()]);
  fleet = started;
  const placed = (name: string) =>
    identityOf('current', { cert: tlsFile(fleet, `${name}.pem`), key: tlsFile(fleet, `${name}.key`) });
  const current = tlsFile(fleet, 'ca.pem');
  bundles = { current, next: next.ca, both: current + next.ca };
  ours = { current: placed('rotctl'), next: identityOf('next', next.client) };
  shown = { current: placed('signer-image'), next: identityOf('next', next.server) };
  const transport = createTransport({ ca: bundles.both });
  const [clock, random] = [systemClock, pooledRandom()];
  const prober = createProber({ settings: PROBE, outcomes: [], transport, clock, random, runId: 'test' });
  tools = { clock, random, prober, keep: createKeptConnections({ ca: bundles.both }), deadlineMs: 5000 };
  close = () => transport.close();
});
afterAll(async () => {
  await close();
  await fleet.stop();
});

const must = async (...words: string[]): Promise<void> => {
  expect(await fleet.ctl(...words)).toEqual({ code: 0, stdout: '', stderr: '' });
};
/** Has signer-a go by a bundle. */
async function give(bundle: string): Promise<void> {
  const reloads = (): number =>
    readFileSync(join(fleet.home, 'logs', 'signer-a.log'), 'utf8').split('configuration reloaded').length;
  const before = reloads();
  writeTls(fleet, 'signer-a-trust.pem', bundle);
  await must('reload', 'signer-a');
  await eventually('it has reloaded', () => reloads() > before);
}

describe('the proof that no session of a removed authority is left, on a practice signer', () => {
  const endSessions = () => must('end-sessions', 'signer-a');
  const restart = () => must('restart', 'signer-a');
  const nothing = async (): Promise<void> => {};
  it.each<[string, string | undefined, () => Promise<void>, SessionVerdict['verdict'], RegExp]>([
    [
      'that ended them',
      undefined,
      endSessions,
      'pass',
      /TLS 1\.2: sessions were resumed before.*TLS 1\.3: sessions were/,
    ],
    ['that was restarted', undefined, restart, 'pass', /not resumed, and refused/],
    ['that only reloaded', undefined, nothing, 'fail', /kept from before was served.*resumed and served.*rotate the/],
    [
      'with the fault fixed-ticket-keys',
      'fixed-ticket-keys',
      endSessions,
      'fail',
      /TLS 1\.2.*resumed and served.*TLS 1\.3.*resumed and served/,
    ],
    [
      'with it, restarted',
      'fixed-ticket-keys',
      restart,
      'fail',
      /TLS 1\.2.*resumed and served.*TLS 1\.3.*resumed and served/,
    ],
    [
      'with the fault keeps-connections',
      'keeps-connections',
      endSessions,
      'fail',
      /TLS 1\.2.*kept from before was served.*TLS 1\.3.*kept from before was served/,
    ],
  ])(
    '%s',
    async (_name, fault, step, verdict, reason) => {
      const client = { client: 'client-a', secret: Secret.fromText(secretOf(fleet)) };
      const signer = {
        name: 'signer-a',
        url: new URL(`https://127.0.0.1:${fleet.port('signer-a')}`),
        serverName: 'signer-a.practice.internal',
      };
      await give(bundles.both);
      if (fault !== undefined) await must('fault', 'plant', fault, 'signer-a');
      const opened = await openSessions(tools, [signer], { ...client, certificate: ours.current });
      await give(bundles.next);
      await step();
      const [found] = await trySessions(tools, opened, { ...client, certificate: ours.next });
      if (fault !== undefined) await must('fault', 'lift', fault, 'signer-a');
      await give(bundles.current);
      expect(found).toMatchObject({ verdict, reason: expect.stringMatching(reason) });
    },
    60_000,
  );
});

describe('the proof of whom a practice client trusts', () => {
  const ask = (
    proof: typeof provesTrust,
    generation: 'current' | 'next',
    dial = async (host: string, port: number) => {
      await fleet.ctl('handshake', 'client-a', host, String(port), NAME);
    },
  ): Promise<TrustVerdict> =>
    proof({
      listen: listenForTrust,
      clientAuthorities: bundles.both,
      serverName: NAME,
      dial: ({ host, port }) => dial(host, port),
      shown: shown[generation],
      control: shown[generation === 'next' ? 'current' : 'next'],
    });

  it.each<[keyof typeof bundles, readonly string[]]>([
    // Trusts next, trusts current, not next any more, not current any more.
    ['current', ['fail', 'pass', 'pass', 'fail']],
    ['both', ['pass', 'pass', 'fail', 'fail']],
    ['next', ['pass', 'fail', 'fail', 'pass']],
  ])(
    'with the bundle %s',
    async (bundle, wanted) => {
      writeTls(fleet, 'client-a-trust.pem', bundles[bundle]);
      await must('restart', 'client-a');
      const found = [
        await ask(provesTrust, 'next'),
        await ask(provesTrust, 'current'),
        await ask(provesDistrust, 'next'),
        await ask(provesDistrust, 'current'),
      ];
      expect(found.map(({ verdict, reason }) => [verdict, reason])).toEqual(
        wanted.map((verdict) => [verdict, expect.any(String)]),
      );
    },
    60_000,
  );

  it('is unknown while the client is down', async () => {
    await must('stop', 'client-a');
    expect(await ask(provesDistrust, 'next')).toMatchObject({ verdict: 'unknown' });
    await must('start', 'client-a');
  });
});
