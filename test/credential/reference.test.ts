import { describe, expect, it } from 'vitest';
import { generateSecret } from '../../src/credential/generate.ts';
import { readSecret, type SecretReference } from '../../src/credential/reference.ts';
import { reveal, type Secret } from '../../src/credential/secret.ts';
import { RotctlError } from '../../src/errors/rotctl-error.ts';

const CANARY = 'CANARY-7f3a9c1e5b2d4f60';

function textOf(text: string, reference: SecretReference): Promise<Secret> {
  return readSecret(reference, { read: async () => text });
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
