import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import { issueClient } from '../../src/pki/issue.ts';
import type { Presented } from '../../src/probe/ports.ts';
import { createProber } from '../../src/probe/prober.ts';
import { awaitAccepted } from '../../src/probe/readiness.ts';
import { type Expected, round, type Tools } from '../../src/probe/round.ts';
import { systemClock } from '../../src/system/clock.ts';
import { pooledRandom } from '../../src/system/random.ts';
import { createTransport } from '../../src/system/transport.ts';
import { type TestGeneration, testGeneration } from '../support/generations.ts';
import { type MiniSigner, MiniStore, miniSigner, SECRETS, soundKnobs } from '../support/mini-signer.ts';
import { PROBE } from './harness.ts';

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
const secret = Secret.fromText(SECRETS.current);

let current: TestGeneration;
let next: TestGeneration;
let tools: Tools;
/** One refuses in the handshake, the other answers 403. */
let signers: Record<'handshake' | 'app', MiniSigner>;
const close: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  current = await testGeneration('current');
  next = await testGeneration('next');
  const pki = { ca: current.authority.cert, client: current.authority, server: current.server };
  const start = (mtls: 'handshake' | 'app') => miniSigner('signer', pki, { ...soundKnobs(new MiniStore()), mtls });
  signers = { handshake: await start('handshake'), app: await start('app') };
  // Trusts what shows either generation; shows nothing unless it is told what.
  const transport = createTransport({ ca: current.authority.cert + next.authority.cert });
  const [clock, random] = [systemClock, pooledRandom()];
  tools = {
    clock,
    random,
    prober: createProber({ settings: PROBE, outcomes: [], transport, clock, random, runId: 'test' }),
  };
  close.push(
    () => transport.close(),
    () => signers.handshake.close(),
    () => signers.app.close(),
  );
});
afterAll(async () => {
  for (const each of close) await each();
});

type Trusts = 'current' | 'next' | 'both' | 'nobody';

async function trusting(signer: MiniSigner, trusts: Trusts, shows: 'current' | 'next' = 'current'): Promise<void> {
  const bundles = {
    current: current.authority.cert,
    next: next.authority.cert,
    both: current.authority.cert + next.authority.cert,
    nobody: (await testGeneration('stranger')).authority.cert,
  };
  const shown = await (shows === 'current' ? current : next).server(signer.serverName);
  signer.setTls({ ...shown, ca: bundles[trusts] });
}

const expecting = (generation: 'current' | 'next', expected: Expected['expect']): Expected => ({
  generation,
  secret,
  expect: expected,
  certificate: (generation === 'current' ? current : next).identity,
});

describe.each(['handshake', 'app'] as const)('certificates that are refused by %s', (mtls) => {
  describe.each(VERSIONS)('over %s', (version) => {
    const rows: [string, Trusts, [Expected['expect'], Expected['expect']], [string, string]][] = [
      ['both are trusted, as they should', 'both', ['ACCEPTED', 'ACCEPTED'], ['pass', 'pass']],
      ['the next one should be trusted and is not', 'current', ['ACCEPTED', 'ACCEPTED'], ['pass', 'fail']],
      ['the bundle was replaced in place of extended', 'next', ['ACCEPTED', 'ACCEPTED'], ['fail', 'pass']],
      ['the current one is gone', 'next', ['AUTH_MTLS_REQUIRED', 'ACCEPTED'], ['pass', 'pass']],
      ['the current one should be gone and is not', 'both', ['AUTH_MTLS_REQUIRED', 'ACCEPTED'], ['fail', 'pass']],
      ['the next one is withdrawn', 'current', ['ACCEPTED', 'AUTH_MTLS_REQUIRED'], ['pass', 'pass']],
    ];
    it.each(rows)('%s', async (_, trusts, [first, second], verdicts) => {
      const signer = signers[mtls];
      await trusting(signer, trusts);
      const secrets = [expecting('current', first), expecting('next', second)];
      const cells = await round(tools, signer, [{ id: 'client-a', secrets }], { version });
      const verdictOf = (generation: string) => cells.find((cell) => cell.generation === generation)?.verdict;
      expect([verdictOf('current'), verdictOf('next')]).toEqual(verdicts);
      expect(verdictOf('wrong')).toBe('pass');
    });
  });

  it('a replica that trusts nobody: what is refused by an answer fails, what breaks off stays unknown', async () => {
    const signer = signers[mtls];
    await trusting(signer, 'nobody');
    const secrets = [expecting('current', 'ACCEPTED'), expecting('next', 'ACCEPTED')];
    const cells = await round(tools, signer, [{ id: 'client-a', secrets }]);
    expect(new Set(cells.slice(0, 2).map(({ verdict }) => verdict))).toEqual(
      new Set([mtls === 'app' ? 'fail' : 'unknown']),
    );
  });
});

describe('beside the rounds', () => {
  it('a server certificate of the next authority is trusted by a bundle of both', async () => {
    await trusting(signers.app, 'both', 'next');
    const cells = await round(tools, signers.app, [{ id: 'client-a', secrets: [expecting('next', 'ACCEPTED')] }]);
    expect(cells.map(({ verdict }) => verdict)).toEqual(['pass', 'pass']);
  });

  it('a whole round presents what its options say', async () => {
    await trusting(signers.handshake, 'next');
    const secrets = [{ generation: 'current', secret, expect: 'ACCEPTED' } as const];
    const cells = await round(tools, signers.handshake, [{ id: 'client-a', secrets }], { certificate: next.identity });
    expect(cells.map(({ verdict }) => verdict)).toEqual(['pass', 'pass']);
  });

  it('a replica is ready when it takes one of the certificates', async () => {
    await trusting(signers.handshake, 'next');
    const asked = (certificate: Presented) => ({ client: 'client-a', secret, certificate });
    const who = [asked(current.identity), asked(next.identity)];
    const ready = await awaitAccepted(tools, signers.handshake, who, { deadlineMs: 5000, consecutive: 2 });
    expect(ready).toMatchObject({ ready: true, tries: 2 });
  });

  it.each<[string, 'app' | 'handshake', () => Promise<void>, RegExp]>([
    [
      'refuses all of the certificates',
      'app',
      () => trusting(signers.app, 'nobody'),
      /^refuses every certificate it may trust/,
    ],
    [
      'closes every connection for their sake',
      'handshake',
      () => trusting(signers.handshake, 'nobody'),
      /^closes every connection after the handshake, \d+ times in a row: /,
    ],
    [
      'shows one that is not for servers',
      'app',
      async () => {
        const { cert, key } = await issueClient(current.authority, { commonName: 'signer', now: Date.now(), days: 1 });
        signers.app.setTls({ cert, key });
      },
      /^shows a certificate that we do not trust, \d+ times in a row: .*INVALID_PURPOSE/,
    ],
  ])('a replica that %s is not waited for: that is a lock-out', async (_, mtls, spoil, reason) => {
    await spoil();
    const who = [current, next].map(({ identity }) => ({ client: 'client-a', secret, certificate: identity }));
    const ready = await awaitAccepted(tools, signers[mtls], who, { deadlineMs: 30_000, consecutive: 2 });
    expect(ready).toMatchObject({ ready: false, lockedOut: true, last: { reason: expect.stringMatching(reason) } });
  });
});
