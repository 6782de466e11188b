import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type RawIo, systemIo } from '../../src/system/files.ts';
import { privateFiles } from '../../src/system/private-files.ts';
import { ownFolder } from '../credential/real-files.ts';

const files = privateFiles();

async function place(): Promise<{ readonly folder: string; readonly path: string }> {
  const folder = await ownFolder();
  return { folder, path: join(folder, 'secret.k-1') };
}

describe('a secret file', () => {
  it('is made whole, closed to others and durably', async () => {
    const { folder, path } = await place();
    const synced: string[] = [];
    const io: RawIo = {
      ...systemIo,
      sync: async (handle, what) => {
        synced.push(what);
        await systemIo.sync(handle, what);
      },
    };
    expect(await privateFiles(io).create(path, 'one', path)).toBe(true);
    expect(await readFile(path, 'utf8')).toBe('one');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(synced).toEqual([expect.stringMatching(/\.secret\.k-1\.\d+-\d+\.tmp$/), folder]);
    expect(await readdir(folder)).toEqual(['secret.k-1']);
  });

  it('is left as it is where the name is taken, by a link too', async () => {
    const { folder, path } = await place();
    await writeFile(path, 'one', { mode: 0o600 });
    expect(await files.create(path, 'two', path)).toBe(false);
    expect(await readFile(path, 'utf8')).toBe('one');
    await rm(path);
    await symlink('elsewhere', path);
    expect(await files.create(path, 'two', path)).toBe(false);
    expect(await readdir(folder)).toEqual(['secret.k-1']);
  });

  it('is found, or is not there', async () => {
    const { path } = await place();
    expect(await files.find(path)).toBeUndefined();
    await writeFile(path, 'one', { mode: 0o600 });
    expect(await files.find(path)).toBe('one');
  });

  it('is removed, also when it is gone already', async () => {
    const { folder, path } = await place();
    await writeFile(path, 'one', { mode: 0o600 });
    await files.remove(path);
    await files.remove(path);
    expect(await readdir(folder)).toEqual([]);
  });

  it.each([
    ['made', (path: string) => files.create(path, 'CANARY', path)],
    ['removed', (path: string) => files.remove(path)],
  ])('that cannot be %s is a failure of the driver', async (deed, work) => {
    const { path } = await place();
    await writeFile(path, '', { mode: 0o600 });
    await expect(work(join(path, 'below'))).rejects.toMatchObject({
      code: 'DRIVER_FAILED',
      message: `file: could not be ${deed}: ENOTDIR`,
    });
  });
});

describe('the names in a folder', () => {
  it('are all of them, and none where there is none', async () => {
    const { folder, path } = await place();
    await writeFile(path, '');
    await mkdir(join(folder, 'below'));
    expect([...(await files.namesIn(folder))].sort()).toEqual(['below', 'secret.k-1']);
    expect(await files.namesIn(join(folder, 'nowhere'))).toEqual([]);
    await expect(files.namesIn(path)).rejects.toMatchObject({ code: 'INPUT_UNREADABLE', message: 'folder: ENOTDIR' });
  });
});

describe('what keeps a file from being replaced', () => {
  it.each<[string, (path: string) => Promise<unknown>, string | undefined]>([
    ['nothing where it is a file', (path) => writeFile(path, ''), undefined],
    ['nothing where there is none', async () => undefined, undefined],
    ['a folder in its place', (path) => mkdir(path), 'it is a folder'],
    ['a link in its place', (path) => symlink('elsewhere', path), 'it is a symbolic link'],
    [
      'no folder for it',
      (path) => rm(join(path, '..'), { recursive: true }),
      'its folder cannot be written to: ENOENT',
    ],
  ])('%s', async (_, prepare, hindrance) => {
    const { path } = await place();
    await prepare(path);
    expect(await files.replaceable(path)).toBe(hindrance);
  });

  it('a file in place of its folder', async () => {
    const { path } = await place();
    await writeFile(path, '');
    expect(await files.replaceable(join(path, 'below'))).toBe('ENOTDIR');
  });
});
