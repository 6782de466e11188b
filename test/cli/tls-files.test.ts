import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Issued, issueAuthority, issueClient } from '../../src/pki/issue.ts';
import { makeWorld, type World } from './world.ts';

const FLEET = `schema: rotctl.fleet.v1
name: payments
environment: staging
replicas:
  - name: signer-a
    url: https://127.0.0.1:1
    deploy: { path: signer.env, variable: KEYS, format: list, restart: [a] }
clients:
  - id: wallet
    deploy: { path: wallet.env, variable: SECRET, restart: [a] }
tls: { ca: ca.pem, cert: rotctl.pem, key: rotctl.key }
usage: { metric: accepted_total, labels: { client: client, fingerprint: key, caller: caller } }
`;
/** Checks that look at files, and at no replica. */
const LOCAL = /^(?:secret|policy|lock|ledger)\./;
const now = Date.now();
let ca: Issued;
let client: Issued;
let other: Issued;

beforeAll(async () => {
  ca = await issueAuthority({ commonName: 'ca', now, days: 3 });
  client = await issueClient(ca, { commonName: 'rotctl', now, days: 3 });
  other = await issueClient(ca, { commonName: 'other', now, days: 3 });
});

function place(files: Readonly<Record<string, string>>, env: Record<string, string> = {}): World {
  const world = makeWorld({ env });
  const secret = 'wallet-0123456789abcdefghijklmnopqrstuv';
  const all = {
    'rotctl.yaml': FLEET,
    'signer.env': `KEYS="${secret}"\n`,
    'wallet.env': `SECRET="${secret}"\n`,
    ...files,
  };
  for (const [name, text] of Object.entries(all)) writeFileSync(join(world.cwd, name), text, { mode: 0o600 });
  return world;
}

test('a proxy in the environment is not used, and check says so', async () => {
  const files = { 'ca.pem': '', 'rotctl.pem': client.cert, 'rotctl.key': client.key };
  const world = place(files, { HTTPS_PROXY: 'http://127.0.0.1:9', http_proxy: 'x' });
  await world.run('check');
  expect(world.stderr.text).toContain(
    'HTTPS_PROXY, http_proxy are set and not used: rotctl connects to replicas directly',
  );
});

describe('TLS files that cannot be used', () => {
  const rows: [string, () => Record<string, string>, string, RegExp][] = [
    [
      'a torn bundle',
      () => ({ 'ca.pem': ca.cert + ca.cert.slice(0, 99), 'rotctl.pem': client.cert, 'rotctl.key': client.key }),
      'tls.authorities',
      /^tls\.ca is torn: 2 PEM blocks begin/,
    ],
    [
      'an empty bundle',
      () => ({ 'ca.pem': '', 'rotctl.pem': client.cert, 'rotctl.key': client.key }),
      'tls.authorities',
      /^tls\.ca is empty/,
    ],
    [
      'the key of another certificate',
      () => ({ 'ca.pem': ca.cert, 'rotctl.pem': client.cert, 'rotctl.key': other.key }),
      'tls.client-certificate',
      /^tls\.key is not the key of the certificate/,
    ],
    [
      'no certificate',
      () => ({ 'ca.pem': ca.cert, 'rotctl.key': client.key }),
      'tls.client-certificate',
      /^tls\.cert the file does not exist|^tls\.cert .*/,
    ],
  ];
  test.each(rows)('%s: check names it, sends nothing and fails; a change is refused', async (_, files, id, reason) => {
    const world = place(files());
    expect(await world.run('check', '--json')).toBe(1);
    const { checks, summary } = JSON.parse(world.stdout.text);
    expect(checks.filter(({ verdict }: { verdict: string }) => verdict === 'fail')).toMatchObject([
      { id, reason: expect.stringMatching(reason) },
    ]);
    const ids = checks.map((one: { id: string }) => one.id);
    expect(ids.filter((id: string) => !LOCAL.test(id))).toEqual(['tls.authorities', 'tls.client-certificate']);
    expect(summary).toMatch(/^no connection can be made, and nothing was sent: tls\./);
    expect(await world.run('overlap')).toBe(2);
    expect(world.stderr.text).toMatch(/INPUT_INVALID/);
  });
});
