import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { reveal, Secret } from '../../src/credential/secret.ts';
import { createDeployDriver } from '../../src/deploy/create-driver.ts';
import type { Commands } from '../../src/deploy/ports.ts';
import { RotctlError } from '../../src/errors/rotctl-error.ts';
import type { Client, EnvFileDeploy, Replica } from '../../src/fleet/fleet.ts';
import { ownFolder, type RealFiles, realFiles } from '../credential/real-files.ts';
import { bySecret, type SecretDriver } from './by-secret.ts';

const CURRENT = Secret.fromText('CANARY-current-7f3a9c1e5b2d4f60aa');
const NEXT = Secret.fromText('CANARY-next-00c3d5e7f9a1b2c4d6e8f0');
const unexpected = () => Promise.reject(new Error('no command is expected'));
const noCommands: Commands = { run: unexpected, ask: unexpected, runnable: unexpected };

interface Place {
  readonly driver: SecretDriver;
  readonly files: RealFiles;
  readonly path: string;
  readonly deploy: EnvFileDeploy;
  readonly replica: Replica;
  readonly client: Client;
}

async function placeWith(content: string, change: Partial<EnvFileDeploy> = {}, commands = noCommands): Promise<Place> {
  const folder = await ownFolder();
  const path = join(folder, 'process.env');
  await writeFile(path, content, { mode: 0o600 });
  const files = realFiles();
  const deploy: EnvFileDeploy = {
    driver: 'env-file',
    path,
    variable: 'KEYS',
    format: { kind: 'single' },
    reload: undefined,
    restart: ['restart'],
    deadlineMs: 1000,
    ...change,
  };
  const replica = { name: 'signer-a', url: new URL('https://127.0.0.1:1'), serverName: 'x', deploy };
  const secret = { from: 'file', path } as const;
  const client = { id: 'client-a', actor: 'client-a', secret, deploy, cadenceMs: 1, atRestMs: 1, ...ORDINARY } as const;
  const driver = bySecret(createDeployDriver({ files, commands, cwd: folder }));
  return { driver, files, path, deploy, replica, client };
}

const ORDINARY = { cacheTtlMs: 0, instances: 1, owner: undefined, movable: 'us', usage: [] } as const;
const json = (pointer: string) => ({ format: { kind: 'json', pointer } }) as const;
const list = (separator: string) => ({ format: { kind: 'list', separator } }) as const;
const textsOf = (secrets: Iterable<Secret> = []) => Array.from(secrets, (secret) => reveal(secret).toString());
const text = (secret: Secret) => reveal(secret).toString();

async function refusalOf(work: Promise<unknown>): Promise<RotctlError> {
  const error = await work.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (!(error instanceof RotctlError)) throw new Error(`no refusal: ${String(error)}`);
  const shown = `${error.message} ${error.hint} ${error.stack} ${String(error.cause)}`;
  for (const secret of [CURRENT, NEXT]) expect(shown).not.toContain(text(secret));
  expect(shown).not.toContain('CANARY-file');
  return error;
}

