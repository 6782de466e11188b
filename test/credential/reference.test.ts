import { describe, expect, it } from 'vitest';
import { generateSecret } from '../../src/credential/generate.ts';
import { readSecret, type SecretReference } from '../../src/credential/reference.ts';
import { reveal, Secret } from '../../src/credential/secret.ts';
import type { SecretSources } from '../../src/credential/sources.ts';
import { RotctlError } from '../../src/errors/rotctl-error.ts';
import { onlySources } from '../support/secret-sources.ts';

const COMMAND: SecretReference = { from: 'command', command: ['vault', 'kv', 'get'], deadlineMs: 1000, pass: [] };
const CANARY = 'CANARY-7f3a9c1e5b2d4f60';

function textOf(text: string, reference: SecretReference): Promise<Secret> {
  return readSecret(reference, onlySources({ read: async () => text }));
}

describe('a secret in a file', () => {
  it.each([
    ['abc', 'abc'],
    ['abc\n', 'abc'],
    ['abc\r\n', 'abc'],
    ['abc\n\n', 'abc\n'],
    [' abc ', ' abc '],
    ['abc ', 'abc '],
  ])('%j is the secret %j: one newline is stripped and nothing else', async (text, secret) => {
    expect(reveal(await textOf(text, { from: 'file', path: '/x' })).toString()).toBe(secret);
  });

  it.each(['', '\n', '\r\n'])('%j is refused', async (text) => {
    await expect(textOf(text, { from: 'file', path: '/x' })).rejects.toMatchObject({
      code: 'SECRET_REFUSED',
      position: '/x',
    });
  });
});

describe('a secret in an env file', () => {
  const place = { from: 'dotenv', path: '/x.env', variable: 'KEY' } as const;

  it.each([
    ['A=1\nKEY="abc"\n', undefined, 'abc'],
    ['KEY="{\\"c\\":{\\"keys\\":[\\"abc\\"]}}"', '/c/keys', 'abc'],
    ['KEY="{\\"c\\":\\"a\\\\u0062c\\"}"', '/c', 'abc'],
    ['KEY=\'{"c":["x","abc"]}\'', '/c/1', 'abc'],
  ])('%j at %j is %j', async (text, pointer, secret) => {
    const reference = pointer === undefined ? place : { ...place, pointer };
    expect(reveal(await textOf(text, reference)).toString()).toBe(secret);
  });

  it.each([
    ['not set', 'OTHER=1', undefined, 'SECRET_REFUSED'],
    ['empty', 'KEY=', undefined, 'SECRET_REFUSED'],
    ['empty in JSON', 'KEY=\'{"c":""}\'', '/c', 'SECRET_REFUSED'],
    ['nothing at the pointer', `KEY='{"d":"${CANARY}"}'`, '/c', 'SECRET_REFUSED'],
    ['a number at the pointer', 'KEY=\'{"c":5}\'', '/c', 'INPUT_INVALID'],
    ['several at the pointer', `KEY='{"c":["${CANARY}","y"]}'`, '/c', 'INPUT_INVALID'],
    ['none at the pointer', 'KEY=\'{"c":[]}\'', '/c', 'INPUT_INVALID'],
    ['no JSON', `KEY=${CANARY}`, '/c', 'INPUT_SYNTAX'],
    ['an open quote', `KEY="${CANARY}`, undefined, 'INPUT_SYNTAX'],
  ])('%s is refused without showing it', async (_, text, pointer, code) => {
    const reference = pointer === undefined ? place : { ...place, pointer };
    const error = await textOf(text, reference).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(RotctlError);
    expect(error).toMatchObject({ code });
    expect(`${error instanceof Error ? `${error.message} ${error.stack}` : ''}`).not.toContain(CANARY);
  });
});

describe('a secret in a JSON file', () => {
  const place = { from: 'json', path: '/x.json' } as const;

  it.each([
    ['{"c":{"hmac":"abc"}}', '/c/hmac', 'abc'],
    ['{"c":["abc"]}', '/c', 'abc'],
    ['{"a/b":"abc "}', '/a~1b', 'abc '],
  ])('%j at %j is %j', async (text, pointer, secret) => {
    expect(reveal(await textOf(text, { ...place, pointer })).toString()).toBe(secret);
  });

  it.each([
    ['nothing at the pointer', `{"d":"${CANARY}"}`, 'SECRET_REFUSED'],
    ['empty', '{"c":""}', 'SECRET_REFUSED'],
    ['a number', '{"c":12345}', 'INPUT_INVALID'],
    ['several', `{"c":["${CANARY}","y"]}`, 'INPUT_INVALID'],
    ['a key that stands twice', `{"c":"${CANARY}","c":"y"}`, 'INPUT_INVALID'],
    ['no JSON', CANARY, 'INPUT_SYNTAX'],
  ])('%s is refused with the file, without showing it', async (_, text, code) => {
    const error = await textOf(text, { ...place, pointer: '/c' }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code, at: { file: '/x.json' } });
    expect(`${error instanceof Error ? `${error.message} ${error.stack}` : ''}`).not.toContain(CANARY);
  });
});

describe('a secret elsewhere', () => {
  const rows: readonly (readonly [what: string, SecretReference, Partial<SecretSources>, string])[] = [
    ['a variable of the environment, as it is', { from: 'env', variable: 'KEY' }, { variable: () => 'abc\n' }, 'abc\n'],
    [
      'a descriptor, less one newline',
      { from: 'fd', fd: 3 },
      { descriptor: async () => Buffer.from('abc\n\n') },
      'abc\n',
    ],
    ['a command, less one newline', COMMAND, { commands: { ask: async () => Buffer.from('abc\r\n') } }, 'abc'],
    ['the sealed store', { from: 'sealed' }, { sealed: async () => Secret.fromText('abc') }, 'abc'],
  ];
  it.each(rows)('is read from %s', async (_, reference, some, text) => {
    expect(reveal(await readSecret(reference, onlySources(some), 'client-a')).toString()).toBe(text);
  });

  const refused: readonly (readonly [what: string, SecretReference, Partial<SecretSources>, RegExp])[] = [
    ['a variable that is not set', { from: 'env', variable: 'KEY' }, {}, /variable KEY of the environment is not set/],
    ['an empty variable', { from: 'env', variable: 'KEY' }, { variable: () => '' }, /KEY of the environment is empty/],
    [
      'an empty descriptor',
      { from: 'fd', fd: 3 },
      { descriptor: async () => Buffer.from('\n') },
      /descriptor 3 is empty/,
    ],
    [
      'a command without output',
      COMMAND,
      { commands: { ask: async () => Buffer.alloc(0) } },
      /output of vault is empty/,
    ],
    ['bytes that are no text', COMMAND, { commands: { ask: async () => Buffer.from([0xff]) } }, /vault is not UTF-8/],
    ['an empty store', { from: 'sealed' }, {}, /nothing is sealed for client-a/],
  ];
  it.each(refused)('is refused: %s', async (_, reference, some, message) => {
    await expect(readSecret(reference, onlySources(some), 'client-a')).rejects.toMatchObject({
      code: 'SECRET_REFUSED',
      message: expect.stringMatching(message),
    });
  });
});

describe('generateSecret', () => {
  it('asks for 256 random bits and writes them as hex', () => {
    const asked: number[] = [];
    const random = {
      hex: (bytes: number) => {
        asked.push(bytes);
        return 'ab'.repeat(bytes);
      },
    };
    expect(reveal(generateSecret(random)).toString()).toBe('ab'.repeat(32));
    expect(asked).toEqual([32]);
  });
});
