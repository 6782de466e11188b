import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issueAuthority, issueServer } from '../../src/pki/issue.ts';
import { eventually } from '../support/until.ts';
import { freshNonce, type Hit, PROBE, type Shot, secretOf, shoot, TRANSFER, tlsOf, writeSecrets } from './caller.ts';
import { startFleet, type TestFleet } from './harness.ts';

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await startFleet('--store', 'embedded');
});
afterAll(() => fleet.stop());

const wrong = randomBytes(32).toString('hex');
const shift = (ms: number): string => String(Date.now() + ms);

describe('the vector scenarios of signer-auth-v1', () => {
  const nonce = freshNonce();
  const rows: { id: string; steps: { shot: () => Shot; expect: [number, string] }[] }[] = [
    { id: 'valid_hmac_mtls_single_use', steps: [{ shot: () => ({}), expect: [422, 'POLICY_SELECTOR_DENIED'] }] },
    {
      id: 'replay_nonce_rejected',
      steps: [
        { shot: () => ({ nonce }), expect: [422, 'POLICY_SELECTOR_DENIED'] },
        { shot: () => ({ nonce }), expect: [409, 'REPLAY_NONCE_USED'] },
      ],
    },
    {
      id: 'timestamp_skew_rejected',
      steps: [
        { shot: () => ({ timestamp: shift(-2100) }), expect: [401, 'AUTH_TIMESTAMP_SKEW'] },
        { shot: () => ({ timestamp: shift(2600) }), expect: [401, 'AUTH_TIMESTAMP_SKEW'] },
        { shot: () => ({ timestamp: shift(-1500) }), expect: [422, 'POLICY_SELECTOR_DENIED'] },
        { shot: () => ({ timestamp: shift(1500) }), expect: [422, 'POLICY_SELECTOR_DENIED'] },
      ],
    },
    {
      id: 'mtls_required_rejected',
      steps: [{ shot: () => ({ certificate: false }), expect: [403, 'AUTH_MTLS_REQUIRED'] }],
    },
    { id: 'invalid_hmac_rejected', steps: [{ shot: () => ({ secret: wrong }), expect: [401, 'AUTH_INVALID_HMAC'] }] },
    {
      id: 'unknown_client_rejected',
      steps: [{ shot: () => ({ clientId: 'nobody' }), expect: [401, 'AUTH_INVALID_CLIENT'] }],
    },
    {
      id: 'invalid_signature_format_rejected',
      steps: [{ shot: () => ({ signature: 'not hex' }), expect: [401, 'AUTH_INVALID_SIGNATURE_FORMAT'] }],
    },
  ];
  for (const { id, steps } of rows) {
    it(`${id}, on each signer`, async () => {
      for (const target of ['signer-a', 'signer-b', 'signer-c']) {
        // The replay row's nonce is shared by all signers: on the second one it is used already.
        const replayed = id === 'replay_nonce_rejected' && target !== 'signer-a';
        for (const { shot, expect: wanted } of replayed ? steps.slice(1) : steps) {
          const hit = await shoot(fleet, target, shot());
          expect([hit.status, hit.code, hit.instance]).toEqual([...wanted, target]);
        }
      }
    });
  }

  it('rotated_secret_accepted: after a reload both secrets pass, and after the next only the new one', async () => {
    const current = secretOf(fleet);
    const next = randomBytes(32).toString('hex');
    expect((await shoot(fleet, 'signer-b', { secret: next })).code).toBe('AUTH_INVALID_HMAC');
    await deploy('signer-b', [current, next]);
    await eventually('next is accepted', async () => (await shoot(fleet, 'signer-b', { secret: next })).status === 422);
    expect((await shoot(fleet, 'signer-b', { secret: current })).status).toBe(422);
    await deploy('signer-b', [next]);
    await eventually(
      'current is refused',
      async () => (await shoot(fleet, 'signer-b', { secret: current })).code === 'AUTH_INVALID_HMAC',
    );
    expect((await shoot(fleet, 'signer-b', { secret: next })).status).toBe(422);
    await deploy('signer-b', [current]);
    await eventually(
      'current is accepted',
      async () => (await shoot(fleet, 'signer-b', { secret: current })).status === 422,
    );
  });
});

