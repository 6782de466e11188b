import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { enumerateFleet } from '../../src/cli/inventory.ts';
import type { RotctlError } from '../../src/errors/rotctl-error.ts';
import type { Fleet } from '../../src/fleet/fleet.ts';
import { type NameServer, nameServer } from '../support/name-server.ts';
import { makeWorld, type World } from './world.ts';

const DEPLOY = `deploy: { path: 'etc/{name}.env', variable: KEYS, format: list, restart: [ssh, '{host}', restart, 'signer@{port}'] }`;
const PLAIN = `deploy: { path: signer.env, variable: KEYS, format: list, restart: [a] }`;

const REST = `clients:
  - id: wallet
    deploy: { path: wallet.env, variable: SECRET, restart: [a] }
tls: { ca: ca.pem }
`;

let names: NameServer;
let world: World;

beforeEach(async () => {
  names = await nameServer({ 'signer-1.test': ['10.0.0.11'], 'signer-2.test': ['10.0.0.12'] });
  world = makeWorld();
});
afterEach(() => names.close());

function textOf(replicas: string, more = ''): string {
  return `schema: rotctl.fleet.v1
name: payments
environment: staging
resolver: ${names.address}
${replicas}
${more}${REST}`;
}

function listed(...urls: readonly string[]): string {
  const entries = urls.map((url, n) => `  - name: signer-${n + 1}\n    url: ${url}\n    ${PLAIN}`);
  return `replicas:\n${entries.join('\n')}`;
}

async function read(text: string): Promise<Fleet> {
  const file = join(world.cwd, 'rotctl.yaml');
  writeFileSync(file, text);
  return enumerateFleet(world.platform, text, file);
}

async function refused(text: string): Promise<Pick<RotctlError, 'code' | 'message' | 'position'>> {
  return read(text).then(
    () => Promise.reject(new Error('it was not refused')),
    (error: RotctlError) => ({ code: error.code, message: error.message, position: error.position }),
  );
}

describe('where replicas are', () => {
  test('each name is looked up once, and its address is kept', async () => {
    const fleet = await read(textOf(listed('https://signer-1.test:8443', 'https://signer-2.test:8443')));
    expect(fleet.replicas.map(({ address, serverName }) => [address, serverName])).toEqual([
      ['10.0.0.11', 'signer-1.test'],
      ['10.0.0.12', 'signer-2.test'],
    ]);
    expect(fleet.pins).toEqual([
      { name: 'signer-1', url: 'https://signer-1.test:8443', address: '10.0.0.11' },
      { name: 'signer-2', url: 'https://signer-2.test:8443', address: '10.0.0.12' },
    ]);
  });

  test('a name with several addresses is refused, with what to write', async () => {
    names.names.set('signer-2.test', ['10.0.0.13', '10.0.0.12']);
    const found = await refused(textOf(listed('https://signer-1.test:8443', 'https://signer-2.test:8443')));
    expect(found.message).toBe(
      "replicas[1].url: signer-2.test has 2 addresses, 10.0.0.12, 10.0.0.13, and each is a replica: write one entry for each, such as { name: signer-2-1, url: 'https://10.0.0.12:8443', serverName: signer-2.test }, or let them be found with replicas: { discover: { dns: 'signer-2.test:8443' }, deploy: … }",
    );
    expect([found.code, found.position]).toEqual(['INPUT_INVALID', `${join(world.cwd, 'rotctl.yaml')}:10:10`]);
  });

  test.each([
    [
      'two names for one address',
      'https://signer-3.test:8443',
      '',
      /^replicas\[1\]\.url: is the address of signer-1 too, 10\.0\.0\.11 port 8443/,
    ],
    ['an address behind a name', 'https://10.0.0.11:8443', '', /^replicas\[1\]\.url: is the address of signer-1 too/],
    [
      "the balancer's, by another name",
      'https://signer-2.test:443',
      'balancer: { url: "https://balancer.test" }\n',
      /^replicas\[1\]\.url: is the address of the balancer, 10\.0\.0\.12 port 443/,
    ],
  ])('%s is refused', async (_, url, more, message) => {
    names.names.set('signer-3.test', ['10.0.0.11']);
    names.names.set('balancer.test', ['10.0.0.40', '10.0.0.12']);
    expect(await refused(textOf(listed('https://signer-1.test:8443', url), more))).toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringMatching(message),
    });
  });

  test("the balancer's host at another port is a replica like any other", async () => {
    const more = 'balancer: { url: "https://signer-2.test:443" }\n';
    const fleet = await read(textOf(listed('https://signer-1.test:8443', 'https://signer-2.test:8443'), more));
    expect(fleet.pins).toHaveLength(2);
  });

  test('a name that does not exist stays as it is, and says why', async () => {
    const fleet = await read(textOf(listed('https://signer-1.test:8443', 'https://signer-9.test:8443')));
    expect(fleet.pins[1]).toMatchObject({ address: undefined, reason: 'signer-9.test did not resolve: ENOTFOUND' });
    expect(fleet.replicas[1]).not.toHaveProperty('address');
  });
});

