import type { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { connect, type SecureVersion } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CERTIFICATE_FAULTS } from '../../src/practice/faults.ts';
import { eventually } from '../support/until.ts';
import { type NextAuthority, nextAuthority, tlsFile, writeTls } from './authority.ts';
import { type Hit, shoot, tlsOf } from './caller.ts';
import { startFleet, type TestFleet } from './harness.ts';

/** The signer that gets the fault, and one that is well. */
const ILL = 'signer-a';
const WELL = 'signer-b';
const OK = 'POLICY_SELECTOR_DENIED';
const REFUSED = 'AUTH_MTLS_REQUIRED';
let fleet: TestFleet;
let next: NextAuthority;
let current: string;
beforeAll(async () => {
  [fleet, next] = await Promise.all([startFleet('--store', 'embedded', '--replicas', '2'), nextAuthority()]);
  current = tlsFile(fleet, 'ca.pem');
});
afterAll(() => fleet.stop());

const must = async (...words: string[]): Promise<void> => {
  expect(await fleet.ctl(...words)).toEqual({ code: 0, stdout: '', stderr: '' });
};
const plant = (fault: string, name = ILL): Promise<void> => must('fault', 'plant', fault, name);
const lift = (fault: string, name = ILL): Promise<void> => must('fault', 'lift', fault, name);

type Shows = 'current' | 'next' | 'next server’s';
/** Asks a signer over a connection of its own, or one that is kept; whatever certificate it shows. */
function ask(shows: Shows, more: Asking = {}): Promise<Hit> {
  const { version, session, agent, to = ILL } = more;
  const own = shows === 'current' ? tlsOf(fleet) : shows === 'next' ? next.client : next.server;
  const { cert, key } = own;
  const versions = version === undefined ? {} : { minVersion: version, maxVersion: version };
  const resumed = session === undefined ? {} : { session };
  const fresh = () => new Agent({ cert, key, rejectUnauthorized: false, ...versions, ...resumed });
  return shoot(fleet, to, { agent: agent ?? fresh() });
}
interface Asking {
  readonly version?: SecureVersion;
  readonly session?: Buffer | undefined;
  readonly agent?: Agent;
  readonly to?: string;
}

/** What a signer answers to a client of the current authority, and to one of the next. */
const answers = async (): Promise<readonly string[]> => [(await ask('current')).code, (await ask('next')).code];
/** Gives the ill signer a bundle, and has it take it up: it has when its log says so once more. */
const give = async (bundle: string, shown?: { cert: string; key: string }): Promise<void> => {
  writeTls(fleet, `${ILL}-trust.pem`, bundle);
  if (shown !== undefined) {
    writeTls(fleet, `${ILL}.pem`, shown.cert);
    writeTls(fleet, `${ILL}.key`, shown.key);
  }
  await reload();
};
const reload = async (): Promise<void> => {
  const log = (): number =>
    readFileSync(join(fleet.home, 'logs', `${ILL}.log`), 'utf8').split('configuration reloaded').length;
  const before = log();
  await must('reload', ILL);
  await eventually('it has reloaded', () => log() > before);
};
/** What the ill signer shows: its fingerprint, and what it is for. */
const shown = (): Promise<X509Certificate> =>
  new Promise((resolve, reject) => {
    const to = { host: '127.0.0.1', port: fleet.port(ILL), servername: `${ILL}.practice.internal` };
    const socket = connect({ ...to, rejectUnauthorized: false }, () => {
      const certificate = socket.getPeerX509Certificate();
      socket.destroy();
      if (certificate === undefined) reject(new Error('it shows none'));
      else resolve(certificate);
    });
    socket.on('error', reject);
  });
const memoryOf = (fault: string): string => join(fleet.home, 'faults', ILL, fault);

describe('faults of trust', () => {
  it.each([
    ['trust-replaced', [REFUSED, OK]],
    ['torn-trust', [OK, REFUSED]],
  ])('%s: waits for the next load, also at a restart, until it is lifted', async (fault, ill) => {
    await give(current + next.ca);
    expect(await answers()).toEqual([OK, OK]);
    await plant(fault);
    expect(await answers()).toEqual([OK, OK]);
    await reload();
    expect(await answers()).toEqual(ill);
    await must('restart', ILL);
    expect(await answers()).toEqual(ill);
    await lift(fault);
    expect(await answers()).toEqual([OK, OK]);
    await give(current);
    expect(await answers()).toEqual([OK, REFUSED]);
  });

  it('keeps-trust: an authority that was loaded once is trusted after a reload and a restart without it', async () => {
    await give(current + next.ca);
    await plant('keeps-trust');
    await give(next.ca);
    expect(await answers()).toEqual([OK, OK]);
    await must('restart', ILL);
    expect(await answers()).toEqual([OK, OK]);
    expect(statSync(memoryOf('keeps-trust')).mode & 0o777).toBe(0o600);
    await lift('keeps-trust');
    expect(await answers()).toEqual([REFUSED, OK]);
    expect(existsSync(memoryOf('keeps-trust'))).toBe(false);
    await give(current);
  });

  it('any-purpose: a server’s certificate passes for a client’s, but one of an unknown authority does not', async () => {
    await give(current + next.ca);
    expect((await ask('next server’s')).code).toBe(REFUSED);
    await plant('any-purpose');
    expect((await ask('next server’s')).code).toBe(OK);
    await give(current);
    expect((await ask('next server’s')).code).toBe(REFUSED);
    await lift('any-purpose');
  });
});