describe("reading a replica's accepted secrets", () => {
  const rows: ReadonlyArray<readonly [content: string, change: Partial<EnvFileDeploy>, texts: readonly string[]]> = [
    ['KEYS="one"\n', {}, ['one']],
    ['KEYS=\n', {}, []],
    ['KEYS=one,two\n', list(','), ['one', 'two']],
    ['KEYS="one two"\n', list(' '), ['one', 'two']],
    ['KEYS=,one,\n', list(','), ['one']],
    [
      'KEYS="{\\"client-a\\":{\\"hmacSecrets\\":[\\"one\\",\\"two\\"]}}"\n',
      json('/{client}/hmacSecrets'),
      ['one', 'two'],
    ],
    ['KEYS=\'{"client-a":{"hmacSecrets":[]}}\'\n', json('/{client}/hmacSecrets'), []],
    ['KEYS=\'{"client-a":"one"}\'\n', json('/{client}'), ['one']],
    ['KEY_CLIENT_A=one\nKEY_CLIENT_B=two\n', { variable: 'KEY_{CLIENT}' }, ['one']],
  ];
  it.each(rows)('%j', async (content, change, texts) => {
    const { driver, replica } = await placeWith(content, change);
    const accepted = await driver.readAccepted(replica, ['client-a']);
    expect(textsOf(accepted.get('client-a'))).toEqual(texts);
  });

  it('gives each client its own', async () => {
    const { driver, replica } = await placeWith(
      'KEYS=\'{"client-a":["one"],"client-b":["two","three"]}\'',
      json('/{client}'),
    );
    const accepted = await driver.readAccepted(replica, ['client-b', 'client-a']);
    expect([...accepted].map(([id, secrets]) => [id, textsOf(secrets)])).toEqual([
      ['client-b', ['two', 'three']],
      ['client-a', ['one']],
    ]);
  });

  it.each([
    ['a variable that is not set', 'OTHER=CANARY-file\n', {}, 'INPUT_INVALID', /KEYS is not set/],
    ['a variable set twice', 'KEYS=CANARY-file\nKEYS=x\n', {}, 'INPUT_INVALID', /set twice/],
    ['no JSON', 'KEYS=CANARY-file\n', json('/a'), 'INPUT_SYNTAX', /KEYS: the value is not JSON/],
    [
      'nothing at the pointer',
      'KEYS=\'{"b":"CANARY-file"}\'',
      json('/{client}'),
      'INPUT_INVALID',
      /nothing stands at \/client-a/,
    ],
    [
      'a number in the array',
      'KEYS=\'{"client-a":["CANARY-file",5]}\'',
      json('/{client}'),
      'INPUT_INVALID',
      /text or an array of texts/,
    ],
    [
      'an object at the pointer',
      'KEYS=\'{"client-a":{"CANARY-file":1}}\'',
      json('/{client}'),
      'INPUT_INVALID',
      /text or an array/,
    ],
  ] as const)('%s is refused with the file', async (_, content, change, code, message) => {
    const { driver, replica, path } = await placeWith(content, change);
    const error = await refusalOf(driver.readAccepted(replica, ['client-a']));
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(error.at?.file).toBe(path);
  });
});

