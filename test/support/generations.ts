import { Secret } from '../../src/credential/secret.ts';
import { type Issued, issueAuthority, issueClient, issueServer } from '../../src/pki/issue.ts';
import type { Identity } from '../../src/probe/ports.ts';

/** One authority, and what it has issued: an identity for rotctl, and a certificate for each server. */
export interface TestGeneration {
  readonly authority: Issued;
  readonly identity: Identity;
  server(name: string): Promise<Issued>;
  client(name: string, change?: { readonly now?: number; readonly days?: number }): Promise<Identity>;
}

/** An identity out of what was issued. */
export function identityOf(name: string, issued: Issued): Identity {
  return { name, chain: issued.cert, key: Secret.fromText(issued.key) };
}

/** Makes an authority of its own, which nobody knows yet. */
export async function testGeneration(name: string): Promise<TestGeneration> {
  const now = Date.now();
  const authority = await issueAuthority({ commonName: `${name} authority`, now, days: 2 });
  const client: TestGeneration['client'] = async (called, change = {}) =>
    identityOf(called, await issueClient(authority, { commonName: 'rotctl', now, days: 1, ...change }));
  return {
    authority,
    identity: await client(name),
    client,
    server: (commonName) =>
      issueServer(authority, { commonName, now, days: 1, dnsNames: [commonName], ipv4: ['127.0.0.1'] }),
  };
}
