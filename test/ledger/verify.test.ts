import { createHash } from 'node:crypto';
import { readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { encodeEntry, MAX_ENTRY_BYTES, ZERO_HASH } from '../../src/ledger/encode.ts';
import type { EntryDraft } from '../../src/ledger/entry.ts';
import { EMPTY_HEAD, type Head, pathsOf, readHead, writeHead } from '../../src/ledger/head.ts';
import { openLedger } from '../../src/ledger/open.ts';
import type { ReadableFile } from '../../src/ledger/ports.ts';
import { readLastEntry } from '../../src/ledger/tail.ts';
import { readSnapshot, verifyLedger } from '../../src/ledger/verify.ts';
import { draft, ledgerOf, testPorts } from './support.ts';

const COUNT = 4;
const ports = testPorts();
let path: string;
let whole: Buffer;
let documents: readonly Buffer[];

beforeEach(async () => {
  path = await ledgerOf(COUNT);
  whole = await readFile(path);
  documents = documentsOf(whole);
});

function documentsOf(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const next = bytes.indexOf('\n---\n', at) + 1 || bytes.length;
    found.push(bytes.subarray(at, next));
    at = next;
  }
  return found;
}

/** A document with the hash that its changed bytes have. */
function rehashed(document: string): Buffer {
  const body = document.slice(0, document.lastIndexOf('hash: '));
  return Buffer.from(`${body}hash: sha256:${createHash('sha256').update(body).digest('hex')}\n`);
}

/** Verifies `bytes` in place of the ledger's; its head file is the one on the disk. */
async function verifyBytes(bytes: Uint8Array): ReturnType<typeof verifyLedger> {
  const file: ReadableFile = {
    size: async () => bytes.length,
    read: async (into, position) => {
      const part = bytes.subarray(position, position + into.length);
      into.set(part);
      return part.length;
    },
    close: async () => undefined,
  };
  return verifyLedger(path, { disk: { ...ports.disk, openRead: async () => file } });
}

/** The problems found in `bytes`, as text; fails when there are none. */
async function problemsIn(bytes: Uint8Array): Promise<string> {
  const found = await verifyBytes(bytes);
  if (found.ok) throw new Error('this ledger verifies');
  return found.problems.map(({ seq, line, what }) => `${seq ?? '-'}@${line}: ${what}`).join('\n');
}

/** Writes the head file as if the last `behind` entries had not been counted yet; gives what it says. */
async function setHead(behind: number): Promise<Head> {
  const hash = /hash: (sha256:[0-9a-f]{64})\n$/.exec(documents.at(-1 - behind)?.toString() ?? '')?.[1];
  const head = hash === undefined ? EMPTY_HEAD : { seq: COUNT - behind, hash };
  await writeFile(pathsOf(path).head, writeHead(head));
  return head;
}

/** Entries that chain rightly, as another program could write them. */
async function forge(drafts: readonly EntryDraft[], kind?: string): Promise<void> {
  let head = EMPTY_HEAD;
  const parts: Uint8Array[] = [];
  for (const entry of drafts) {
    const changed = kind === undefined ? entry : { ...entry, kind: kind as EntryDraft['kind'] };
    const encoded = encodeEntry(changed, { seq: head.seq + 1, at: '2026-11-21T12:00:00.000Z', prev: head.hash });
    parts.push(encoded.bytes);
    head = { seq: head.seq + 1, hash: encoded.hash };
  }
  await writeFile(path, Buffer.concat(parts));
  await writeFile(pathsOf(path).head, writeHead(head));
}

