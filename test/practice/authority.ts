import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Issued, issueAuthority, issueClient, issueServer } from '../../src/pki/issue.ts';
import type { TestFleet } from './harness.ts';

/** An authority that a fleet does not know yet, with a server's certificate and a client's. */
export interface NextAuthority {
  readonly ca: string;
  /** For every signer of a fleet of two. */
  readonly server: Issued;
  readonly client: Issued;
}

/** Issues what a rotation would lead to. */
export async function nextAuthority(): Promise<NextAuthority> {
  const validity = { now: Date.now(), days: 1 };
  const authority = await issueAuthority({ commonName: 'next authority', ...validity });
  const names = ['signer-a.practice.internal', 'signer-b.practice.internal', 'signer.practice.internal'];
  return {
    ca: authority.cert,
    server: await issueServer(authority, {
      commonName: 'renewed',
      ...validity,
      dnsNames: names,
      ipv4: ['127.0.0.1'],
    }),
    client: await issueClient(authority, { commonName: 'client of next', ...validity }),
  };
}

/** A file in the fleet's `tls` folder. */
export function tlsFile(fleet: TestFleet, name: string): string {
  return readFileSync(join(fleet.home, 'tls', name), 'utf8');
}

/** Overwrites a file in the fleet's `tls` folder; nothing is reloaded. */
export function writeTls(fleet: TestFleet, name: string, text: string): void {
  writeFileSync(join(fleet.home, 'tls', name), text, { mode: 0o600 });
}