describe('the order of the checks: of two things wrong, the earlier is named', () => {
  const bad = {
    clientMissing: { without: ['x-keyring-client-id'] },
    noCertificate: { certificate: false },
    unknownClient: { clientId: 'nobody' },
    staleTimestamp: { timestamp: '1000' },
    badNonce: { nonce: 'short' },
    badFormat: { signature: 'xyz' },
  } satisfies Record<string, Shot>;
  const rows: [string, Shot, string][] = [
    ['client id missing before mTLS', { ...bad.clientMissing, ...bad.noCertificate }, 'AUTH_INVALID_CLIENT'],
    ['mTLS before an unknown client', { ...bad.noCertificate, ...bad.unknownClient }, 'AUTH_MTLS_REQUIRED'],
    ['unknown client before the timestamp', { ...bad.unknownClient, ...bad.staleTimestamp }, 'AUTH_INVALID_CLIENT'],
    ['timestamp before the nonce', { ...bad.staleTimestamp, ...bad.badNonce }, 'AUTH_TIMESTAMP_SKEW'],
    ['nonce before the signature format', { ...bad.badNonce, ...bad.badFormat }, 'AUTH_INVALID_NONCE'],
    ['format before the HMAC', { ...bad.badFormat, secret: wrong }, 'AUTH_INVALID_SIGNATURE_FORMAT'],
    ['timestamp not digits', { timestamp: `${Date.now()}.5` }, 'AUTH_TIMESTAMP_SKEW'],
    ['timestamp beyond safe integers', { timestamp: '9'.repeat(30) }, 'AUTH_TIMESTAMP_SKEW'],
    ['nonce of 15 bytes', { nonce: 'a'.repeat(15) }, 'AUTH_INVALID_NONCE'],
    ['nonce of 16 bytes', { nonce: freshNonce().slice(16) }, 'POLICY_SELECTOR_DENIED'],
    ['nonce of 256 bytes', { nonce: freshNonce().repeat(8) }, 'POLICY_SELECTOR_DENIED'],
    ['nonce of 257 bytes', { nonce: `${freshNonce().repeat(8)}a` }, 'AUTH_INVALID_NONCE'],
    ['nonce with a dot', { nonce: `${freshNonce()}.` }, 'AUTH_INVALID_NONCE'],
    ['signature empty', { signature: '' }, 'AUTH_INVALID_SIGNATURE_FORMAT'],
    ['signature hex but short', { signature: 'abcd' }, 'AUTH_INVALID_HMAC'],
    ['signature right but with more after it', { tail: '00' }, 'AUTH_INVALID_HMAC'],
    ['signature made with an empty key', { secret: '' }, 'AUTH_INVALID_HMAC'],
    ['another client id with the same secret', { clientId: 'client-b' }, 'AUTH_INVALID_HMAC'],
  ];
  it.each(rows)('%s', async (_name, shot, code) => {
    expect((await shoot(fleet, 'signer-a', shot)).code).toBe(code);
  });

  it('a refused request takes no nonce', async () => {
    const nonce = freshNonce();
    expect((await shoot(fleet, 'signer-a', { nonce, secret: wrong })).code).toBe('AUTH_INVALID_HMAC');
    expect((await shoot(fleet, 'signer-a', { nonce })).status).toBe(422);
  });

  it('the same nonce of two clients is two nonces', async () => {
    const nonce = freshNonce();
    expect((await shoot(fleet, 'signer-a', { nonce })).status).toBe(422);
    expect(
      (await shoot(fleet, 'signer-b', { nonce, clientId: 'client-b', secret: secretOf(fleet, 'client-b') })).status,
    ).toBe(422);
  });
});

describe('answers', () => {
  it('a transfer is signed; the error body has the four fields', async () => {
    const signed = await shoot(fleet, 'signer-a', { body: TRANSFER });
    expect(signed.status).toBe(200);
    expect(JSON.parse(signed.body)).toEqual({ ok: true, signature: expect.any(String), requestId: expect.any(String) });
    const refused = await shoot(fleet, 'signer-a', { body: PROBE });
    expect(JSON.parse(refused.body)).toEqual({
      error: expect.any(String),
      errorCode: 'POLICY_SELECTOR_DENIED',
      requestId: expect.any(String),
      retryable: false,
    });
  });

  it.each<[string, Shot, number]>([
    ['another path', { path: '/v1/other' }, 404],
    ['GET on the signing path', { method: 'GET' }, 405],
    ['a body over the cap', { body: 'x'.repeat(70_000) }, 413],
    ['health', { path: '/health', method: 'GET', certificate: false }, 200],
  ])('%s', async (_name, shot, status) => {
    expect((await shoot(fleet, 'signer-a', shot)).status).toBe(status);
  });

  it('metrics count accepted requests by client, key and caller, apart from refused ones', async () => {
    const mark = { 'user-agent': 'rotctl/test' };
    const before = await metrics('rotctl');
    await shoot(fleet, 'signer-c', { headers: mark });
    await shoot(fleet, 'signer-c', { headers: mark, secret: wrong });
    expect((await metrics('rotctl')) - before).toBe(1);
    expect(await metrics('other')).toBeGreaterThan(0);
    const page = (await shoot(fleet, 'signer-c', { path: '/metrics', method: 'GET' })).body;
    expect(page).toMatch(/^process_start_time_seconds \d+(\.\d+)?$/m);
    expect(page).toMatch(/^keyring_refused_requests_total\{code="AUTH_INVALID_HMAC",caller="rotctl"\} [1-9]/m);
    expect(page).not.toContain(secretOf(fleet));
  });
});

