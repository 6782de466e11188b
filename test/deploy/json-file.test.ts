import { chmod, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { reveal, Secret } from '../../src/credential/secret.ts';
import { createDeployDriver } from '../../src/deploy/create-driver.ts';
import type { JsonFileDeploy } from '../../src/fleet/fleet.ts';
import { createCommands } from '../../src/system/commands.ts';
import { privateFiles } from '../../src/system/private-files.ts';
import { ownFolder } from '../credential/real-files.ts';
import { bySecret } from './by-secret.ts';
import { refusalOf } from './gate-place.ts';

const OLD = Secret.fromText('CANARY-old-7f3a9c1e5b2d4f60aa');
const NEW = Secret.fromText('CANARY-new-00c3d5e7f9a1b2c4d6');
const text = (secret: Secret) => reveal(secret).toString();

/** A driver over a real file of these bytes, and a deploy with this pointer. */
async function placeWith(content: string, pointer: string) {
  const folder = await ownFolder();
  const path = join(folder, 'signer.json');
  await writeFile(path, content, { mode: 0o600 });
  const ports = { files: privateFiles(), commands: createCommands((one) => one), cwd: folder };
  const whole = createDeployDriver(ports);
  const deploy: JsonFileDeploy = {
    driver: 'json-file',
    path,
    format: { kind: 'json', pointer },
    reload: undefined,
    restart: ['true'],
    deadlineMs: 5000,
  };
  const client = { id: 'client-a', actor: 'a', secret: undefined, deploy, cadenceMs: 1, atRestMs: 1, ...ORDINARY };
  return { driver: bySecret(whole), rehearse: whole.rehearse, folder, path, target: { deploy }, client };
}

const ORDINARY = { cacheTtlMs: 0, instances: 1, owner: undefined, movable: 'us', usage: [] } as const;
const LISTS = `{
  // is no JSON
}`;
/** Oddly written on purpose: numbers, escapes and spaces must survive. */
const signer = (list: string) =>
  `{ "port": 8.0e3,\t"name":"a\\u0062",\n  "clients" : {"client-a":{"hmacSecrets": ${list} },"client-b":{"hmacSecrets":["other"]}}, "last":[1 ,2]}\n`;

describe('a JSON file', () => {
  it.each([
    ['one and two, in the spelling of the list', `[ "${text(OLD)}" ]`, [OLD, NEW], `[ "${text(OLD)}","${text(NEW)}" ]`],
    ['two and one', `["${text(OLD)}", "${text(NEW)}"]`, [NEW], `["${text(NEW)}"]`],
    ['another', `["${text(OLD)}"]`, [NEW], `["${text(NEW)}"]`],
    ['one text and another', `"${text(OLD)}"`, [NEW], `"${text(NEW)}"`],
    ['an empty list and one', '[]', [NEW], `["${text(NEW)}"]`],
  ])('gets %s, and keeps every other byte', async (_, before, secrets, after) => {
    const { driver, target, path } = await placeWith(signer(before), '/clients/{client}/hmacSecrets');
    const inode = (await stat(path)).ino;
    expect(await driver.writeAccepted(target, new Map([['client-a', secrets]]))).toEqual({ changed: true });
    expect(await readFile(path, 'utf8')).toBe(signer(after));
    const { mode, ino } = await stat(path);
    expect([mode & 0o7777, ino === inode]).toEqual([0o600, false]);
    expect((await driver.readAccepted(target, ['client-a'])).get('client-a')?.map(text)).toEqual(secrets.map(text));
    expect(await driver.accepts(target, new Map([['client-a', secrets]]))).toBe(true);
    expect(await driver.writeAccepted(target, new Map([['client-a', secrets]]))).toEqual({ changed: false });
  });

  it('gets the lists of several clients in one replacement', async () => {
    const { driver, target, path } = await placeWith(signer('["x"]'), '/clients/{client}/hmacSecrets');
    const lists = new Map([
      ['client-a', [OLD, NEW]],
      ['client-b', [NEW]],
    ]);
    await driver.writeAccepted(target, lists);
    expect(JSON.parse(await readFile(path, 'utf8')).clients).toEqual({
      'client-a': { hmacSecrets: [text(OLD), text(NEW)] },
      'client-b': { hmacSecrets: [text(NEW)] },
    });
  });

  it('has the secret that a client signs with, which can be read and replaced', async () => {
    const { driver, client, path } = await placeWith(`{"signing":{"secret":"${text(OLD)}"}}`, '/signing/secret');
    expect(text(await driver.readSigning(client))).toBe(text(OLD));
    await driver.writeSigning(client, NEW);
    expect(await readFile(path, 'utf8')).toBe(`{"signing":{"secret":"${text(NEW)}"}}`);
    expect([await driver.signs(client, NEW), await driver.signs(client, OLD)]).toEqual([true, false]);
  });

  it.each([
    ['an overlap in one text', signer('"CANARY"'), 'PRECONDITION_FAILED', /^the file: holds one secret only/],
    ['a list of more than text', signer('["CANARY",1]'), 'INPUT_INVALID', /must stand text or an array of texts$/],
    [
      'a client that is not there',
      '{"clients":{}}',
      'INPUT_INVALID',
      /^the file: nothing stands at \/clients\/client-a/,
    ],
    ['what is no JSON', LISTS, 'INPUT_SYNTAX', /^the file: the value is not JSON$/],
    [
      'a key that stands twice',
      '{"clients":{"client-a":{"hmacSecrets":["CANARY"]},"client-a":{}}}',
      'INPUT_INVALID',
      /stands twice$/,
    ],
  ])('refuses %s, and stays as it was', async (_, content, code, message) => {
    const { driver, target, path } = await placeWith(content, '/clients/{client}/hmacSecrets');
    const error = await refusalOf(driver.writeAccepted(target, new Map([['client-a', [OLD, NEW]]])));
    expect(error).toMatchObject({ code, message: expect.stringMatching(message), at: { file: path } });
    expect(await readFile(path, 'utf8')).toBe(content);
  });
});

describe('a rehearsal on a JSON file', () => {
  it('finds nothing in the way, and changes nothing', async () => {
    const content = signer(`["${text(OLD)}"]`);
    const { rehearse, target, path } = await placeWith(content, '/clients/{client}/hmacSecrets');
    expect(await rehearse(target, ['client-a', 'client-b'])).toEqual([]);
    expect(await readFile(path, 'utf8')).toBe(content);
  });

  it('names what is in the way', async () => {
    const { rehearse, target, path, folder } = await placeWith(signer('[]'), '/clients/{client}/hmacSecrets');
    expect(await rehearse(target, ['client-c'])).toEqual([
      `${path}: the file: nothing stands at /clients/client-c/hmacSecrets`,
    ]);
    await chmod(path, 0o644);
    expect(await rehearse(target)).toEqual([expect.stringMatching(/mode 0644 opens it to others/)]);
    const link = join(folder, 'link.json');
    await symlink(path, link);
    const deploy = { ...target.deploy, path: link, restart: ['./none'] };
    expect(await rehearse({ deploy })).toEqual([
      expect.stringMatching(/it is a symbolic link$/),
      expect.stringMatching(/cannot be replaced: it is a symbolic link$/),
      'restart: ./none is no program that can be run',
    ]);
  });
});