describe('replicas from a source', () => {
  const LIST = [
    { name: 'eu-1', url: 'https://10.1.0.1:8443', serverName: 'eu.signer.test', zone: 'a' },
    { name: 'eu-2', url: 'https://10.1.0.2:9443' },
  ];
  const sourced = (source: string, more = '') =>
    textOf(`replicas:\n  discover: ${source}\n${more}  log: 'log/{name}.log'\n  ${DEPLOY}`);

  function script(body: string): string {
    const path = join(world.cwd, 'list.sh');
    writeFileSync(path, `#!/bin/sh\n${body}\n`);
    chmodSync(path, 0o755);
    return '{ command: [./list.sh], deadline: 3s }';
  }

  test.each([
    ['an array', JSON.stringify(LIST, undefined, 1)],
    ['lines', LIST.map((one) => JSON.stringify(one)).join('\n')],
    ['a mapping', JSON.stringify({ replicas: LIST })],
  ])('a command prints %s, and its environment is ours no more', async (_, printed) => {
    writeFileSync(join(world.cwd, 'list'), printed);
    const fleet = await read(sourced(script('env >seen; cat list; echo noise >&2')));
    expect(fleet.replicas).toMatchObject([
      { name: 'eu-1', serverName: 'eu.signer.test', log: join(world.cwd, 'log/eu-1.log') },
      { name: 'eu-2', serverName: '10.1.0.2', deploy: { path: join(world.cwd, 'etc/eu-2.env') } },
    ]);
    const restart = ['ssh', '10.1.0.2', 'restart', 'signer@9443'];
    expect(fleet.replicas[1]?.deploy).toMatchObject({ restart });
    const seen = readFileSync(join(world.cwd, 'seen'), 'utf8').split('\n');
    const variables = seen
      .map((line) => line.split('=')[0])
      .filter((name) => !['', 'PWD', 'OLDPWD', 'SHLVL', '_'].includes(name ?? ''));
    expect(variables.filter((name) => !['PATH', 'HOME', 'LANG', 'TZ'].includes(name ?? ''))).toEqual([]);
  });

  test('a file holds them, in YAML', async () => {
    writeFileSync(
      join(world.cwd, 'list.yaml'),
      '- { name: a, url: "https://10.1.0.1" }\n- { name: b, url: "https://10.1.0.2" }\n',
    );
    const fleet = await read(sourced('{ file: list.yaml }', '  serverName: signer.test\n'));
    expect(fleet.replicas.map(({ name, serverName }) => [name, serverName])).toEqual([
      ['a', 'signer.test'],
      ['b', 'signer.test'],
    ]);
  });

  test('each address behind a name is a replica', async () => {
    names.names.set('signers.test', ['10.0.0.12', '10.0.0.11', '10.0.0.13']);
    const fleet = await read(sourced('{ dns: "signers.test:8443" }'));
    expect(fleet.replicas.map(({ name, url, serverName }) => [name, url.host, serverName])).toEqual(
      ['10.0.0.11', '10.0.0.12', '10.0.0.13'].map((address) => [address, `${address}:8443`, 'signers.test']),
    );
  });

  test.each([
    ['a command that fails', () => script('exit 3'), /\(\.\/list\.sh\) failed: exit 3$/],
    [
      'one that hangs, with what it started',
      () => script('sleep 60 & sleep 60').replace('3s', '200ms'),
      /failed: no end within 200 ms$/,
    ],
    ['one that is not there', () => '{ command: [./none] }', /\(\.\/none\) failed: ENOENT$/],
    ['words', () => script('echo none today'), /discover\.command.*must be a list/],
    [
      'a url that is none',
      () => script(`echo '[{"name":"a","url":"10.0.0.1"}]'`),
      /\[0\]\.url: must be https:\/\/HOST:PORT/,
    ],
    [
      'fewer than declared',
      () => script(`echo '{"name":"a","url":"https://10.0.0.1"}'`),
      /^1 replicas are listed, fewer than the 2 of atLeast: a$/,
    ],
    ['none', () => script("echo '[]'"), /^0 replicas are listed, fewer than the 2 of atLeast: none$/],
    [
      'a name without an address',
      () => '{ dns: "nobody.test:8443" }',
      /^discover\.dns: nobody\.test did not resolve: ENOTFOUND$/,
    ],
    [
      'a name server that says nothing',
      () => '{ dns: "mute.test:8443", deadline: 300ms }',
      /did not resolve: ETIMEOUT$/,
    ],
    ['a file that is not there', () => '{ file: none.yaml }', /^discover\.file: /],
  ])('%s holds, and nothing is done', async (_, source, message) => {
    names.names.set('mute.test', 'silent');
    expect(await refused(sourced(source()))).toMatchObject({
      code: 'FLEET_UNSURE',
      message: expect.stringMatching(message),
    });
  });

  test.each([
    [
      'no source',
      'replicas:\n  discover: {}\n  deploy: { path: a }',
      /^replicas\.discover: needs exactly one of command, dns and file/,
    ],
    [
      'two sources',
      `replicas:\n  discover: { file: a, dns: "a:1" }\n  ${PLAIN}`,
      /^replicas\.discover: needs exactly one of command, dns and file/,
    ],
    [
      'an unknown key',
      `replicas:\n  discover: { file: a }\n  atleast: 2\n  ${PLAIN}`,
      /^replicas\.atleast: is not a known key; did you mean atLeast/,
    ],
    ['no deploy', 'replicas:\n  discover: { file: a }', /^replicas\.deploy: is missing/],
  ])('the file says what is wrong with it: %s', async (_, replicas, message) => {
    expect(await refused(textOf(replicas))).toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringMatching(message),
    });
  });
});

