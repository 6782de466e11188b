import { appendFile, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RotctlError } from '../../src/errors/rotctl-error.ts';
import type { Entry } from '../../src/ledger/entry.ts';
import { pathsOf } from '../../src/ledger/head.ts';
import { openLedger } from '../../src/ledger/open.ts';
import type { LedgerDisk, LedgerPorts } from '../../src/ledger/ports.ts';
import { readSnapshot, verifyLedger } from '../../src/ledger/verify.ts';
import { type RawIo, systemIo } from '../../src/system/files.ts';
import { draft, ledgerOf, temporaryFolder, testPorts } from './support.ts';

async function newPath(): Promise<string> {
  return join(await temporaryFolder(), 'rotation-ledger.yaml');
}

function errno(code: string): Error {
  return Object.assign(new Error(`${code}: planted`), { code });
}

/** The real disk that counts every call which changes something, and dies instead of the `limit`th. */
function mortalPorts(limit: number): { readonly ports: LedgerPorts; readonly calls: string[] } {
  const { disk, clock } = testPorts();
  const calls: string[] = [];
  const step = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    if (calls.length >= limit) throw errno('EIO');
    calls.push(name);
    return work();
  };
  const mortal: LedgerDisk = {
    ...disk,
    openAppend: async (path) => {
      const file = await disk.openAppend(path);
      return {
        ...file,
        append: (bytes) => step('append', () => file.append(bytes)),
        sync: () => step('sync', () => file.sync()),
        truncate: (length) => step('truncate', () => file.truncate(length)),
      };
    },
    create: (path) => step('create', () => disk.create(path)),
    rewrite: (...call) => step('rewrite', () => disk.rewrite(...call)),
    replace: (path, content) => step(`replace ${path.replace(/^.*\./, '.')}`, () => disk.replace(path, content)),
    remove: (path) => step('remove', () => disk.remove(path)),
  };
  return { ports: { disk: mortal, clock }, calls };
}

describe('appending', () => {
  it('gives the entry as it is read back, and moves the head', async () => {
    const path = await newPath();
    const ledger = await openLedger(path, testPorts());
    const first = await ledger.append(draft('a', { n: 1 }));
    const second = await ledger.append({ ...draft('b'), step: null });
    expect(first).toMatchObject({ seq: 1, at: '2026-11-21T12:00:01.000Z', step: 'a', data: { n: 1 } });
    expect(second).toMatchObject({ seq: 2, prev: first.hash, step: null });
    expect(ledger.head).toEqual({ seq: 2, hash: second.hash });
    expect(await ledger.lastEntry()).toEqual(second);
    expect(await ledger.entries()).toEqual([first, second]);
    await ledger.close();
  });

  it('makes the files for us alone', async () => {
    const path = await ledgerOf(1);
    for (const file of [path, pathsOf(path).head]) expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(basename(pathsOf(path).head)).toBe('rotation-ledger.head');
  });

  it('puts concurrent appends one after the other, in the order in which they were asked', async () => {
    const ledger = await openLedger(await newPath(), testPorts());
    const asked = Array.from({ length: 40 }, (_, n) => ledger.append(draft(`s-${n}`)));
    const entries = await Promise.all(asked);
    expect(entries.map(({ seq, step }) => [seq, step])).toEqual(entries.map((_, n) => [n + 1, `s-${n}`]));
    expect(await ledger.entries()).toEqual(entries);
    await ledger.close();
  });

  it('goes on where it was left', async () => {
    const path = await ledgerOf(3);
    const ledger = await openLedger(path, testPorts());
    expect(ledger.torn).toBeUndefined();
    expect(await ledger.append(draft('d'))).toMatchObject({ seq: 4 });
    await ledger.close();
    expect(await verifyLedger(path, testPorts())).toMatchObject({ ok: true, entries: 4 });
  });

  it('fsyncs the entry, then the head file, then the folder, and nothing else', async () => {
    const path = await newPath();
    const calls: string[] = [];
    const io: RawIo = {
      write: (handle, bytes, position) => {
        calls.push(`write ${bytes.length > 200 ? 'entry' : 'head'}`);
        return systemIo.write(handle, bytes, position);
      },
      sync: async (handle, file) => {
        calls.push(`fsync ${file.endsWith('.tmp') ? 'head' : basename(file) === basename(path) ? 'entry' : 'folder'}`);
        await systemIo.sync(handle, file);
      },
    };
    const ledger = await openLedger(path, testPorts(io));
    calls.length = 0;
    await ledger.append(draft('a'));
    expect(calls).toEqual(['write entry', 'fsync entry', 'write head', 'fsync head', 'fsync folder']);
    await ledger.close();
  });

  it('refuses a draft that the ledger cannot hold, and takes the next', async () => {
    const ledger = await openLedger(await newPath(), testPorts());
    await expect(ledger.append(draft('a', { n: Number.NaN }))).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await ledger.append(draft('b'))).toMatchObject({ seq: 1 });
    await ledger.close();
  });

  it('refuses after it was closed', async () => {
    const ledger = await openLedger(await newPath(), testPorts());
    await ledger.close();
    await expect(ledger.append(draft('a'))).rejects.toMatchObject({ code: 'LEDGER_WRITE_FAILED' });
  });

  it('refuses when somebody else wrote to the file', async () => {
    const path = await ledgerOf(2);
    const ledger = await openLedger(path, testPorts());
    await appendFile(path, 'x');
    await expect(ledger.append(draft('a'))).rejects.toThrow(/another writer/);
    await ledger.close();
  });
});

