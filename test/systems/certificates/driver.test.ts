import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Secret } from '../../../src/credential/secret.ts';
import type { CertificateDriver } from '../../../src/deploy/certificates.ts';
import { createCertificateDriver } from '../../../src/deploy/create-certificate-driver.ts';
import type { Replica } from '../../../src/fleet/fleet.ts';
import { type Issued, issueAuthority, issueClient, issueFromRequest, issueServer } from '../../../src/pki/issue.ts';
import { certificateStore } from '../../../src/system/certificate-store.ts';
import { createCommands } from '../../../src/system/commands.ts';
import { until } from '../foreign/processes.ts';
import { type CertificateFleet, startFleet } from './fleet.ts';
import { fingerprint, handshake, type Look } from './handshake.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const VERSIONS = ['tls1_2', 'tls1_3'] as const;

/**
 * nginx ties sessions to the names of the authorities and to its own certificate, HAProxy to nothing: so the next authority of
 * the one has the name of the old one.
 */
const KINDS = [
  { kind: 'nginx', sessions: ['ticket file', 'cache'], commonName: 'words ca' },
  { kind: 'haproxy', sessions: ['ticket file', 'process'], commonName: 'next ca' },
] as const;

describe.each(KINDS)(
  'certificates of $kind, changed by their drivers and taken up by a reload',
  ({ kind, sessions, commonName }) => {
    let fleet: CertificateFleet;
    let driver: CertificateDriver;
    let authority: Issued;
    let client: Issued;
    const file = (name: string) => join(fleet.home, 'tls', name);
    const OLD = () => ({ cert: file('wallet.pem'), key: file('wallet.key') });
    const NEW = () => ({ cert: file('next.pem'), key: file('next.key') });
    /** A front as a client sees that trusts both authorities. */
    const look = (port: number, more: Partial<Look> = {}) => handshake({ port, ca: file('both-ca.pem'), ...more });
    const bundles = () => {
      const old = readFileSync(file('ca.pem'), 'utf8');
      return { old, both: `${old}${authority.cert}`, next: authority.cert };
    };
    const party = ({ certificates }: Replica) => certificates ?? expect.unreachable('the fleet file has them');
    const replicas = () =>
      fleet.fleet.replicas.map((replica, n) => ({
        replica,
        at: party(replica),
        front: fleet.fronts[n] ?? expect.unreachable('one each'),
      }));

    beforeAll(async () => {
      fleet = await startFleet(root, { kind, sessions });
      const commands = createCommands((text) => text);
      driver = createCertificateDriver({ certificates: certificateStore(), commands, cwd: fleet.home });
      const now = Date.now();
      authority = await issueAuthority({ commonName, now, days: 2 });
      client = await issueClient(authority, { commonName: 'wallet', now, days: 1 });
      writeFileSync(file('next.pem'), client.cert);
      writeFileSync(file('next.key'), client.key, { mode: 0o600 });
      writeFileSync(file('both-ca.pem'), bundles().both);
    }, 60_000);
    afterAll(() => fleet?.stop());

    test('nothing stands in the way, and what stands there is read', async () => {
      for (const { at } of replicas()) {
        expect(await driver.rehearse(at.place)).toEqual([]);
        const { trust, chain, key } = await driver.read(at.place);
        expect(trust).toBe(bundles().old);
        expect(chain).toContain('BEGIN CERTIFICATE');
        expect(key === undefined).toBe(at.place.driver === 'command');
      }
    });

    test('a bundle with both authorities lets the new client in beside the old', async () => {
      for (const { at, front } of replicas()) {
        expect((await look(front.port, OLD())).status).toBe(200);
        expect((await look(front.port, NEW())).status).not.toBe(200);
        expect(await driver.writeTrust(at.place, bundles().both)).toEqual({ changed: true });
        expect(await driver.reload(at)).toMatchObject({ ok: true });
        await until(async () => (await look(front.port, NEW())).status === 200);
        for (const version of VERSIONS) expect((await look(front.port, { ...OLD(), version })).status).toBe(200);
      }
    });

    test('a new certificate is shown, whoever has made its key', async () => {
      for (const { replica, at, front } of replicas()) {
        const { name } = replica;
        const wish = {
          id: `r-1-${name}`,
          commonName: name,
          subject: [['CN', name]],
          names: at.names,
          key: 'P-256',
        } as const;
        const [now, days] = [Date.now(), 1];
        const shown =
          at.place.driver === 'command'
            ? {
                chain: await issueFromRequest(authority, await driver.request(at.place, wish), {
                  ...{ purpose: 'server', names: at.names, now, days },
                }),
                key: undefined,
              }
            : await issueServer(authority, { commonName: name, now, days, dnsNames: at.names, ipv4: [] }).then(
                ({ cert, key }) => ({
                  chain: cert,
                  key: Secret.fromText(key),
                }),
              );
        const before = await look(front.port, OLD());
        expect(await driver.writeShown(at.place, shown)).toEqual({ changed: true });
        expect((await look(front.port, OLD())).shown).toBe(before.shown);
        expect(await driver.reload(at)).toMatchObject({ ok: true });
        await until(async () => (await look(front.port, OLD())).shown === fingerprint(shown.chain));
        for (const version of VERSIONS) expect((await look(front.port, { ...NEW(), version })).status).toBe(200);
      }
    });

    /** What becomes of sessions of a client that its authority's removal refuses: [version, taken up, status], by front. */
    async function afterRemoval(who: Pick<Look, 'cert' | 'key'>, narrowed: string): Promise<unknown[]> {
      const saved = (n: number, version: string) => join(fleet.home, `session-${n}-${version}`);
      const found: unknown[] = [];
      for (const [n, { at, front }] of replicas().entries()) {
        for (const version of VERSIONS) await look(front.port, { ...who, version, save: saved(n, version) });
        await driver.writeTrust(at.place, narrowed);
        expect(await driver.reload(at)).toMatchObject({ ok: true });
        await until(async () => (await look(front.port, who)).status !== 200);
        for (const version of VERSIONS) {
          const { status, reused } = await look(front.port, { version, offer: saved(n, version) });
          found.push([front.sessions, reused, status === 200]);
        }
      }
      return found;
    }

    test('without the old authority the old client is refused, and sessions go on where their keys do', async () => {
      const found = await afterRemoval(OLD(), bundles().next);
      const goesOn = kind === 'nginx' ? ['ticket file', 'cache'] : ['ticket file'];
      expect(found).toEqual(
        sessions.flatMap((where) => VERSIONS.map(() => [where, goesOn.includes(where), goesOn.includes(where)])),
      );
      for (const { front } of replicas()) {
        expect((await look(front.port, NEW())).status).toBe(200);
        const refused = await look(front.port, OLD());
        if (front.says === 'the code')
          expect(refused).toMatchObject({ status: 403, body: expect.stringContaining('AUTH_MTLS_REQUIRED') });
        else if (kind === 'nginx')
          expect(refused).toMatchObject({ status: 400, body: expect.stringContaining('SSL certificate error') });
        else expect(refused).toMatchObject({ status: undefined, complaint: expect.stringMatching(/alert unknown ca/) });
      }
    });

    test('sessions are ended by what the fleet file says for it', async () => {
      for (const [n, { at, front }] of replicas().entries()) {
        expect(await driver.endSessions(at)).toMatchObject({ ok: true });
        for (const version of VERSIONS)
          await until(async () => {
            const offer = join(fleet.home, `session-${n}-${version}`);
            const { status, reused } = await look(front.port, { version, offer });
            return !reused && status !== 200;
          });
      }
    });

    // HAProxy goes by its ticket keys alone, whatever the authority is called.
    if (kind !== 'nginx') return;
    test('nginx lets no session go on whose authority had a name of its own', async () => {
      const third = await issueAuthority({ commonName: 'another ca', now: Date.now(), days: 2 });
      for (const { at } of replicas()) {
        await driver.writeTrust(at.place, `${bundles().next}${third.cert}`);
        await driver.reload(at);
      }
      const found = await afterRemoval(NEW(), third.cert);
      expect(found).toEqual(sessions.flatMap((where) => VERSIONS.map(() => [where, false, false])));
    });
  },
);