describe('a whole ledger', () => {
  it('verifies, with its number of entries and its head', async () => {
    const last = await readLastEntry(path, ports);
    const head = { seq: COUNT, hash: last?.hash };
    expect(await verifyLedger(path, ports)).toEqual({ ok: true, entries: COUNT, head, clockBack: [] });
  });

  it('that was never begun is whole and empty', async () => {
    await unlink(path);
    await unlink(pathsOf(path).head);
    expect(await verifyLedger(path, ports)).toEqual({ ok: true, entries: 0, head: EMPTY_HEAD, clockBack: [] });
    expect(await readLastEntry(path, ports)).toBeUndefined();
    expect(await readSnapshot(path, ports)).toMatchObject({ exists: false, entries: [], problems: [] });
  });

  it('tells where the clock was set back', async () => {
    const times = [5000, 7000, 6000, 6000, 9000];
    const ledger = await openLedger(`${path}.yaml`, { ...ports, clock: { now: () => times.shift() ?? 0 } });
    for (const step of ['a', 'b', 'c', 'd', 'e']) await ledger.append(draft(step));
    await ledger.close();
    expect(await verifyLedger(`${path}.yaml`, ports)).toMatchObject({ ok: true, clockBack: [3] });
  });

  it('verifies across the borders of the reading window', async () => {
    const long = 'x'.repeat(MAX_ENTRY_BYTES - 1000);
    await forge(Array.from({ length: 7 }, (_, n) => draft(`s${n}`, { text: n % 2 === 0 ? long : 'short' })));
    expect(await verifyLedger(path, ports)).toMatchObject({ ok: true, entries: 7 });
    const bytes = await readFile(path);
    bytes[bytes.length - 500_000] = 0x79;
    expect(await problemsIn(bytes)).toMatch(/^7@\d+: its bytes do not have its hash$/);
  });

  it('verifies while another process appends to it', async () => {
    const ledger = await openLedger(path, ports);
    let isOver = false;
    const writing = (async () => {
      for (let n = 0; n < 60; n += 1) await ledger.append(draft('more', { text: 'x'.repeat(5000) }));
      isOver = true;
    })();
    let looks = 0;
    while (!isOver) {
      expect(await verifyLedger(path, ports)).toMatchObject({ ok: true });
      looks += 1;
    }
    await writing;
    await ledger.close();
    expect(looks).toBeGreaterThan(3);
  });
});

describe('a ledger that was tampered with is refused', () => {
  it('at any byte that is flipped, in any of three ways', async () => {
    for (let at = 0; at < whole.length; at += 1) {
      for (const mask of [0x01, 0x20, 0x80]) {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] ?? 0) ^ mask;
        const found = await verifyBytes(bytes);
        if (found.ok) throw new Error(`byte ${at} with mask ${mask} was not noticed`);
        expect(found.problems.every(({ line }) => line >= 0)).toBe(true);
      }
    }
  });

  it('at any byte that is removed or put in', async () => {
    for (let at = 0; at < whole.length; at += 1) {
      const [before, after] = [whole.subarray(0, at), whole.subarray(at)];
      expect((await verifyBytes(Buffer.concat([before, after.subarray(1)]))).ok).toBe(false);
      expect((await verifyBytes(Buffer.concat([before, Buffer.from('0'), after]))).ok).toBe(false);
      expect((await verifyBytes(Buffer.concat([before, Buffer.from('\n'), after]))).ok).toBe(false);
    }
  });

  it('when an entry is removed, whichever', async () => {
    for (let gone = 0; gone < COUNT; gone += 1) {
      const problems = await problemsIn(Buffer.concat(documents.filter((_, index) => index !== gone)));
      if (gone < COUNT - 1) expect(problems).toContain(`seq ${gone + 2} where ${gone + 1} was expected`);
      else expect(problems).toContain(`the tail was cut: the head file names entry ${COUNT}, the ledger ends with 3`);
    }
  });

  it('when an entry stands twice, whichever and wherever', async () => {
    for (let which = 0; which < COUNT; which += 1) {
      for (let where = 0; where <= COUNT; where += 1) {
        const bytes = Buffer.concat(documents.toSpliced(where, 0, documents[which] ?? Buffer.alloc(0)));
        expect(await problemsIn(bytes)).toMatch(/where \d was expected/);
      }
    }
  });

  it('when two entries are swapped, whichever', async () => {
    for (let a = 0; a < COUNT; a += 1) {
      for (let b = a + 1; b < COUNT; b += 1) {
        const swapped = [...documents];
        [swapped[a], swapped[b]] = [documents[b] ?? Buffer.alloc(0), documents[a] ?? Buffer.alloc(0)];
        expect(await problemsIn(Buffer.concat(swapped))).toMatch(/where \d was expected/);
      }
    }
  });

  it('when it is cut anywhere, though the head file names what is gone', async () => {
    for (let length = 0; length < whole.length; length += 1) {
      expect((await verifyBytes(whole.subarray(0, length))).ok).toBe(false);
    }
  });

  it('when anything stands behind the last entry that is not the beginning of the next', async () => {
    const next = '---\nseq: 5\nat: "2026';
    for (const tail of [
      '\n',
      'x',
      '-',
      '--',
      '---',
      '---\n',
      '---\nseq: 4\n',
      '---\nseq: 55',
      '\0\0\0\0',
      `${next}\0`,
      `${next}\n---\n`,
      '...\n',
      '# end\n',
    ]) {
      const found = await verifyBytes(Buffer.concat([whole, Buffer.from(tail)]));
      expect([tail, found.ok]).toEqual([tail, next.startsWith(tail)]);
    }
  });

  it('with the number, the line and what is wrong', async () => {
    const offset = whole.indexOf('step-3');
    const bytes = Buffer.from(whole);
    bytes[offset] = 0x53;
    const line = whole.subarray(0, whole.indexOf('seq: 3')).toString().split('\n').length - 1;
    expect(await problemsIn(bytes)).toBe(`3@${line}: its bytes do not have its hash`);
  });

  it('when an entry is rewritten with a hash of its own that fits, by the entry after it', async () => {
    const changed = rehashed((documents[1] ?? '').toString().replace('step-2', 'step-9'));
    const bytes = Buffer.concat(documents.with(1, changed));
    expect(await problemsIn(bytes)).toMatch(/^3@\d+: its prev is not the hash of the entry before$/);
  });

  it('when an entry is of a kind that this version does not know, though its hash is right', async () => {
    await forge([draft('a'), draft('b')], 'prophecy');
    const found = await verifyLedger(path, ports);
    expect(found).toMatchObject({
      ok: false,
      problems: [{ seq: 1, what: expect.stringContaining('no "prophecy"') }, { seq: 2 }],
    });
    await expect(openLedger(path, ports)).rejects.toMatchObject({ code: 'LEDGER_BROKEN' });
  });

  it('when an entry is too long to be one', async () => {
    const problems = await problemsIn(
      Buffer.concat([whole, Buffer.from('---\nseq: 5\n'), Buffer.alloc(3 * MAX_ENTRY_BYTES, 'x')]),
    );
    expect(problems).toContain(`5@`);
  });
});

