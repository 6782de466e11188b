import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAppendFile } from '../../src/practice/store/append-file.ts';
import { makeKeyspace } from '../../src/practice/store/keyspace.ts';
import { makeRespReader } from '../../src/practice/store/resp.ts';
import { startFleet } from './harness.ts';

describe('the reader of RESP', () => {
  const encode = (words: readonly string[]): string =>
    `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;

  it('reads the same commands however the bytes are cut', () => {
    const command = fc.array(fc.string({ unit: 'binary', maxLength: 20 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 5 }), fc.array(fc.nat({ max: 400 })), (commands, cuts) => {
        const bytes = Buffer.from(commands.map(encode).join(''));
        const reader = makeRespReader();
        const edges = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        const got = edges.slice(1).flatMap((edge, index) => reader.feed(bytes.subarray(edges[index], edge)));
        expect(got).toEqual(commands);
      }),
    );
  });

  it.each([
    ['a length that is no number', '*x\r\n'],
    ['too many words', '*33\r\n'],
    ['a negative length', '*-1\r\n'],
    ['a word that is too long', '*1\r\n$65537\r\n'],
    ['a word that is not announced', '*1\r\nPING\r\n'],
    ['a word with another end', '*1\r\n$4\r\nPINGxx'],
    ['a line without end', 'x'.repeat(65_537)],
  ])('refuses %s', (_name, text) => {
    expect(() => makeRespReader().feed(Buffer.from(text))).toThrow();
  });
});

describe('the append file', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'store-'));
    path = join(folder, 'nonces.jsonl');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('keeps what was set, drops what was removed or has ended, passes over a torn line, and is private', () => {
    const file = openAppendFile(
      path,
      makeKeyspace(() => 1000),
    );
    file.append(0, 'stays', { value: '1', expiresAt: 3000 });
    file.append(0, 'ends', { value: '1', expiresAt: 1999 });
    file.append(0, 'ends just now', { value: '1', expiresAt: 2000 });
    file.append(2, 'for good', { value: 'é\n"', expiresAt: undefined });
    file.append(0, 'goes', { value: '1', expiresAt: 3000 });
    file.append(0, 'goes', undefined);
    appendFileSync(path, '[0,"torn","1",30');
    const keys = makeKeyspace(() => 2000);
    openAppendFile(path, keys);
    expect([...keys.entries()]).toEqual([
      [0, 'stays', { value: '1', expiresAt: 3000 }],
      [0, 'ends just now', { value: '1', expiresAt: 2000 }],
      [2, 'for good', { value: 'é\n"', expiresAt: undefined }],
    ]);
    expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(4);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });
});

describe('the running store', () => {
  it('ends the connection of a peer that does not speak RESP, and goes on with the others', async () => {
    const fleet = await startFleet('--store', 'embedded');
    const reply = await new Promise<string>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: fleet.port('store') }, () => socket.write('*999999\r\n'));
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('error', reject);
      socket.on('end', () => resolve(text));
    });
    expect(reply).toBe('-ERR Protocol error: invalid multibulk length\r\n');
    expect((await fleet.status()).store.up).toBe(true);
    await fleet.stop();
  });
});