describe('faults of what is shown and of loading', () => {
  it('wrong-purpose: from its next load on it shows a certificate that is not for servers', async () => {
    const good = (await shown()).fingerprint256;
    await plant('wrong-purpose');
    expect((await shown()).fingerprint256).toBe(good);
    await must('restart', ILL);
    const bad = await shown();
    expect([bad.keyUsage, bad.subjectAltName]).toEqual([['1.3.6.1.5.5.7.3.2'], `DNS:${ILL}.practice.internal`]);
    const agent = new Agent({ ...tlsOf(fleet), servername: `${ILL}.practice.internal` });
    expect((await shoot(fleet, ILL, { agent })).code).toBe('INVALID_PURPOSE');
    await lift('wrong-purpose');
    expect((await shown()).fingerprint256).toBe(good);
  });

  it('not-reloaded: goes by what it had, after a reload and a restart; lifted, by what it was given last', async () => {
    const own = { cert: tlsFile(fleet, `${ILL}.pem`), key: tlsFile(fleet, `${ILL}.key`) };
    const before = (await shown()).fingerprint256;
    await plant('not-reloaded');
    await give(current + next.ca, next.server);
    const stale = async (): Promise<void> => {
      expect(await answers()).toEqual([OK, REFUSED]);
      expect((await shown()).fingerprint256).toBe(before);
    };
    await stale();
    await must('restart', ILL);
    await stale();
    expect(statSync(memoryOf('not-reloaded')).mode & 0o777).toBe(0o600);
    await lift('not-reloaded');
    expect(await answers()).toEqual([OK, OK]);
    expect((await shown()).subject).toBe('CN=renewed');
    await give(current, own);
    expect(await answers()).toEqual([OK, REFUSED]);
  });

  it('crash-mid-roll strikes at another bundle, too', async () => {
    await plant('crash-mid-roll');
    writeTls(fleet, `${ILL}-trust.pem`, current + next.ca);
    expect((await fleet.ctl('restart', ILL)).code).toBe(1);
    await lift('crash-mid-roll');
    expect(await answers()).toEqual([OK, OK]);
    await give(current);
  });
});

describe.each<SecureVersion>(['TLSv1.2', 'TLSv1.3'])('faults of sessions over %s', (version) => {
  it('fixed-ticket-keys: a session of a removed authority is served after the end of sessions, a restart, and elsewhere', async () => {
    await give(current + next.ca);
    await plant('fixed-ticket-keys');
    await plant('fixed-ticket-keys', WELL);
    const { session } = await ask('next', { version });
    await give(current);
    const again = async (to = ILL): Promise<readonly [boolean, string]> => {
      const { reused, code } = await ask('next', { version, session, to });
      return [reused, code];
    };
    await must('end-sessions', ILL);
    expect(await again()).toEqual([true, OK]);
    await must('restart', ILL);
    expect(await again()).toEqual([true, OK]);
    // A signer that never trusted the next authority.
    expect(await again(WELL)).toEqual([true, OK]);
    await lift('fixed-ticket-keys');
    await lift('fixed-ticket-keys', WELL);
    expect([await again(), await again(WELL)]).toEqual([
      [false, REFUSED],
      [false, REFUSED],
    ]);
  });

  it('keeps-connections: one that is kept goes on after the end of sessions, and new ones begin anew', async () => {
    await give(current + next.ca);
    await plant('keeps-connections');
    const { cert, key } = next.client;
    const versions = { minVersion: version, maxVersion: version };
    const agent = new Agent({ cert, key, ...versions, rejectUnauthorized: false, keepAlive: true, maxSockets: 1 });
    const first = await ask('next', { agent });
    const { session } = await ask('next', { version });
    await give(current);
    await must('end-sessions', ILL);
    const kept = await ask('next', { agent });
    expect([kept.code, kept.localPort]).toEqual([OK, first.localPort]);
    const anew = await ask('next', { version, session });
    expect([anew.reused, anew.code]).toEqual([false, REFUSED]);
    await lift('keeps-connections');
    await must('end-sessions', ILL);
    expect((await ask('next', { agent })).code).toBe(REFUSED);
    agent.destroy();
  });
});

it('each fault of certificates has a test here', () => {
  const told = ['trust-replaced', 'torn-trust', 'keeps-trust', 'any-purpose', 'wrong-purpose', 'not-reloaded'];
  const ofSessions = ['fixed-ticket-keys', 'keeps-connections'];
  expect([...told, ...ofSessions].sort()).toEqual(Object.keys(CERTIFICATE_FAULTS).sort());
});
