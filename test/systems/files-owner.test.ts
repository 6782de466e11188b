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

/** A file of one service user, asked for by a process of another. */
it('refuses, for anyone but root, a file of another user', async () => {
  if (process.getuid?.() !== 0) throw new Error('this test needs root: it works as other users');
  const path = join(folder, 'service.env');
  await writeFile(path, 'SECRET=old\n', { mode: 0o600 });
  await chown(path, SERVICE, SERVICE);
  await chmod(folder, 0o755);
  const program = join(folder, 'read.mjs');
  await build({
    stdin: {
      contents: `import { privateFiles } from './src/system/files.ts';
        process.setuid(${SERVICE + 1});
        await privateFiles().read(${JSON.stringify(path)}).catch((error) => console.log(error.code, error.message));`,
      resolveDir: process.cwd(),
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: program,
  });
  const { stdout } = await execa(process.execPath, [program]);
  expect(stdout).toMatch(/^(SECRET_REFUSED|INPUT_UNREADABLE) /);
  expect(stdout).not.toContain('old');
});
