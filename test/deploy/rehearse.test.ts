import { chmod, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createDeployDriver } from '../../src/deploy/create-driver.ts';
import type { EnvFileDeploy, EnvFilePlace } from '../../src/fleet/fleet.ts';
import { createCommands } from '../../src/system/commands.ts';
import { privateFiles } from '../../src/system/private-files.ts';
import { ownFolder } from '../credential/real-files.ts';
import { gatePlace, NAMES, OLD, text } from './gate-place.ts';

interface Folder {
  readonly folder: string;
  readonly path: string;
}

const SECRET = 'CANARY-7f3a9c1e5b2d4f60';

async function folderWith(content: string): Promise<Folder> {
  const folder = await ownFolder();
  const path = join(folder, 'process.env');
  await writeFile(path, content, { mode: 0o600 });
  return { folder, path };
}

/** What is seen, with the folder's name left out; nothing may change by it. */
async function rehearsed(
  { folder, path }: Folder,
  change: Partial<EnvFileDeploy> = {},
  clientIds: readonly string[] = [],
): Promise<readonly string[]> {
  const driver = createDeployDriver({ files: privateFiles(), commands: createCommands((one) => one), cwd: folder });
  const place: EnvFilePlace = { driver: 'env-file', path, variable: 'KEYS', format: { kind: 'single' } };
  const before = await readdir(folder, { recursive: true });
  const obstacles = await driver.rehearse({ deploy: { ...place, ...change } }, clientIds);
  expect(await readdir(folder, { recursive: true })).toEqual(before);
  expect(obstacles.join('\n')).not.toContain('CANARY');
  return obstacles.map((one) => one.replaceAll(folder, '.'));
}

describe('nothing stands in the way', () => {
  it.each<[string, string, Partial<EnvFileDeploy>, string[]]>([
    ['of a single value', `KEYS=${SECRET}\n`, {}, []],
    ['of a single value of a client', `KEYS=${SECRET}\n`, {}, ['client-a']],
    ['of a list', `KEYS="${SECRET}"\n`, { format: { kind: 'list', separator: ' ' } }, ['client-a']],
    [
      'of JSON',
      `KEYS='{"client-a":["${SECRET}"]}'\n`,
      { format: { kind: 'json', pointer: '/{client}' } },
      ['client-a'],
    ],
    ['of variables of whom nobody is named', 'A=1\n', { variable: 'KEYS_{CLIENT}' }, []],
    ['of a program in PATH', 'KEYS=\n', { reload: ['sh', '-c', 'exit 1'], restart: ['true'] }, []],
    ['of a program at a path', 'KEYS=\n', { restart: ['/bin/sh', '-c', 'exit 1'] }, []],
  ])('%s', async (_, content, change, clientIds) => {
    expect(await rehearsed(await folderWith(content), change, clientIds)).toEqual([]);
  });

  it('of a program in the folder of the fleet file', async () => {
    const place = await folderWith('KEYS=\n');
    await writeFile(join(place.folder, 'restart.sh'), '#!/bin/sh\n', { mode: 0o700 });
    expect(await rehearsed(place, { restart: ['./restart.sh'] })).toEqual([]);
  });
});