describe("writing a replica's accepted secrets", () => {
  const both = `"${text(CURRENT)}","${text(NEXT)}"`;
  const quoted = (value: string) => `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  const rows: ReadonlyArray<readonly [what: string, before: string, change: Partial<EnvFileDeploy>, after: string]> = [
    [
      'a list',
      '# top\nA=1\r\nexport KEYS=old # why\nB="x"',
      list(','),
      `# top\nA=1\r\nexport KEYS=${text(CURRENT)},${text(NEXT)} # why\nB="x"`,
    ],
    [
      'an array in JSON, whose other members keep their spelling',
      `A=1\nKEYS='{ "client-a" : {"max":1.0, "hmacSecrets": [ "old" ]}, "client-b":{"hmacSecrets":["\\u0078"]} }'\n`,
      json('/{client}/hmacSecrets'),
      `A=1\nKEYS='{ "client-a" : {"max":1.0, "hmacSecrets": [ ${both} ]}, "client-b":{"hmacSecrets":["\\u0078"]} }'\n`,
    ],
    [
      'a variable of its own',
      'K_CLIENT_A="old"\nK_CLIENT_B=b\n',
      { variable: 'K_{CLIENT}', ...list('|') },
      `K_CLIENT_A="${text(CURRENT)}|${text(NEXT)}"\nK_CLIENT_B=b\n`,
    ],
    [
      'JSON without quotes, as an env file of docker has it',
      'KEYS={"client-a":["old"]}\n',
      json('/{client}'),
      `KEYS={"client-a":[${both}]}\n`,
    ],
  ];
  it.each(rows)('%s', async (_, before, change, after) => {
    const { driver, replica, path } = await placeWith(before, change);
    expect(await driver.writeAccepted(replica, new Map([['client-a', [CURRENT, NEXT]]]))).toEqual({ changed: true });
    expect(await readFile(path, 'utf8')).toBe(after);
    expect(textsOf((await driver.readAccepted(replica, ['client-a'])).get('client-a'))).toEqual([
      text(CURRENT),
      text(NEXT),
    ]);
  });

  it('changes several clients in one write', async () => {
    const { driver, replica, files } = await placeWith(
      'KEYS=\'{"client-a":["a"],"client-b":["b"],"client-c":["c"]}\'',
      json('/{client}'),
    );
    await driver.writeAccepted(
      replica,
      new Map([
        ['client-b', [NEXT]],
        ['client-a', [CURRENT, NEXT]],
      ]),
    );
    const accepted = await driver.readAccepted(replica, ['client-a', 'client-b', 'client-c']);
    expect([...accepted.values()].map(textsOf)).toEqual([[text(CURRENT), text(NEXT)], [text(NEXT)], ['c']]);
    expect(files.replaced).toHaveLength(1);
  });

  it('that are there already touches nothing, in whatever quotes they stand', async () => {
    const value = JSON.stringify({ 'client-a': [text(CURRENT)] });
    for (const content of [
      `KEYS='${value}'\n`,
      `KEYS=${quoted(value)}\n`,
      `KEYS='${value.replace('[', ' [ ').replace(']', '\t]')}'\n`,
    ]) {
      const { driver, replica, path, files } = await placeWith(content, json('/{client}'));
      const before = await stat(path);
      expect(await driver.writeAccepted(replica, new Map([['client-a', [CURRENT]]]))).toEqual({ changed: false });
      expect(files.replaced).toEqual([]);
      expect(await stat(path)).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
      expect(await readFile(path, 'utf8')).toBe(content);
    }
  });

  it.each([
    ['without quotes', (value: string) => `KEYS=${value}\n`],
    ['in single quotes', (value: string) => `KEYS='${value}' # why\n`],
    ['in double quotes', (value: string) => `export KEYS=${quoted(value)}\n`],
  ])('opened and taken back leave the file as it was, %s', async (_, contentOf) => {
    for (const [value, change] of [
      [text(CURRENT), list(',')],
      [`{"client-a":[ "${text(CURRENT).replace('C', '\\u0043')}" ], "max" : 1.0}`, json('/{client}')],
      [`["x", "${text(CURRENT)}"]`, json('/1')],
    ] as const) {
      const content = contentOf(value);
      const { driver, replica, path } = await placeWith(content, change);
      const before = (await driver.readAccepted(replica, ['client-a'])).get('client-a') ?? [];
      const open = change.format.kind === 'json' && change.format.pointer === '/1' ? [NEXT] : [CURRENT, NEXT];
      await driver.writeAccepted(replica, new Map([['client-a', open]]));
      expect(textsOf((await driver.readAccepted(replica, ['client-a'])).get('client-a'))).toEqual(textsOf(open));
      await driver.writeAccepted(replica, new Map([['client-a', before]]));
      expect(await readFile(path, 'utf8')).toBe(content);
    }
  });

  it('refuses to bring a separator into a bare value that a reader may split at, and changes nothing', async () => {
    for (const separator of [' ', ';', '|', '#']) {
      const content = `KEYS=${text(CURRENT)}\n`;
      const { driver, replica, path, files } = await placeWith(content, list(separator));
      const error = await refusalOf(driver.writeAccepted(replica, new Map([['client-a', [CURRENT, NEXT]]])));
      expect(error).toMatchObject({ code: 'DRIVER_FAILED', position: `${path}:1` });
      expect(error.hint).toMatch(/quote the value in the file/);
      expect(files.replaced).toEqual([]);
    }
    const { driver, replica, path } = await placeWith(`KEYS=${text(CURRENT)} old\n`, list(' '));
    await driver.writeAccepted(replica, new Map([['client-a', [CURRENT, NEXT]]]));
    expect(await readFile(path, 'utf8')).toBe(`KEYS=${text(CURRENT)} ${text(NEXT)}\n`);
  });

  it('in another order is a change', async () => {
    const { driver, replica } = await placeWith(`KEYS="${text(NEXT)},${text(CURRENT)}"\n`, list(','));
    expect(await driver.writeAccepted(replica, new Map([['client-a', [CURRENT, NEXT]]]))).toEqual({ changed: true });
  });

  it('leaves the file closed to others, though it was open', async () => {
    const { driver, replica, path } = await placeWith('KEYS=x\n', list(','));
    await chmod(path, 0o644);
    await driver.writeAccepted(replica, new Map([['client-a', [NEXT]]]));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['two secrets in a single value', 'KEYS=x\n', {}, [CURRENT, NEXT], /holds one secret only/],
    [
      'two secrets in a text of JSON',
      'KEYS=\'{"client-a":"x"}\'',
      json('/{client}'),
      [CURRENT, NEXT],
      /holds one secret only/,
    ],
    ['an empty list', 'KEYS=x\n', list(','), [], /an empty list would lock out client-a/],
    ['a secret with the separator inside', 'KEYS=x\n', list('-'), [CURRENT], /holds the separator/],
  ] as const)('%s is refused before anything is written', async (_, content, change, secrets, message) => {
    const { driver, replica, path, files } = await placeWith(content, change);
    const error = await refusalOf(driver.writeAccepted(replica, new Map([['client-a', secrets]])));
    expect(error).toMatchObject({ code: 'PRECONDITION_FAILED', message: expect.stringMatching(message) });
    expect(error.at?.file).toBe(path);
    expect(files.replaced).toEqual([]);
    expect(await readFile(path, 'utf8')).toBe(content);
  });

  it('says with DRIVER_FAILED that the file cannot be replaced, and leaves it as it was', async () => {
    const { replica, path, files, deploy } = await placeWith('KEYS=x\n', list(','));
    const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    const broken = { ...files, replace: () => Promise.reject(full) };
    const driver = bySecret(createDeployDriver({ files: broken, commands: noCommands, cwd: '/' }));
    const error = await refusalOf(driver.writeAccepted(replica, new Map([['client-a', [NEXT]]])));
    expect(error).toMatchObject({
      code: 'DRIVER_FAILED',
      message: 'the file could not be replaced: ENOSPC',
      cause: full,
    });
    expect(error.at?.file).toBe(deploy.path);
    expect(await readFile(path, 'utf8')).toBe('KEYS=x\n');
  });
});

