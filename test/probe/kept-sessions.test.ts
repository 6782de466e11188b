import { randomBytes } from 'node:crypto';
import type { TlsOptions } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import { openSessions, type SessionVerdict, trySessions } from '../../src/probe/kept-sessions.ts';
import { type TestGeneration, testGeneration } from '../support/generations.ts';
import { type Knobs, type MiniSigner, MiniStore, miniSigner, SECRETS, soundKnobs } from '../support/mini-signer.ts';
import { sessionTools } from '../support/session-tools.ts';

const client = 'client-a';
const secret = Secret.fromText(SECRETS.current);
const fixed = (): TlsOptions => ({ ticketKeys: randomBytes(48) });

let current: TestGeneration;
let next: TestGeneration;
let tools: ReturnType<typeof sessionTools>;
let signer: MiniSigner;
const close: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  [current, next] = [await testGeneration('current'), await testGeneration('next')];
  tools = sessionTools(current.authority.cert + next.authority.cert);
  close.push(() => tools.close());
});
afterEach(() => signer.close());
afterAll(async () => {
  for (const each of close) await each();
});

/** A signer that trusts both authorities. */
async function start(mtls: Knobs['mtls'], tls: TlsOptions = {}): Promise<void> {
  const pki = { ca: current.authority.cert, client: current.authority, server: current.server };
  signer = await miniSigner('signer', pki, { ...soundKnobs(new MiniStore()), mtls }, tls);
  signer.setTls({ ca: current.authority.cert + next.authority.cert });
}

function hangUp(): void {
  for (const socket of signer.connections().open) socket.destroy();
}

/** Opens sessions under the current certificate, has a step taken, and tries them. */
async function across(step: () => unknown, useEveryMs = 0): Promise<SessionVerdict | undefined> {
  const owner = { client, secret, certificate: current.identity };
  const opened = await openSessions(tools, [signer], owner, { useEveryMs });
  await step();
  const [verdict] = await trySessions(tools, opened, { client, secret, certificate: next.identity });
  expect(signer.connections().open.filter(({ destroyed }) => !destroyed).length).toBeLessThanOrEqual(4);
  return verdict;
}

const dropCurrent = (tls: TlsOptions = {}): void => signer.setTls({ ca: next.authority.cert, ...tls });

describe.each(['handshake', 'app'] as const)(
  'after an authority was removed from a signer that refuses by %s',
  (mtls) => {
    it('sessions that are resumed with fixed ticket keys are a failure, with the advice', async () => {
      const keys = fixed();
      await start(mtls, keys);
      const verdict = await across(() => {
        dropCurrent(keys);
        hangUp();
      });
      expect(verdict).toMatchObject({ replica: 'signer', verdict: 'fail' });
      expect(verdict?.reason).toMatch(
        /TLS 1\.2: sessions were resumed before, the kept connection was closed, a session from before was resumed and served/,
      );
      expect(verdict?.reason).toMatch(
        /TLS 1\.3: sessions were resumed before, .* was resumed and served .*rotate the ticket keys/,
      );
    });

    it('connections that are kept are a failure', async () => {
      await start(mtls);
      const verdict = await across(() => dropCurrent(fixed()));
      expect(verdict).toMatchObject({
        verdict: 'fail',
        reason: expect.stringMatching(/a connection kept from before was served.*cap the age of connections/),
      });
    });

    it('new ticket keys and closed connections pass', async () => {
      await start(mtls);
      const verdict = await across(() => {
        dropCurrent(fixed());
        hangUp();
      });
      expect(verdict).toMatchObject({ verdict: 'pass', reason: expect.stringContaining('not resumed, and refused') });
    });

    it('those that come a moment later pass too, as of a server that reloads when it is signalled', async () => {
      await start(mtls);
      const later = () => {
        dropCurrent(fixed());
        hangUp();
      };
      const verdict = await across(() => void setTimeout(later, 700));
      expect(verdict?.verdict).toBe('pass');
    });

    it('connections in use that are closed meanwhile pass too', async () => {
      await start(mtls);
      const verdict = await across(async () => {
        const before = signer.requests();
        await vi.waitFor(() => expect(signer.requests()).toBeGreaterThan(before + 4), { timeout: 10_000 });
        dropCurrent(fixed());
        hangUp();
      }, 20);
      expect(verdict?.verdict).toBe('pass');
    });
  },
);

