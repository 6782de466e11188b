import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import { edited, FULL_FLEET, SHORT_FLEET } from './fleet-text.ts';

describe('a fleet file with everything stated', () => {
  const fleet = readFleet(FULL_FLEET, '/home/fleet/rotctl.yaml');

  it('is read field by field', () => {
    expect(fleet).toMatchObject({
      name: 'practice',
      environment: 'practice',
      protocol: 'keyring-v1',
      file: '/home/fleet/rotctl.yaml',
      balancer: { serverName: 'signer.practice.internal' },
      replay: { maxAgeMs: 2000, nonceTtlMs: 5000, clockErrorMs: 200, storeTimeoutMs: 250 },
      readiness: { deadlineMs: 5000, consecutive: 3 },
      canary: { ratePerSecond: 10, faultBudget: 0.2, minSamples: 50 },
      usage: [{ metric: 'keyring_accepted_requests_total', fingerprint: 'rotctl', ownCaller: 'rotctl' }],
      policy: { minOverlapMs: 1000, soakMs: 1000, failureBudget: 0, onFailedOverlap: 'roll-back' },
    });
    expect(fleet.probe).toEqual({
      method: 'POST',
      path: '/v1/sign/session-transaction',
      body: '{"probe":true}',
      causes: 'refused by policy (422), signs nothing',
      inert: [],
      deadlineMs: 1000,
      maxBytes: 65_536,
      perSecond: 20,
    });
  });

  it('takes its fingerprints as they are said to be made', () => {
    const text = edited(FULL_FLEET, 'ownCaller: rotctl', 'fingerprint: sha256');
    expect(readFleet(text, '/f/r').usage).toMatchObject([{ fingerprint: 'sha256', ownCaller: 'rotctl' }]);
  });

  it('resolves relative paths against its own folder, and leaves absolute ones', () => {
    expect(fleet.tls).toEqual({
      ca: '/home/fleet/tls/ca.pem',
      cert: '/home/fleet/tls/rotctl.pem',
      key: '/home/fleet/tls/rotctl.key',
      required: true,
    });
    expect(fleet.vault).toBe('/home/fleet/rotctl-vault');
    expect(fleet.policy.safetyLever).toBe('/home/fleet/STOP');
    expect(fleet.replicas[0]?.deploy).toMatchObject({ path: '/home/fleet/signers/signer-a.env' });
    expect(fleet.clients.map((client) => client.secret)).toEqual([
      { from: 'dotenv', path: '/home/fleet/clients/client-a.env', variable: 'KEYRING_SECRET' },
      { from: 'file', path: '/run/client-b.secret' },
    ]);
  });

  it('has the templates that it names, each with a place and no command, and none by default', () => {
    expect(fleet.templates).toEqual([]);
    const text = edited(
      FULL_FLEET,
      'balancer: {',
      `templates:
  - { name: image, deploy: { path: image.env, variable: 'KEYS_{CLIENT}', format: list, separator: ':' } }
  - { name: config, deploy: { driver: env-file, path: /c/r.env, variable: K, format: json, pointer: '/{client}' } }
balancer: {`,
    );
    const driver = 'env-file';
    expect(readFleet(text, '/home/fleet/rotctl.yaml').templates).toEqual([
      {
        name: 'image',
        deploy: {
          driver,
          path: '/home/fleet/image.env',
          variable: 'KEYS_{CLIENT}',
          format: { kind: 'list', separator: ':' },
        },
      },
      {
        name: 'config',
        deploy: { driver, path: '/c/r.env', variable: 'K', format: { kind: 'json', pointer: '/{client}' } },
      },
    ]);
  });

  it('keeps deploy as it is written, with the placeholder for the driver', () => {
    expect(fleet.replicas[0]?.deploy).toMatchObject({
      variable: 'KEYRING_CLIENTS',
      format: { kind: 'json', pointer: '/{client}/hmacSecrets' },
      deadlineMs: 10_000,
    });
    expect(fleet.clients[1]?.deploy).toMatchObject({ format: { kind: 'single' }, reload: ['b'], restart: undefined });
  });

  it('has rules with compiled patterns and header names in lower case, and only the conditions given', () => {
    expect(fleet.outcomes).toEqual([
      {
        when: {
          status: 401,
          header: { name: 'x-why', matches: /bad/ },
          pointer: { path: '/error', matches: /bad signature/ },
        },
        outcome: 'AUTH_INVALID_HMAC',
      },
    ]);
    expect(Object.keys(fleet.outcomes[0]?.when ?? {})).toEqual(['status', 'header', 'pointer']);
  });

  it('has the digest of its bytes, byte order mark and line ends included', () => {
    for (const text of [FULL_FLEET, `\ufeff${FULL_FLEET}`, FULL_FLEET.replaceAll('\n', '\r\n')]) {
      const digest = createHash('sha256').update(Buffer.from(text)).digest('hex');
      expect(readFleet(text, '/f/rotctl.yaml').digest).toBe(`sha256:${digest}`);
    }
  });
});