describe('the head file', () => {
  it('that is missing is refused, even beside an empty ledger', async () => {
    await unlink(pathsOf(path).head);
    expect(await problemsIn(whole)).toBe('-@0: the head file is missing');
    expect(await problemsIn(Buffer.alloc(0))).toBe('-@0: the head file is missing');
  });

  it.each([
    '',
    'seq: 4',
    'seq: 4\nhash: sha256:00\n',
    `seq: 04\nhash: ${ZERO_HASH}\n`,
    `seq: 4\nhash: ${ZERO_HASH}\n`,
    `seq: 0\nhash: ${ZERO_HASH.replace('0', '1')}\n`,
  ])('that reads %j is refused', async (text) => {
    expect(readHead(text)).toBeUndefined();
    await writeFile(pathsOf(path).head, text);
    expect(await problemsIn(whole)).toContain('the head file is unreadable');
  });

  it('that names another entry of the same number is refused', async () => {
    await writeFile(pathsOf(path).head, writeHead({ seq: COUNT, hash: `sha256:${'1'.repeat(64)}` }));
    expect(await problemsIn(whole)).toBe('4@0: entry 4 is not the one that the head file names');
  });

  it('that outlived its ledger is refused', async () => {
    await rename(path, `${path}.old`);
    expect(await verifyLedger(path, ports)).toMatchObject({
      ok: false,
      problems: [{ what: expect.stringContaining('the ledger file is missing') }],
    });
    await expect(openLedger(path, ports)).rejects.toMatchObject({ code: 'LEDGER_BROKEN' });
    await expect(readLastEntry(path, ports)).rejects.toMatchObject({ code: 'LEDGER_BROKEN' });
  });

  it('may be one whole entry behind, as a crash leaves it, and no more', async () => {
    await setHead(1);
    expect(await verifyBytes(whole)).toMatchObject({ ok: true, entries: COUNT });
    await setHead(2);
    expect(await problemsIn(whole)).toContain('more than a crash can leave');
  });

  it('tells a torn tail from a cut one, at every byte', async () => {
    const start = whole.length - (documents.at(-1)?.length ?? 0);
    const named = await setHead(1);
    for (let length = 0; length <= whole.length; length += 1) {
      const found = await verifyBytes(whole.subarray(0, length));
      const torn = { bytes: length - start, offset: start, seq: COUNT };
      if (length < start) expect(found.ok).toBe(false);
      else if (length === start) expect(found).toEqual({ ok: true, entries: COUNT - 1, head: named, clockBack: [] });
      else if (length < whole.length)
        expect(found).toEqual({ ok: true, entries: COUNT - 1, head: named, torn, clockBack: [] });
      else expect(found).toMatchObject({ ok: true, entries: COUNT });
    }
  });

  it('one entry behind with a torn tail besides is refused: no crash leaves that', async () => {
    await setHead(1);
    expect(await problemsIn(Buffer.concat([whole, Buffer.from('---\nseq: 5\n')]))).toContain(
      'more than a crash can leave',
    );
  });
});