describe('sessions', () => {
  it('that are resumed and then refused by an answer pass', async () => {
    const keys = fixed();
    await start('app', keys);
    const owner = { client, secret, certificate: current.identity };
    const opened = await openSessions(tools, [signer], owner, { useEveryMs: 0 });
    dropCurrent(keys);
    let refusals = 0;
    signer.knobs.page = (response) => {
      refusals += 1;
      // The control comes last, over a connection of its own.
      if (refusals === 4) signer.knobs.page = undefined;
      response.writeHead(403, { 'content-type': 'application/json' }).end('{"errorCode":"AUTH_MTLS_REQUIRED"}');
    };
    const [verdict] = await trySessions(tools, opened, { client, secret, certificate: next.identity });
    expect(verdict).toMatchObject({
      verdict: 'pass',
      reason: expect.stringMatching(
        /the kept connection was refused, resumed, and refused; TLS 1\.3: .*resumed, and refused/,
      ),
    });
  });

  it('of a signer that offers one version of TLS are tried for that one, and the other is said', async () => {
    await start('app', { minVersion: 'TLSv1.3' });
    const verdict = await across(() => {
      dropCurrent({ minVersion: 'TLSv1.3', ...fixed() });
      hangUp();
    });
    expect(verdict).toMatchObject({
      verdict: 'pass',
      reason: expect.stringMatching(
        /^TLS 1\.2: none was made \(.*PROTOCOL_VERSION.*; TLS 1\.3: sessions were resumed before/,
      ),
    });
  });

  it('of a signer that gives none are known not to be resumed', async () => {
    const { SSL_OP_NO_TICKET } = (await import('node:crypto')).constants;
    await start('app', { maxVersion: 'TLSv1.2', secureOptions: SSL_OP_NO_TICKET });
    const verdict = await across(() => {
      dropCurrent({ maxVersion: 'TLSv1.2', secureOptions: SSL_OP_NO_TICKET });
      hangUp();
    });
    expect(verdict).toMatchObject({
      verdict: 'pass',
      reason: expect.stringMatching(/^TLS 1\.2: (sessions were not resumed before|no session to resume was given)/),
    });
  });

  it('over a connection that we gave up ourselves are not taken for closed', async () => {
    await start('app');
    const owner = { client, secret, certificate: current.identity };
    const opened = await openSessions(tools, [signer], owner, { useEveryMs: 0 });
    const request = { method: 'POST', path: '/', headers: {}, body: undefined };
    signer.knobs.slowMs = 2000;
    for (const { connection } of opened.sessions) {
      expect(await connection?.send(request, { deadlineMs: 20, maxBytes: 1024 })).toMatchObject({ code: 'TIMEOUT' });
    }
    signer.knobs.slowMs = 0;
    dropCurrent(fixed());
    const [verdict] = await trySessions(tools, opened, { client, secret, certificate: next.identity });
    expect(verdict).toMatchObject({
      verdict: 'unknown',
      reason: expect.stringContaining('the kept connection proves nothing'),
    });
  });

  it('of a signer that is down afterwards are unknown', async () => {
    await start('app');
    const verdict = await across(() => signer.close());
    expect(verdict).toMatchObject({ verdict: 'unknown', reason: expect.stringContaining('ECONNREFUSED') });
  });

  it('under a certificate that was never accepted are unknown: nothing could be tried', async () => {
    await start('handshake');
    dropCurrent();
    const verdict = await across(() => undefined);
    expect(verdict).toMatchObject({ verdict: 'unknown', reason: expect.stringMatching(/^nothing could be tried: /) });
  });

  it('that still work though nothing was changed are told as what they are', async () => {
    await start('app');
    const verdict = await across(hangUp);
    expect(verdict).toMatchObject({ verdict: 'fail', reason: expect.stringContaining('was resumed and served') });
  });
});
