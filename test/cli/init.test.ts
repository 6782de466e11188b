import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { seeEnvFile, seeJsonFile } from '../../src/cli/init/env-seen.ts';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import { makeWorld, type World } from './world.ts';

/** What a fleet on plain http, of which nothing runs, is described by. */
const FLAGS = [
  ...[
    '--environment',
    'staging',
    '--replica',
    'signer-1=http://127.0.0.1:9',
    '--replica',
    'signer-2=http://127.0.0.1:10',
  ],
  ...['--replica-env', 'etc/{name}.env', '--client-env', 'etc/{client}.env', '--client-variable', 'SIGNING_SECRET'],
  ...['--restart', 'systemctl restart {name}', '--client-restart', 'systemctl restart {client}'],
];

function withEnvFile(text: string): World {
  const world = makeWorld();
  mkdirSync(join(world.cwd, 'etc'));
  writeFileSync(join(world.cwd, 'etc/signer-1.env'), text, { mode: 0o600 });
  return world;
}

const file = (world: World) => join(world.cwd, 'rotctl.yaml');

describe('init, with nobody to ask', () => {
  it('takes clients and places from an env file, and no secret of it', async () => {
    const world = withEnvFile(
      'LOG=info\nKEYS={"wallet":{"hmacSecrets":["canary-value-of-a-secret"]},"ledger":{"hmacSecrets":["x"]}}\n',
    );
    expect(await world.run('init', ...FLAGS), world.stderr.text).toBe(0);
    const text = readFileSync(file(world), 'utf8');
    expect(text).toContain('variable: KEYS');
    expect(text).toContain('pointer: "/{client}/hmacSecrets"');
    expect(text).toMatch(/- id: wallet[\s\S]*- id: ledger/);
    expect(text + world.stdout.text + world.stderr.text).not.toContain('canary-value');
    expect(world.stdout.text).toContain('ECONNREFUSED');
    expect(world.stderr.text).toContain('PASS');
  });

  it('takes them from JSON files too, and writes what rotctl itself reads', async () => {
    const world = makeWorld();
    mkdirSync(join(world.cwd, 'etc'));
    const config = {
      listen: { host: '0.0.0.0', port: '8443' },
      clients: { wallet: { secrets: ['canary-value-of-it'] } },
    };
    writeFileSync(join(world.cwd, 'etc/signer-1.json'), JSON.stringify(config), { mode: 0o600 });
    const flags = FLAGS.map((flag) => flag.replace(/\.env$/, '.json').replace('SIGNING_SECRET', '/signing/secret'));
    expect(await world.run('init', ...flags), world.stderr.text).toBe(0);
    const text = readFileSync(file(world), 'utf8');
    expect(text + world.stdout.text + world.stderr.text).not.toContain('canary-value');
    const fleet = readFleet(text, file(world));
    expect(fleet.replicas[1]?.deploy).toMatchObject({
      driver: 'json-file',
      format: { kind: 'json', pointer: '/clients/{client}/secrets' },
    });
    expect(fleet.clients).toMatchObject([
      { id: 'wallet', deploy: { driver: 'json-file', format: { kind: 'json', pointer: '/signing/secret' } } },
    ]);
  });

  it('names the flags that it needs, and writes nothing', async () => {
    const world = makeWorld();
    expect(await world.run('init')).toBe(2);
    expect(world.stderr.text).toMatch(/still needed: --replica, --replica-env, --clients/);
    expect(existsSync(file(world))).toBe(false);
  });

  it('replaces no file', async () => {
    const world = withEnvFile('KEYS={"wallet":["x"]}\n');
    writeFileSync(file(world), 'mine\n');
    expect(await world.run('init', ...FLAGS)).toBe(2);
    expect(world.stderr.text).toContain('exists already');
    expect(readFileSync(file(world), 'utf8')).toBe('mine\n');
  });

  it('refuses answers that make no fleet, with the place that they would have, and writes nothing', async () => {
    const world = withEnvFile('KEYS={"wallet":["x"]}\n');
    expect(await world.run('init', ...FLAGS, '--replica', 'signer-1=http://127.0.0.1:11')).toBe(2);
    expect(world.stderr.text).toMatch(/rotctl\.yaml:\d+:\d+.*is the name of replicas\[0\] too/s);
    expect(existsSync(file(world))).toBe(false);
  });

  it('with --dry-run prints the file that it would write', async () => {
    const world = withEnvFile('KEYS={"wallet":["x"]}\n');
    expect(await world.run('init', ...FLAGS, '--dry-run')).toBe(0);
    expect(world.stdout.text).toContain('schema: rotctl.fleet.v1');
    expect(existsSync(file(world))).toBe(false);
  });

  it('prints the schema for an editor', async () => {
    const world = makeWorld();
    expect(await world.run('init', '--print-schema')).toBe(0);
    expect(JSON.parse(world.stdout.text)).toMatchObject({ title: 'rotctl.yaml' });
  });
});