describe('what stands in the way is told:', () => {
  it.each<[string, string, Partial<EnvFileDeploy>, string[], string]>([
    ['a variable that is not set', `OTHER=${SECRET}\n`, {}, [], './process.env: KEYS is not set in the file'],
    [
      "a client's variable that is not set",
      `KEYS_CLIENT_A=${SECRET}\n`,
      { variable: 'KEYS_{CLIENT}' },
      ['client-a', 'client-b'],
      './process.env: KEYS_CLIENT_B is not set in the file',
    ],
    ['an open quote', `KEYS="${SECRET}\n`, {}, [], './process.env:1: KEYS: a quote is not closed, or text follows it'],
    [
      'nothing at a pointer',
      `KEYS='{"b":"${SECRET}"}'\n`,
      { format: { kind: 'json', pointer: '/{client}' } },
      ['client-a'],
      './process.env: KEYS: nothing stands at /client-a',
    ],
    [
      'quoting that cannot hold two secrets',
      `KEYS=${SECRET}\n`,
      { format: { kind: 'list', separator: ' ' } },
      ['client-a'],
      './process.env:1: KEYS cannot be replaced: it stands without quotes, and the new value has a space, # or other sign that the old one has not',
    ],
    [
      'a program that is not there',
      'KEYS=\n',
      { reload: ['no-such-command-here'] },
      [],
      'reload: no-such-command-here is no program that can be run',
    ],
    [
      'a program that may not be run',
      'KEYS=\n',
      { restart: ['./process.env'] },
      [],
      'restart: ./process.env is no program that can be run',
    ],
    ['a program that is a folder', 'KEYS=\n', { restart: ['/bin'] }, [], 'restart: /bin is no program that can be run'],
  ])('%s', async (_, content, change, clientIds, obstacle) => {
    expect(await rehearsed(await folderWith(content), change, clientIds)).toEqual([obstacle]);
  });

  it.each<[string, (place: Folder) => Promise<void>, RegExp[]]>([
    ['no file', ({ path }) => rm(path), [/^\.\/process\.env: file: there is no such file$/]],
    [
      'a folder in place of the file',
      async ({ path }) => {
        await rm(path);
        await mkdir(path);
      },
      [/expected a regular file, got a folder$/, /^\.\/process\.env: cannot be replaced: it is a folder$/],
    ],
    [
      'a link in place of the file',
      async ({ path, folder }) => {
        await rm(path);
        await writeFile(join(folder, 'real.env'), 'KEYS=\n', { mode: 0o600 });
        await symlink('real.env', path);
      },
      [/it is a symbolic link$/, /cannot be replaced: it is a symbolic link$/],
    ],
    ['a file that is open to others', ({ path }) => chmod(path, 0o640), [/mode 0640 opens it to others/]],
  ])('%s', async (_, prepare, obstacles) => {
    const place = await folderWith(`KEYS=${SECRET}\n`);
    await prepare(place);
    const seen = await rehearsed(place);
    expect(seen).toEqual(obstacles.map((one) => expect.stringMatching(one)));
  });

  it('a file in a folder that is not there, and both commands', async () => {
    const { folder } = await folderWith('');
    const gone = { folder, path: join(folder, 'gone', 'process.env') };
    expect(await rehearsed(gone, { reload: ['./a'], restart: ['./b'] })).toEqual([
      './gone/process.env: file: there is no such file',
      './gone/process.env: cannot be replaced: its folder cannot be written to: ENOENT',
      'reload: ./a is no program that can be run',
      'restart: ./b is no program that can be run',
    ]);
  });
});

describe('of a gate', () => {
  const S = NAMES.secret;

  async function ofGate(env: string, prepare: (secrets: string) => Promise<unknown> = async () => undefined) {
    const place = await gatePlace(env);
    await place.put('primary', text(OLD));
    await prepare(place.secrets);
    const folder = join(place.path, '..');
    const seen = await rehearsed({ folder, path: place.path }, place.target.deploy);
    return seen.map((one) => one.replace(/\.[0-9a-f]{8}:/, ':'));
  }

  it.each([
    ['in the env file', `${S}="${text(OLD)}"\n`],
    ['in the env file, with the previous one', `${S}=${text(OLD)}\n${S}_PREV=\n`],
    ['in a file', `${S}=/run/secrets/primary\n`],
  ])('nothing stands in the way of a secret %s', async (_, env) => {
    expect(await ofGate(env)).toEqual([]);
  });

  it.each<[string, string, string[]]>([
    ['a secret that is not set', 'A=1\n', [`./gate.env: ${S} is not set in the file`]],
    [
      'a variable set twice',
      `${S}=x\n${NAMES.revoked}=a\n${NAMES.revoked}=b\n`,
      [`./gate.env:3: ${NAMES.revoked} is set twice, first in line 2`],
    ],
    [
      'a last line that goes on',
      `${S}=x\nA=1\\\n`,
      [`./gate.env: ${S}_PREV cannot be added: the file's last line ends in a backslash`],
    ],
    [
      'a secret file that is not there',
      `${S}=/run/secrets/none\n`,
      [`./secrets/none: the file that ${S} names is empty or not there`],
    ],
  ])('%s does', async (_, env, obstacles) => {
    expect(await ofGate(env)).toEqual(obstacles);
  });

  it('a folder of secret files that is not there does', async () => {
    expect(await ofGate(`${S}=/run/secrets/primary\n`, (secrets) => rm(secrets, { recursive: true }))).toEqual([
      `./secrets/primary: the file that ${S} names is empty or not there`,
      './secrets/interservice_hmac_secret.k-rehearsed: cannot be made: its folder cannot be written to: ENOENT',
    ]);
  });

  it('a secret file that is open to others does', async () => {
    const seen = await ofGate(`${S}=/run/secrets/primary\n`, (secrets) => chmod(join(secrets, 'primary'), 0o644));
    expect(seen).toEqual(['./secrets/primary: file: mode 0644 opens it to others, expected 0600']);
  });
});