describe('a disk that fails', () => {
  it('with short writes is written to until all is there', async () => {
    const path = await newPath();
    const io: RawIo = {
      ...systemIo,
      write: (handle, bytes, position) => systemIo.write(handle, bytes.subarray(0, 7), position),
    };
    const ledger = await openLedger(path, testPorts(io));
    for (const step of ['a', 'b', 'c']) await ledger.append(draft(step));
    await ledger.close();
    expect(await verifyLedger(path, testPorts())).toMatchObject({ ok: true, entries: 3 });
  });

  it('with a write that takes nothing is not asked forever', async () => {
    const io: RawIo = {
      ...systemIo,
      write: async (handle, bytes, position) => (bytes.length < 200 ? systemIo.write(handle, bytes, position) : 0),
    };
    const ledger = await openLedger(await newPath(), testPorts(io));
    await expect(ledger.append(draft('a'))).rejects.toMatchObject({ code: 'LEDGER_WRITE_FAILED' });
    await ledger.close();
  });

  it('in mid-entry leaves a torn tail; the handle takes nothing more, and the next opening tells of it', async () => {
    const path = await ledgerOf(2);
    let room = 100;
    const io: RawIo = {
      ...systemIo,
      write: async (handle, bytes, position) => {
        if (position === null && room === 0) throw errno('ENOSPC');
        const taken = position === null ? bytes.subarray(0, room) : bytes;
        if (position === null) room -= taken.length;
        return systemIo.write(handle, taken, position);
      },
    };
    const ledger = await openLedger(path, testPorts(io));
    await expect(ledger.append(draft('a'))).rejects.toMatchObject({
      code: 'LEDGER_WRITE_FAILED',
      message: expect.stringContaining('ENOSPC'),
    });
    room = 100_000;
    await expect(ledger.append(draft('b'))).rejects.toThrow(/nothing is appended after an earlier failure/);
    await ledger.close();
    expect(await verifyLedger(path, testPorts())).toMatchObject({ ok: true, entries: 2, torn: { bytes: 100, seq: 3 } });

    const again = await openLedger(path, testPorts());
    expect(again.torn).toBe('torn tail: 100 bytes of entry 3, left by a crash in mid-write, were cut off');
    expect(await again.lastEntry()).toMatchObject({
      seq: 3,
      kind: 'checkpoint',
      rotation: 'r-1',
      phase: 'opening',
      step: null,
      data: { tornBytes: 100 },
    });
    await again.close();
    expect(await verifyLedger(path, testPorts())).toMatchObject({ ok: true, entries: 3 });
  });

  it('at fsync is not believed, and an entry whose fsync failed is written once more before it counts', async () => {
    const path = await ledgerOf(2);
    const io: RawIo = {
      ...systemIo,
      sync: async (handle, file) => (file === path ? Promise.reject(errno('EIO')) : systemIo.sync(handle, file)),
    };
    const ledger = await openLedger(path, testPorts(io));
    await expect(ledger.append(draft('a'))).rejects.toMatchObject({ code: 'LEDGER_WRITE_FAILED' });
    await expect(ledger.append(draft('a'))).rejects.toMatchObject({ code: 'LEDGER_WRITE_FAILED' });
    await ledger.close();

    const { ports, calls } = mortalPorts(Number.POSITIVE_INFINITY);
    const again = await openLedger(path, ports);
    expect(calls).toEqual(['rewrite', 'replace .head']);
    expect(again.head.seq).toBe(3);
    await again.close();
    expect(await verifyLedger(path, ports)).toMatchObject({ ok: true, entries: 3 });
  });

  it('when it cannot be put right leaves all as it was', async () => {
    const path = await ledgerOf(2);
    await appendFile(path, '---\nseq: 3\nat');
    const io: RawIo = { ...systemIo, write: () => Promise.reject(errno('EROFS')) };
    await expect(openLedger(path, testPorts(io))).rejects.toMatchObject({
      code: 'LEDGER_WRITE_FAILED',
      message: expect.stringContaining('EROFS'),
    });
    expect(await verifyLedger(path, testPorts())).toMatchObject({ ok: true, entries: 2, torn: { bytes: 13 } });
  });
});