describe('what a short fleet file leaves out', () => {
  const fleet = readFleet(SHORT_FLEET, '/f/rotctl.yaml');
  const HOUR = 3_600_000;

  it('has the defaults of the protocol', () => {
    expect(fleet.replay).toEqual({
      ...{ maxAgeMs: 60_000, nonceTtlMs: 120_000, clockErrorMs: 1000, storeTimeoutMs: 5000 },
      ...{ nonceKey: 'client', assumed: ['maxAge', 'nonceTtl', 'clockError', 'storeTimeout'] },
    });
    expect(fleet.probe).toMatchObject({ method: 'POST', path: '/v1/sign/session-transaction', perSecond: undefined });
    expect(fleet).toMatchObject({ protocol: 'keyring-v1', outcomes: [], balancer: undefined, usage: [] });
    expect(fleet.tls).toEqual({ ca: '/f/tls/ca.pem', cert: undefined, key: undefined, required: false });
  });

  it('takes the server name from the url', () => {
    expect(fleet.replicas.map((replica) => replica.serverName)).toEqual(['10.0.0.1', '10.0.0.2']);
    const six = readFleet(edited(SHORT_FLEET, 'https://10.0.0.1:8443', 'https://[2001:db8::1]:8443'), '/f/r');
    expect(six.replicas[0]?.serverName).toBe('2001:db8::1');
  });

  it("reads a client's secret where its deploy writes it", () => {
    expect(fleet.clients[0]).toMatchObject({
      secret: { from: 'dotenv', path: '/f/clients/client-a.env', variable: 'KEYRING_SECRET' },
      deploy: { driver: 'env-file', format: { kind: 'single' }, deadlineMs: 30_000 },
    });
    const text = edited(
      SHORT_FLEET,
      'KEYRING_SECRET, restart',
      '"K_{CLIENT}", format: json, pointer: "/{client}/key", restart',
    );
    expect(readFleet(text, '/f/r').clients[0]?.secret).toMatchObject({
      variable: 'K_CLIENT_A',
      pointer: '/client-a/key',
    });
  });

  it('demands client certificates when it has one', () => {
    const text = edited(SHORT_FLEET, 'ca: tls/ca.pem', 'ca: tls/ca.pem, cert: c, key: k');
    expect(readFleet(text, '/f/r').tls.required).toBe(true);
  });

  it('holds a failed overlap in production, and soaks a day at least', () => {
    expect(fleet.policy).toMatchObject({ onFailedOverlap: 'hold', soakMs: 24 * HOUR, failureBudget: 0 });
    const slow = edited(SHORT_FLEET, '  - id: client-a\n', '  - id: client-a\n    cadence: 25h\n');
    expect(readFleet(slow, '/f/r').policy.soakMs).toBe(25 * HOUR);
  });

  it.each(['staging', 'practice'])('rolls back and soaks for the longest cadence in %s', (environment) => {
    const text = edited(SHORT_FLEET, 'production', environment);
    const fast = edited(text, '  - id: client-a\n', '  - id: client-a\n    cadence: 10s\n');
    expect(readFleet(fast, '/f/r').policy).toMatchObject({ onFailedOverlap: 'roll-back', soakMs: 10_000 });
  });

  it('overlaps for the longest cadence and whatever may be in flight', () => {
    expect(fleet.clients[0]).toMatchObject({ cadenceMs: 24 * HOUR, atRestMs: 60_000 });
    expect(fleet.policy.minOverlapMs).toBe(24 * HOUR + 60_000 + 2 * 1000);
    const queued = edited(SHORT_FLEET, '  - id: client-a\n', '  - id: client-a\n    cadence: 1m\n    atRest: 2h\n');
    expect(readFleet(queued, '/f/r').policy.minOverlapMs).toBe(60_000 + 2 * HOUR);
  });
});