describe('a look at a broken ledger', () => {
  it('gives the entries before the first problem, and the problems', async () => {
    const bytes = Buffer.from(whole);
    bytes[whole.indexOf('step-3')] = 0x53;
    await writeFile(path, bytes);
    const { entries, problems, exists } = await readSnapshot(path, ports);
    expect(exists).toBe(true);
    expect(entries.map(({ seq, step }) => [seq, step])).toEqual([
      [1, 'step-1'],
      [2, 'step-2'],
    ]);
    expect(problems).toMatchObject([{ seq: 3, what: 'its bytes do not have its hash' }]);
  });

  it('stops at a field that it does not know, though the chain is whole, and says the line', async () => {
    const future = (documents[1] ?? Buffer.alloc(0)).toString().replace('kind: intent\n', 'kind: intent\nmood: good\n');
    const second = rehashed(future);
    const hash = second.toString().trimEnd().slice(-71);
    await writeFile(path, Buffer.concat([documents[0] ?? Buffer.alloc(0), second]));
    await writeFile(pathsOf(path).head, writeHead({ seq: 2, hash }));
    expect(await verifyLedger(path, ports)).toMatchObject({ ok: true });
    const { entries, problems } = await readSnapshot(path, ports);
    const line = (documents[0] ?? '').toString().split('\n').length;
    expect([entries.length, problems]).toMatchObject([
      1,
      [{ seq: 2, line, what: expect.stringContaining('expected the fields') }],
    ]);
    const ledger = await openLedger(path, ports);
    await expect(ledger.entries()).rejects.toMatchObject({ code: 'LEDGER_BROKEN', at: { file: path, line } });
    await ledger.close();
  });

  it('gives a torn tail', async () => {
    await setHead(1);
    await writeFile(path, whole.subarray(0, whole.length - 3));
    expect(await readSnapshot(path, ports)).toMatchObject({ entries: { length: 3 }, problems: [], torn: { seq: 4 } });
  });
});

describe('the last entry', () => {
  it('comes from the tail, also when a torn one stands behind it', async () => {
    expect(await readLastEntry(path, ports)).toMatchObject({ seq: COUNT, step: 'step-4' });
    await writeFile(path, Buffer.concat([whole, Buffer.from('---\nseq: 5\nat: "2026')]));
    expect(await readLastEntry(path, ports)).toMatchObject({ seq: COUNT });
  });

  it('comes from the tail when it is longer than the first read', async () => {
    const ledger = await openLedger(path, ports);
    await ledger.append(draft('long', { text: 'x'.repeat(300_000) }));
    await ledger.append(draft('longer', { text: 'y'.repeat(900_000) }));
    await ledger.close();
    expect(await readLastEntry(path, ports)).toMatchObject({ seq: COUNT + 2, step: 'longer' });
  });

  it('is refused when the head file names a later one', async () => {
    await writeFile(path, Buffer.concat(documents.slice(0, -1)));
    await expect(readLastEntry(path, ports)).rejects.toMatchObject({ code: 'LEDGER_BROKEN' });
  });
});