describe('reload', () => {
  it('keeps connections: the same socket goes on, with the new secrets', async () => {
    const next = randomBytes(32).toString('hex');
    const agent = new Agent({ ...tlsOf(fleet), keepAlive: true, maxSockets: 1 });
    const first = await shoot(fleet, 'signer-a', { agent });
    await deploy('signer-a', [secretOf(fleet), next]);
    const after = await eventually('next is accepted', async (): Promise<Hit | false> => {
      const hit = await shoot(fleet, 'signer-a', { agent, secret: next });
      return hit.status === 422 && hit;
    });
    expect(after.localPort).toBe(first.localPort);
    agent.destroy();
  });

  it('takes new certificates: its own for new connections, and whom it trusts', async () => {
    const peer = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: '127.0.0.1', port: fleet.port('signer-c'), rejectUnauthorized: false }, () => {
          resolve(socket.getPeerCertificate().subject.CN);
          socket.destroy();
        });
        socket.on('error', reject);
      });
    const files = ['signer-c-trust.pem', 'signer-c.pem', 'signer-c.key'].map((file) => join(fleet.home, 'tls', file));
    const before = files.map((file) => readFileSync(file, 'utf8'));
    const wish = { now: Date.now(), days: 1 };
    const authority = await issueAuthority({ commonName: 'another', ...wish });
    const issued = await issueServer(authority, {
      commonName: 'renewed',
      ...wish,
      dnsNames: ['signer.practice.internal'],
      ipv4: [],
    });
    const trusting = { ...tlsOf(fleet), ca: authority.cert };
    for (const [index, text] of [authority.cert, issued.cert, issued.key].entries())
      writeFileSync(files[index] ?? '', text);
    await fleet.ctl('reload', 'signer-c');
    await eventually('the new certificate', async () => (await peer()) === 'renewed');
    // Our certificate is of the authority that is not trusted any more.
    expect((await shoot(fleet, 'signer-c', { agent: new Agent(trusting) })).code).toBe('AUTH_MTLS_REQUIRED');
    for (const [index, text] of before.entries()) writeFileSync(files[index] ?? '', text);
    await fleet.ctl('reload', 'signer-c');
    await eventually('the old certificate', async () => (await peer()) === 'signer-c.practice.internal');
    expect((await shoot(fleet, 'signer-c')).status).toBe(422);
  });

  it('a broken file leaves the old secrets in force and logs a line without them', async () => {
    const path = join(fleet.home, 'signers', 'signer-c.env');
    const good = readFileSync(path, 'utf8');
    writeFileSync(path, good.replace(/^KEYRING_CLIENTS=.*$/m, `KEYRING_CLIENTS="{\\"client-a\\":[\\"${wrong}"`));
    await fleet.ctl('reload', 'signer-c');
    const log = await eventually('a line in the log', () => {
      const text = readFileSync(join(fleet.home, 'logs', 'signer-c.log'), 'utf8');
      return text.includes('not reloaded') && text;
    });
    expect(log).not.toContain(wrong);
    expect((await shoot(fleet, 'signer-c')).status).toBe(422);
    writeFileSync(path, good);
  });
});

async function deploy(name: string, secrets: readonly string[]): Promise<void> {
  writeSecrets(fleet, name, secrets);
  expect(await fleet.ctl('reload', name)).toEqual({ code: 0, stdout: '', stderr: '' });
}

async function metrics(caller: string): Promise<number> {
  const page = (await shoot(fleet, 'signer-c', { path: '/metrics', method: 'GET' })).body;
  const lines = page
    .split('\n')
    .filter((line) => line.startsWith('keyring_accepted_requests_total') && line.includes(`caller="${caller}"`));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}
