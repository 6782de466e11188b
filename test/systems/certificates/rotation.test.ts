import { X509Certificate } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type Ended, troubles } from '../foreign/rotctl-run.ts';
import { type CertificateFleet, startFleet } from './fleet.ts';
import { accessLog } from './fronts.ts';
import { handshake } from './handshake.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const PATIENCE = 240_000;

/** As access logs name a certificate. */
const sha1Of = (file: string) => new X509Certificate(readFileSync(file)).fingerprint.replaceAll(':', '').toLowerCase();

/** Ends with this code, or says why not. */
const ended = (how: Ended, code: number) => expect(how.code, troubles(how)).toBe(code);

/** Nobody was refused, and each caller was served all the while. */
function everybodyWasServed(fleet: CertificateFleet): void {
  for (const { sent, accepted, refused } of fleet.counts()) {
    expect(refused).toEqual({});
    expect(accepted).toBeGreaterThan(50);
    expect(sent - accepted).toBeLessThan(accepted / 20);
  }
}

/** The certificates by which requests in a client's name were let in on all fronts. */
function letIn({ fronts }: CertificateFleet, client: string, by: 'itself' | 'rotctl', last = Infinity): Set<string> {
  const lines = fronts.flatMap(({ home }) => accessLog(home).trim().split('\n').slice(-last));
  const accepted = new RegExp(`client=${client} status=(200|400|404) `);
  const seen = lines.filter((line) => accepted.test(line) && line.includes('agent="rotctl/') === (by === 'rotctl'));
  return new Set(seen.map((line) => /cert=([0-9a-f]{40})/.exec(line)?.[1] ?? 'none'));
}

const ROWS = [
  { kind: 'nginx', sessions: ['ticket file', 'cache'] },
  { kind: 'haproxy', sessions: ['ticket file', 'process'] },
] as const;

test.concurrent.each(ROWS)(
  'the certificates of signers behind $kind are rotated, and nobody is refused',
  async ({ kind, sessions }) => {
    const fleet = await startFleet(root, { kind, sessions, callers: true });
    try {
      const at = (name: string) => join(fleet.home, 'tls', name);
      for (const file of ['wallet.pem', 'wallet.key', 'wallet-trust.pem']) copyFileSync(at(file), at(`old-${file}`));
      ended(await fleet.rotctl('overlap', '--material', 'mtls'), 0);
      const before = letIn(fleet, 'wallet', 'itself', 40);
      // Behind nginx every session ends, since the next authority has a name of its own; HAProxy needs its keys changed.
      if (kind === 'haproxy') writeFileSync(join(fleet.home, 'stuck'), '');
      const retired = await fleet.rotctl('retire', '--wait');
      if (kind === 'haproxy') {
        ended(retired, 12);
        expect(retired.result.checks.filter(({ verdict }) => verdict === 'fail')).toMatchObject([
          { id: 'session.ended', target: 'signer-1', seen: expect.stringMatching(/resumed and served/) },
        ]);
        expect(retired.result.error?.message).toContain('rotate the ticket keys on every replica');
        rmSync(join(fleet.home, 'stuck'));
        ended(await fleet.rotctl('resume', '--wait'), 0);
      } else ended(retired, 0);
      everybodyWasServed(fleet);
      expect(readdirSync(join(fleet.home, 'rotctl-vault')).filter((name) => name.includes('.sessions.'))).toEqual([]);
      expect(letIn(fleet, 'wallet', 'itself', 40)).toEqual(before);
      expect(before.size).toBe(1);
      // The traffic that rotctl sends in the client's name has shown the client's certificate of before, and the new one.
      const wallets = ['old-wallet.pem', 'wallet.pem'].map((file) => sha1Of(at(file)));
      expect([...letIn(fleet, 'wallet', 'rotctl')]).toEqual(expect.arrayContaining(wallets));
      for (const { port } of fleet.fronts) {
        const ca = at('wallet-trust.pem');
        const old = await handshake({ port, ca, cert: at('old-wallet.pem'), key: at('old-wallet.key') });
        expect([200, old.status]).not.toEqual([200, 200]);
        expect((await handshake({ port, ca, cert: at('wallet.pem'), key: at('wallet.key') })).status).toBe(200);
        const distrusting = { ca: at('old-wallet-trust.pem'), cert: at('wallet.pem'), key: at('wallet.key') };
        expect(await handshake({ port, ...distrusting })).toMatchObject({ status: undefined });
      }
    } finally {
      await fleet.stop();
    }
  },
  PATIENCE,
);
