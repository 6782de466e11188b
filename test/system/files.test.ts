import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createFile, type RawIo, removeFile, replaceFile, systemIo, writeAll } from '../../src/system/files.ts';
import { appendable } from '../../src/system/ledger-disk.ts';
import { privateFiles } from '../../src/system/private-files.ts';
import { readTextFile } from '../../src/system/read-files.ts';

const MIB = 1024 * 1024;
const { read, replace } = privateFiles();
let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rotctl-files-'));
  path = join(folder, 'signer.env');
  await writeFile(path, 'A="1"\n', { mode: 0o600 });
  return () => rm(folder, { recursive: true, force: true });
});

function errno(code: string): Error {
  return Object.assign(new Error(`${code}: planted`), { code });
}

describe('a private file', () => {
  it('is read', async () => {
    expect(await read(path)).toBe('A="1"\n');
  });

  const refused: readonly (readonly [string, () => Promise<unknown>, string, RegExp])[] = [
    ['is missing', () => unlink(path), 'INPUT_UNREADABLE', /no such file/],
    ['is open to the group', () => chmod(path, 0o640), 'SECRET_REFUSED', /mode 0640 opens it to others/],
    ['is open to all', () => chmod(path, 0o604), 'SECRET_REFUSED', /mode 0604/],
    ['may be run by others', () => chmod(path, 0o601), 'SECRET_REFUSED', /mode 0601/],
    ['is a folder', () => unlink(path).then(() => mkdir(path)), 'INPUT_UNREADABLE', /got a folder/],
    [
      'is a FIFO, without hanging',
      () => unlink(path).then(() => execFileSync('mkfifo', ['-m', '600', path])),
      'INPUT_UNREADABLE',
      /got a FIFO/,
    ],
    [
      'is a link to a good file',
      () =>
        link(path, `${path}.1`)
          .then(() => unlink(path))
          .then(() => symlink(`${path}.1`, path)),
      'INPUT_UNREADABLE',
      /symbolic link/,
    ],
    ['is a device', () => unlink(path).then(() => symlink('/dev/zero', path)), 'INPUT_UNREADABLE', /symbolic link/],
    [
      'is larger than 1 MiB',
      () => writeFile(path, Buffer.alloc(MIB + 1, 'a')),
      'INPUT_UNREADABLE',
      /1048577 bytes, at most 1048576/,
    ],
    ['is not UTF-8', () => writeFile(path, Buffer.from([0x61, 0xff])), 'INPUT_UNREADABLE', /not UTF-8/],
    [
      'is cut inside a character',
      () => writeFile(path, Buffer.from('é').subarray(0, 1)),
      'INPUT_UNREADABLE',
      /not UTF-8/,
    ],
    ['holds a NUL byte', () => writeFile(path, 'secret\0'), 'INPUT_UNREADABLE', /NUL/],
    [
      'has a folder in its path that is a file',
      () =>
        unlink(path)
          .then(() => writeFile(path, ''))
          .then(() => {
            path = join(path, 'x');
          }),
      'INPUT_UNREADABLE',
      /ENOTDIR/,
    ],
  ];
  it.each(refused)(
    'that %s is refused, with the file and without its content',
    async (_what, prepare, code, message) => {
      await prepare();
      await expect(read(path)).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
        at: { file: path },
      });
    },
  );

  it('that is a device is refused by what it is', async () => {
    await expect(read('/dev/zero')).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: expect.stringContaining('got a device'),
    });
  });

  it('of exactly 1 MiB is read', async () => {
    await writeFile(path, 'a'.repeat(MIB));
    expect(await read(path)).toHaveLength(MIB);
  });

  it('is replaced by one that is ours alone, whatever its mode was, and leaves no temporary file', async () => {
    await chmod(path, 0o644);
    await replace(path, 'A="2"\n');
    expect([await read(path), (await stat(path)).mode & 0o777, await readdir(folder)]).toEqual([
      'A="2"\n',
      0o600,
      ['signer.env'],
    ]);
  });

  it('takes the place of what killed processes left, and of nothing else', async () => {
    const left = [
      '.signer.env.4206649-1.tmp',
      `.signer.env.${process.pid}-99999.tmp`,
      '.signer.env.mine',
      '.other.env.4206649-1.tmp',
    ];
    for (const name of left) await writeFile(join(folder, name), 'secret');
    await replace(path, 'new');
    expect((await readdir(folder)).toSorted()).toEqual([...left.slice(1), 'signer.env'].toSorted());
  });

  it.each(['ENOSPC', 'EIO'])(
    'stays as it was when a write ends with %s, and nothing is left beside it',
    async (code) => {
      const io: RawIo = { ...systemIo, write: async () => Promise.reject(errno(code)) };
      await expect(privateFiles(io).replace(path, 'new')).rejects.toMatchObject({
        code: 'DRIVER_FAILED',
        message: expect.stringContaining(code),
      });
      expect([await read(path), await readdir(folder)]).toEqual(['A="1"\n', ['signer.env']]);
    },
  );

  it('stays as it was when the fsync fails', async () => {
    const io: RawIo = { ...systemIo, sync: async () => Promise.reject(errno('EIO')) };
    await expect(privateFiles(io).replace(path, 'new')).rejects.toMatchObject({ code: 'DRIVER_FAILED' });
    expect([await read(path), await readdir(folder)]).toEqual(['A="1"\n', ['signer.env']]);
  });

  it('cannot take the place of a folder', async () => {
    await expect(replace(folder, 'new')).rejects.toMatchObject({ code: 'DRIVER_FAILED', at: { file: folder } });
    expect(
      (await readdir(tmpdir())).filter((name) => name.includes('.tmp') && name.includes(folder.slice(-6))),
    ).toEqual([]);
  });
});