describe('where secrets stand in an env file', () => {
  test.for([
    [
      'a gate by its variable, with what it remembers by default',
      'INTERSERVICE_HMAC_SECRET=x\n',
      { profile: 'gate-v1', place: undefined, clients: [], replay: { maxAge: '300s', nonceTtl: '300s' } },
    ],
    [
      'for how long a gate takes requests',
      'INTERSERVICE_HMAC_SECRET=x\nNONCE_TTL_SECONDS=24\nSIGNATURE_SKEW_SECONDS=8\n',
      { profile: 'gate-v1', place: undefined, clients: [], replay: { maxAge: '8s', nonceTtl: '24s' } },
    ],
    [
      'long texts below any name',
      'CALLERS={"A-1":{"seals":["0123456789abcdef0123"],"limit":"5"},"B":{"seals":["f0123456789abcdef012"],"limit":"7"}}\n',
      {
        profile: 'keyring-v1',
        place: { variable: 'CALLERS', format: 'json', pointer: '/{client}/seals' },
        clients: ['A-1', 'B'],
      },
    ],
    [
      'lists below clients',
      'KEYS=\'{"a":["x","y"]}\'\n',
      { profile: 'keyring-v1', place: { variable: 'KEYS', format: 'json', pointer: '/{client}' }, clients: ['a'] },
    ],
    [
      'one text for each client',
      'CLIENTS={"a":"x","b":"y"}\n',
      {
        profile: 'keyring-v1',
        place: { variable: 'CLIENTS', format: 'json', pointer: '/{client}' },
        clients: ['a', 'b'],
      },
    ],
    [
      'a member beside others',
      'CLIENTS={"a":{"name":"A","secret":"x"}}\n',
      {
        profile: 'keyring-v1',
        place: { variable: 'CLIENTS', format: 'json', pointer: '/{client}/secret' },
        clients: ['a'],
      },
    ],
    ['nothing, where clients differ in shape', 'KEYS={"a":["x"],"b":{"secret":"y"}}\n', undefined],
    ['nothing, where two members could be it', 'KEYS={"a":{"secret":"x","hmacKey":"y"}}\n', undefined],
    ['nothing in settings', 'LIMITS={"a":"x"}\nPORT=8443\n', undefined],
  ] as const)('is seen: %s', ([, text, expected]) => {
    expect(seeEnvFile(text, '/etc/signer.env')).toEqual(
      expected === undefined ? undefined : { replay: undefined, ...expected },
    );
  });
});

describe('where secrets stand in a JSON file', () => {
  test.each([
    ['lists below clients', { keys: { a: ['x'], b: ['y', 'z'] } }, '/keys/{client}', ['a', 'b']],
    [
      'a member beside others',
      { auth: { clients: { a: { name: 'A', hmac: 'x' } } } },
      '/auth/clients/{client}/hmac',
      ['a'],
    ],
    [
      'long texts below any name',
      { callers: { a: { limit: '5', seals: ['0123456789abcdef'] } } },
      '/callers/{client}/seals',
      ['a'],
    ],
    ['names with a slash', { 'v1/keys': { a: 'x' } }, '/v1~1keys/{client}', ['a']],
  ])('sees %s', (_, config, pointer, clients) => {
    const place = { variable: undefined, format: 'json', pointer };
    expect(seeJsonFile(JSON.stringify(config))).toMatchObject({ profile: 'keyring-v1', place, clients });
  });

  test.each([
    ['settings alone', { listen: { host: 'a-long-name.of.a.host', port: '8443' }, log: 'info' }],
    ['a list', ['x']],
    ['clients that differ', { clients: { a: { secret: 'x' }, b: 5 } }],
  ])('sees nothing in %s', (_, config) => {
    expect(seeJsonFile(JSON.stringify(config))).toBeUndefined();
  });

  it('nor in what is no JSON', () => {
    expect(seeJsonFile('{"clients":')).toBeUndefined();
  });
});
