import { chown, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { privateFiles } from '../../src/system/private-files.ts';
import { asAnother, SERVICE } from './as-another.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rotctl-owner-'));
});

afterEach(() => rm(folder, { recursive: true }));

it("reads and replaces a service's file as root, and leaves it the service's", async () => {
  if (process.getuid?.() !== 0) throw new Error('this test needs root: it gives a file to another user');
  const path = join(folder, 'service.env');
  await writeFile(path, 'SECRET=old\n', { mode: 0o600 });
  await chown(path, SERVICE, SERVICE);
  const files = privateFiles();
  expect(await files.read(path)).toBe('SECRET=old\n');
  await files.replace(path, 'SECRET=new\n');
  const { uid, gid, mode } = await stat(path);
  expect({ uid, gid, mode: mode & 0o777 }).toEqual({ uid: SERVICE, gid: SERVICE, mode: 0o600 });
  expect(await readFile(path, 'utf8')).toBe('SECRET=new\n');
});

it('makes a new secret file as root with the owner of the one before it', async () => {
  if (process.getuid?.() !== 0) throw new Error('this test needs root: it gives a file to another user');
  const [before, path] = [join(folder, 'secret'), join(folder, 'secret.k-1')];
  await writeFile(before, 'old', { mode: 0o600 });
  await chown(before, SERVICE, SERVICE);
  expect(await privateFiles().create(path, 'new', before)).toBe(true);
  const { uid, gid, mode } = await stat(path);
  expect({ uid, gid, mode: mode & 0o777 }).toEqual({ uid: SERVICE, gid: SERVICE, mode: 0o600 });
});

const OURS = ["import { privateFiles } from './src/system/private-files.ts';", 'const files = privateFiles();'];

it('refuses, for anyone but root, a file of another user', async () => {
  const path = join(folder, 'service.env');
  await writeFile(path, 'SECRET=old\n', { mode: 0o600 });
  await chown(path, SERVICE, SERVICE);
  const stdout = await asAnother(
    folder,
    OURS,
    `await files.read(${JSON.stringify(path)}).catch((error) => console.log(error.code, error.message));`,
  );
  expect(stdout).toMatch(/^(SECRET_REFUSED|INPUT_UNREADABLE) /);
  expect(stdout).not.toContain('old');
});

it('says beforehand that a folder may not be written to', async () => {
  const path = join(folder, 'service.env');
  const stdout = await asAnother(folder, OURS, `console.log(await files.replaceable(${JSON.stringify(path)}));`);
  expect(stdout).toBe('its folder cannot be written to: EACCES');
});