describe('a death between any two changes of the disk', () => {
  /** Opens, appends three entries, each said once it is durable; dies where the ports die. */
  async function run(path: string, ports: LedgerPorts, said: Entry[]): Promise<void> {
    const ledger = await openLedger(path, ports);
    try {
      for (const step of ['a', 'b', 'c']) said.push(await ledger.append(draft(step)));
    } finally {
      await ledger.close();
    }
  }

  async function afterDeathAt(limit: number, prepare: (path: string) => Promise<void>): Promise<boolean> {
    const path = await newPath();
    await prepare(path);
    const said: Entry[] = [];
    const { ports } = mortalPorts(limit);
    const isAlive = await run(path, ports, said).then(
      () => true,
      (error) => {
        if (!(error instanceof RotctlError)) throw error;
        return false;
      },
    );
    expect(await verifyLedger(path, testPorts())).toMatchObject({ ok: true });
    const again = await openLedger(path, testPorts());
    const entries = await again.entries();
    for (const entry of said) expect(entries).toContainEqual(entry);
    await again.append(draft('after'));
    await again.close();
    const found = await readSnapshot(path, testPorts());
    expect([found.problems, found.torn]).toEqual([[], undefined]);
    return isAlive;
  }

  it('of a new ledger loses nothing that was said, and leaves a ledger that goes on', async () => {
    let limit = 0;
    while (!(await afterDeathAt(limit, async () => undefined))) limit += 1;
    expect(limit).toBe(2 + 3 * 3);
  });

  it('of a ledger with a torn tail tells of the tail exactly once', async () => {
    const tell = async (path: string) => {
      const checkpoints = (await readSnapshot(path, testPorts())).entries.filter(({ kind }) => kind === 'checkpoint');
      expect(checkpoints.map(({ data }) => data.tornBytes)).toEqual([13]);
    };
    let last = '';
    const prepare = async (path: string) => {
      if (last !== '') await tell(last);
      last = path;
      const ledger = await openLedger(path, testPorts());
      await ledger.append(draft('before'));
      await ledger.close();
      await appendFile(path, '---\nseq: 2\nat');
    };
    let limit = 0;
    while (!(await afterDeathAt(limit, prepare))) limit += 1;
    await tell(last);
    expect(limit).toBe(3 + 3 + 1 + 3 * 3);
  });

  it('in the very first entry is told of once there is a rotation to tell it in', async () => {
    const path = await newPath();
    await (await openLedger(path, testPorts())).close();
    await appendFile(path, '---\nseq: 1\n');
    const ledger = await openLedger(path, testPorts());
    expect([ledger.torn !== undefined, ledger.head.seq, await ledger.lastEntry()]).toEqual([true, 0, undefined]);
    await ledger.append(draft('a'));
    expect((await ledger.entries()).map(({ kind, data }) => [kind, data.tornBytes])).toEqual([
      ['checkpoint', 11],
      ['intent', undefined],
    ]);
    await ledger.close();
    expect(await readFile(pathsOf(path).torn).catch(() => 'gone')).toBe('gone');
  });
});

describe('opening refuses', () => {
  it('a broken ledger, with the line', async () => {
    const path = await ledgerOf(3);
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('step-2', 'step-9'));
    const line = text.slice(0, text.indexOf('seq: 2')).split('\n').length - 1;
    await expect(openLedger(path, testPorts())).rejects.toMatchObject({
      code: 'LEDGER_BROKEN',
      at: { file: path, line },
    });
  });

  it('a folder and a link', async () => {
    const path = await ledgerOf(1);
    await expect(openLedger(dirname(path), testPorts())).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
    const { symlink } = await import('node:fs/promises');
    await symlink(path, `${path}.link`);
    await expect(openLedger(`${path}.link`, testPorts())).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
  });
});
