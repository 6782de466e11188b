import { chmod, chown, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { privateFiles } from '../../src/system/files.ts';

/** Any user that is not root: the files' owner, no process runs as it. */
const SERVICE = 4711;
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

/** Runs a line of code, which has `files`, as a user who is neither root nor the owner of the folder. */
async function asAnother(line: string): Promise<string> {
  if (process.getuid?.() !== 0) throw new Error('this test needs root: it works as other users');
  await chmod(folder, 0o755);
  const program = join(folder, 'program.mjs');
  await build({
    stdin: {
      contents: `import { privateFiles } from './src/system/files.ts';
        process.setuid(${SERVICE + 1});
        const files = privateFiles();
        ${line}`,
      resolveDir: process.cwd(),
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: program,
  });
  return (await execa(process.execPath, [program])).stdout;
}

it('refuses, for anyone but root, a file of another user', async () => {
  const path = join(folder, 'service.env');
  await writeFile(path, 'SECRET=old\n', { mode: 0o600 });
  await chown(path, SERVICE, SERVICE);
  const stdout = await asAnother(
    `await files.read(${JSON.stringify(path)}).catch((error) => console.log(error.code, error.message));`,
  );
  expect(stdout).toMatch(/^(SECRET_REFUSED|INPUT_UNREADABLE) /);
  expect(stdout).not.toContain('old');
});

it('says beforehand that a folder may not be written to', async () => {
  const path = join(folder, 'service.env');
  const stdout = await asAnother(`console.log(await files.replaceable(${JSON.stringify(path)}));`);
  expect(stdout).toBe('its folder cannot be written to: EACCES');
});
