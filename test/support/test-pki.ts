import { type Issued, issueAuthority, issueClient, issueServer } from '../../src/pki/issue.ts';

/** An authority with one server certificate for each name (all valid on 127.0.0.1) and one client certificate. */
export interface TestPki {
  readonly ca: string;
  readonly client: Issued;
  server(name: string): Promise<Issued>;
}

export async function testPki(): Promise<TestPki> {
  const now = Date.now();
  const authority = await issueAuthority({ commonName: 'test authority', now, days: 1 });
  return {
    ca: authority.cert,
    client: await issueClient(authority, { commonName: 'rotctl', now, days: 1 }),
    server: (name) => issueServer(authority, { commonName: name, now, days: 1, dnsNames: [name], ipv4: ['127.0.0.1'] }),
  };
}