describe('what a client signs with', () => {
  it.each([
    ['a single value', 'A=1\nKEYS=old\n', {}, `A=1\nKEYS=${text(NEXT)}\n`],
    ['a text in JSON', 'KEYS=\'{"secret": "old"}\'\n', json('/secret'), `KEYS='{"secret": "${text(NEXT)}"}'\n`],
  ])('in %s is replaced and read', async (_, before, change, after) => {
    const { driver, client, path, files } = await placeWith(before, change);
    expect(text(await driver.readSigning(client))).toBe('old');
    expect(await driver.writeSigning(client, NEXT)).toEqual({ changed: true });
    expect(await readFile(path, 'utf8')).toBe(after);
    expect(text(await driver.readSigning(client))).toBe(text(NEXT));
    expect(await driver.writeSigning(client, NEXT)).toEqual({ changed: false });
    expect(files.replaced).toHaveLength(1);
  });

  it.each(['pa$$w#rd with "signs"', '"C:\\\\keys"', "'it has $ and `'"])(
    'goes to a fresh secret and back to the first bytes, from KEYS=%s',
    async (written) => {
      const content = `A=1\nKEYS=${written} # why\n`;
      const { driver, client, path } = await placeWith(content);
      const old = await driver.readSigning(client);
      await driver.writeSigning(client, NEXT);
      expect(text(await driver.readSigning(client))).toBe(text(NEXT));
      await driver.writeSigning(client, old);
      expect(await readFile(path, 'utf8')).toBe(content);
    },
  );

  it('is refused when it is empty', async () => {
    const { driver, client } = await placeWith('KEYS=\n');
    expect(await refusalOf(driver.readSigning(client))).toMatchObject({
      code: 'SECRET_REFUSED',
      message: 'KEYS is empty',
    });
  });
});

describe('reload and restart', () => {
  const answering = (seen: unknown[]): Commands => ({
    run: async (argv, options) => {
      seen.push([argv, options.deadlineMs]);
      return { ok: false, how: 'exit 3', output: '', ms: 1 };
    },
    ask: unexpected,
    runnable: unexpected,
  });

  it('run the stated command and pass on how it ended, also when it failed', async () => {
    const seen: unknown[] = [];
    const { driver, client, replica } = await placeWith('', { reload: ['r', 'x'], restart: ['s'] }, answering(seen));
    expect(await driver.reload(replica)).toMatchObject({ ok: false, how: 'exit 3' });
    expect(await driver.restart(client)).toMatchObject({ ok: false });
    expect(seen).toEqual([
      [['r', 'x'], 1000],
      [['s'], 1000],
    ]);
  });

  it('are refused when the fleet file states none: there is no default', async () => {
    const { driver, replica } = await placeWith('', { reload: undefined });
    expect(await refusalOf(driver.reload(replica))).toMatchObject({
      code: 'PRECONDITION_FAILED',
      message: 'the fleet file states no reload command',
    });
  });
});
