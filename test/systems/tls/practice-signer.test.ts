import { spawn } from 'node:child_process';
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type NextAuthority, nextAuthority, tlsFile, writeTls } from '../../practice/authority.ts';
import { secretOf } from '../../practice/caller.ts';
import { startFleet, type TestFleet } from '../../practice/harness.ts';
import { issueWithOpenssl } from '../../support/openssl.ts';
import { eventually } from '../../support/until.ts';
import type { Version } from './fronts.ts';

const VERSIONS: readonly Version[] = ['TLSv1.2', 'TLSv1.3'];
const NAME = 'signer.practice.internal';
const ACCEPTED = '422 POLICY_SELECTOR_DENIED';
const REFUSED = '403 AUTH_MTLS_REQUIRED';
let fleet: TestFleet;
let next: NextAuthority;
let current: string;
let folder: string;

beforeAll(async () => {
  [fleet, next] = await Promise.all([startFleet('--store', 'embedded', '--replicas', '2'), nextAuthority()]);
  folder = mkdtempSync(join(tmpdir(), 'rotctl-s-client-'));
  current = tlsFile(fleet, 'ca.pem');
  put('trust.pem', current + next.ca);
  put('current.pem', tlsFile(fleet, 'rotctl.pem') + tlsFile(fleet, 'rotctl.key'));
  put('next.pem', next.client.cert + next.client.key);
  // Of an authority that nobody knows, and that is called like the one that is known.
  const own = issueWithOpenssl({ name: 'rotctl practice CA', extensions: ['basicConstraints=critical,CA:TRUE'] });
  const purpose = ['extendedKeyUsage=clientAuth'];
  const unknown = issueWithOpenssl({ name: 'client-a', extensions: purpose, by: own });
  put('unknown.pem', unknown.cert + unknown.key);
  put('server’s.pem', next.server.cert + next.server.key);
}, 120_000);
afterAll(async () => {
  await fleet.stop();
  rmSync(folder, { recursive: true, force: true });
});

type Shows = 'current' | 'next' | 'unknown' | 'server’s' | 'none';
const put = (name: string, text: string): void => writeFileSync(join(folder, name), text, { mode: 0o600 });

describe.each(VERSIONS)('what openssl s_client sees of a practice signer over %s', (version) => {
  it.each<[string, () => string, Readonly<Record<Shows, string>>]>([
    [
      'before the window, the present authority’s clients alone are served',
      () => current,
      { current: ACCEPTED, next: REFUSED, unknown: REFUSED, 'server’s': REFUSED, none: REFUSED },
    ],
    [
      'in the window, both authorities’ clients are',
      () => current + next.ca,
      { current: ACCEPTED, next: ACCEPTED, unknown: REFUSED, 'server’s': REFUSED, none: REFUSED },
    ],
    [
      'after the window, the next one’s alone',
      () => next.ca,
      { current: REFUSED, next: ACCEPTED, unknown: REFUSED, 'server’s': REFUSED, none: REFUSED },
    ],
  ])('%s; whoever is not is answered', async (_name, bundle, wanted) => {
    await give({ '-trust.pem': bundle() });
    const seen: Record<string, string> = {};
    for (const shows of Object.keys(wanted) as Shows[]) seen[shows] = (await ask(version, shows)).answer;
    expect(seen).toEqual(wanted);
    await give({ '-trust.pem': current });
  });

  it('the certificate that it shows is another after a reload, and holds against a bundle of both', async () => {
    const own = { '.pem': tlsFile(fleet, 'signer-a.pem'), '.key': tlsFile(fleet, 'signer-a.key') };
    const before = await ask(version, 'current');
    await give({ '.pem': next.server.cert, '.key': next.server.key });
    const after = await ask(version, 'current');
    await give(own);
    expect([before.subject, after.subject]).toEqual(['CN = signer-a.practice.internal', 'CN = renewed']);
    expect([before.answer, after.answer]).toEqual([ACCEPTED, ACCEPTED]);
  });

  it('a saved session is resumed until sessions are ended', async () => {
    const file = join(folder, `session-${version}`);
    const resumed = async (...words: string[]): Promise<boolean> => (await ask(version, 'current', words)).resumed;
    expect(await resumed('-sess_out', file)).toBe(false);
    expect(await resumed('-sess_in', file)).toBe(true);
    await give({});
    expect(await resumed('-sess_in', file)).toBe(true);
    expect((await fleet.ctl('end-sessions', 'signer-a')).code).toBe(0);
    expect(await resumed('-sess_in', file)).toBe(false);
  });
});

/** Writes files of signer-a, and has it take them up. */
async function give(files: Readonly<Record<string, string>>): Promise<void> {
  const reloads = (): number =>
    readFileSync(join(fleet.home, 'logs', 'signer-a.log'), 'utf8').split('configuration reloaded').length;
  const before = reloads();
  for (const [suffix, text] of Object.entries(files)) writeTls(fleet, `signer-a${suffix}`, text);
  expect((await fleet.ctl('reload', 'signer-a')).code).toBe(0);
  await eventually('it has reloaded', () => reloads() > before);
}

interface Seen {
  /** Status and code of the answer to one signed request. */
  readonly answer: string;
  readonly subject: string;
  readonly resumed: boolean;
}

/** Sends one signed request to signer-a with `openssl s_client`, which verifies the server by itself. */
async function ask(version: Version, shows: Shows, words: readonly string[] = []): Promise<Seen> {
  const to = ['-connect', `127.0.0.1:${fleet.port('signer-a')}`, '-servername', NAME, '-verify_hostname', NAME];
  const trust = ['-CAfile', join(folder, 'trust.pem'), '-verify_return_error'];
  const own = shows === 'none' ? [] : ['-cert', join(folder, `${shows}.pem`), '-key', join(folder, `${shows}.pem`)];
  const protocol = version === 'TLSv1.2' ? '-tls1_2' : '-tls1_3';
  const argv = ['s_client', ...to, ...trust, ...own, ...words, protocol, '-ign_eof'];
  const child = spawn('openssl', argv, { stdio: ['pipe', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part) => {
      printed += part;
    });
  child.stdin.end(signedRequest());
  await new Promise((resolve) => child.once('close', resolve));
  expect(printed, 'the server’s certificate').toContain('Verify return code: 0 (ok)');
  const status = /HTTP\/1\.1 (\d+)/.exec(printed)?.[1];
  return {
    answer: `${status} ${/"errorCode":"(\w+)"/.exec(printed)?.[1]}`,
    subject: /^subject=(.*)$/m.exec(printed)?.[1] ?? '',
    resumed: /^Reused, /m.test(printed),
  };
}

function signedRequest(): string {
  const [body, path] = ['{"probe":true}', '/v1/sign/session-transaction'];
  const [timestamp, nonce] = [String(Date.now()), randomBytes(16).toString('hex')];
  const digest = createHash('sha256').update(body).digest('hex');
  const text = `${timestamp}.${nonce}.POST.${path}.${digest}`;
  const headers = {
    host: NAME,
    connection: 'close',
    'content-type': 'application/json',
    'content-length': String(body.length),
    'x-keyring-client-id': 'client-a',
    'x-keyring-timestamp': timestamp,
    'x-keyring-nonce': nonce,
    'x-keyring-signature': createHmac('sha256', secretOf(fleet)).update(text).digest('hex'),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return `${[`POST ${path} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n${body}`;
}