describe('a text file', () => {
  it('loses its byte order mark and may be open to others', async () => {
    await writeFile(path, '\ufeffname: é\r\n');
    await chmod(path, 0o644);
    expect(await readTextFile(path)).toBe('name: é\r\n');
  });

  it('may be reached by a link', async () => {
    await symlink(path, `${path}.link`);
    expect(await readTextFile(`${path}.link`)).toBe('A="1"\n');
  });

  const refused: readonly (readonly [string, () => Promise<unknown>, RegExp])[] = [
    ['is not UTF-8', () => writeFile(path, Buffer.from([0xc3, 0x28])), /not UTF-8/],
    ['holds a NUL byte', () => writeFile(path, 'a\0b'), /NUL/],
    ['is UTF-16', () => writeFile(path, Buffer.from('\ufeffab', 'utf16le')), /not UTF-8/],
    ['is missing', () => unlink(path), /no such file/],
    ['is a FIFO', () => unlink(path).then(() => execFileSync('mkfifo', [path])), /FIFO/],
    ['is larger than 16 MiB', () => writeFile(path, Buffer.alloc(16 * MIB + 1, 'a')), /at most 16777216/],
  ];
  it.each(refused)('that %s is refused', async (_what, prepare, message) => {
    await prepare();
    await expect(readTextFile(path)).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: expect.stringMatching(message),
      at: { file: path },
    });
  });
});

describe('a durable write', () => {
  it('is fsynced before it is renamed, and the folder after', async () => {
    const seen: string[] = [];
    const io: RawIo = {
      ...systemIo,
      sync: async (handle, file) => {
        seen.push(`${file === folder ? 'folder' : 'temporary'} ${await readFile(path, 'utf8')}`);
        await systemIo.sync(handle, file);
      },
    };
    await replaceFile(path, 'new', io);
    expect(seen).toEqual(['temporary A="1"\n', 'folder new']);
  });

  it('goes on after short writes', async () => {
    const io: RawIo = {
      ...systemIo,
      write: (handle, bytes, position) => systemIo.write(handle, bytes.subarray(0, 3), position),
    };
    await replaceFile(path, 'a text that takes several writes', io);
    expect(await readFile(path, 'utf8')).toBe('a text that takes several writes');
  });

  it('to a device that is full says so', async () => {
    const handle = await open('/dev/full', 'a');
    onTestFinished(() => handle.close());
    const file = appendable(handle, '/dev/full', systemIo);
    await expect(file.append(Buffer.from('entry'))).rejects.toMatchObject({ code: 'ENOSPC' });
  });

  it('that the system really cuts short goes on, and then says why', async () => {
    const program = join(folder, 'writer.mjs');
    const source = `
      import { open } from 'node:fs/promises';
      import { systemIo, writeAll } from ${JSON.stringify(new URL('../../src/system/files.ts', import.meta.url).pathname)};
      const sizes = [];
      const io = { ...systemIo, write: async (...call) => { const n = await systemIo.write(...call); sizes.push(n); return n; } };
      process.on('SIGXFSZ', () => undefined);
      const handle = await open(${JSON.stringify(join(folder, 'limited'))}, 'a', 0o600);
      const end = await writeAll(handle, Buffer.alloc(10_000, 'x'), null, io).then(() => 'written', (error) => error.code);
      console.log(JSON.stringify({ sizes, end }));`;
    await build({
      stdin: { contents: source, loader: 'ts', resolveDir: folder },
      outfile: program,
      bundle: true,
      format: 'esm',
      platform: 'node',
      logLevel: 'error',
    });
    // the limit is in blocks of 512 bytes, by POSIX; some shells count 1024
    const child = spawnSync('sh', ['-c', `ulimit -f 8; exec "${process.execPath}" "${program}"`], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH ?? '' },
    });
    const { sizes, end } = JSON.parse(child.stdout);
    expect([sizes.length, end]).toEqual([1, 'EFBIG']);
    expect([4096, 8192]).toContain(sizes[0]);
    expect((await stat(join(folder, 'limited'))).size).toBe(sizes[0]);
  });

  it('that makes no progress ends', async () => {
    const handle = await open(path, 'a');
    onTestFinished(() => handle.close());
    await expect(writeAll(handle, Buffer.from('abc'), null, { ...systemIo, write: async () => 0 })).rejects.toThrow(
      'a write took none of 3 bytes',
    );
  });
});

describe('a file made exclusively', () => {
  it('is whole, ours alone, and made once', async () => {
    const file = join(folder, 'lock');
    expect(await Promise.all([createFile(file, 'one'), createFile(file, 'two'), createFile(file, 'three')])).toEqual(
      expect.arrayContaining([true, false, false]),
    );
    const stats = await lstat(file);
    expect([stats.mode & 0o777, stats.nlink, (await readdir(folder)).toSorted()]).toEqual([
      0o600,
      1,
      ['lock', 'signer.env'],
    ]);
    expect(['one', 'two', 'three']).toContain(await readFile(file, 'utf8'));
  });

  it('is removed once, and removing it again is no error', async () => {
    await removeFile(path);
    await removeFile(path);
    expect(await readdir(folder)).toEqual([]);
  });
});