describe('a plan', () => {
  const TWO = ['https://signer-1.test:8443', 'https://signer-2.test:8443'];
  const USAGE = 'usage: { metric: accepted_total, labels: { client: client, fingerprint: key, caller: caller } }\n';

  function place(): void {
    const write = (name: string, text: string): void => writeFileSync(join(world.cwd, name), text, { mode: 0o600 });
    write('rotctl.yaml', textOf(listed(...TWO), USAGE));
    for (const name of ['signer.env', 'wallet.env'])
      write(name, `${name === 'signer.env' ? 'KEYS' : 'SECRET'}="wallet-0123456789abcdefghijklmnopqrstuv"\n`);
  }

  test('shows the addresses, is bound to them, and is stale when one has changed', async () => {
    place();
    expect(await world.run('plan', 'overlap', '-o', 'plan.json')).toBe(0);
    expect(world.stdout.text).toContain('signer-2  https://signer-2.test:8443  10.0.0.12');
    const saved = JSON.parse(readFileSync(join(world.cwd, 'plan.json'), 'utf8'));
    expect(saved.addresses[1]).toEqual({ name: 'signer-2', url: 'https://signer-2.test:8443', address: '10.0.0.12' });
    names.names.set('signer-2.test', ['10.0.0.99']);
    expect(await world.run('overlap', '--plan', 'plan.json')).toBe(2);
    expect(world.stderr.text).toContain(
      'signer-2 was at https://signer-2.test:8443 (10.0.0.12), and is at https://signer-2.test:8443 (10.0.0.99) now',
    );
    expect(world.stderr.text).toContain('PLAN_STALE');
  });
});
