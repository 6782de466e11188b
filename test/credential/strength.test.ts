import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import { judgeCurrent, judgeNext, requireUsable } from '../../src/credential/strength.ts';

const GOOD = 'k8sJ2vQx0Zr7LmN4pT6wYb1cDf3gHh5j';
const none = { current: undefined, retired: [], others: [] };
const messagesOf = (text: string) => judgeNext(Secret.fromText(text), none).map((problem) => problem.message);

describe('the form of a next secret', () => {
  it.each([
    ['32 bytes', GOOD],
    ['64 hex digits', randomBytes(32).toString('hex')],
    ['64 bytes of base64', randomBytes(48).toString('base64')],
  ])('%s is accepted', (_, text) => {
    expect(judgeNext(Secret.fromText(text), none)).toEqual([]);
  });

  it.each([
    ['empty', '', 'it is empty'],
    ['31 bytes', GOOD.slice(1), 'it has 31 bytes, fewer than 32'],
    ['65 bytes', `${GOOD}${GOOD}x`, 'it has 65 bytes, more than 64'],
    ['whitespace only', ' '.repeat(40), 'it holds spaces or control characters'],
    ['a trailing newline', `${GOOD}\n`, 'it ends with a newline'],
    ['a trailing space', `${GOOD} `, 'it holds spaces or control characters'],
    ['an inner space', `${GOOD.slice(2)} xy`, 'it holds spaces or control characters'],
    ['a NUL', `${GOOD}\0`, 'it holds a NUL byte'],
    ['a composed letter', `${GOOD}\u00e9`, 'it holds characters outside ASCII'],
    ['a decomposed letter', `${GOOD}e\u0301`, 'it holds characters outside ASCII'],
    ['DEL', `${GOOD}\u007f`, 'it holds spaces or control characters'],
    ['one letter 32 times', 'a'.repeat(32), 'it has fewer than 8 different characters'],
    ['7 different characters', 'abcdefg'.repeat(5), 'it has fewer than 8 different characters'],
  ])('%s is refused', (_, text, message) => {
    expect(messagesOf(text)).toContain(message);
    expect(judgeNext(Secret.fromText(text), none).every((problem) => problem.severity === 'refuse')).toBe(true);
  });

  it.each(['"', "'", '\\', '$', '`', '#', ';', '&', '~', '!'])('the sign %s is refused', (sign) => {
    expect(messagesOf(`${GOOD}${sign}`)).toEqual([
      'it holds signs that readers of env files take differently; use letters, digits and _@%+=:,./-',
    ]);
  });

  it('of 8 different characters is accepted', () => {
    expect(messagesOf('abcdefgh'.repeat(4))).toEqual([]);
  });
});

describe('a next secret among others', () => {
  const current = Secret.fromText(GOOD);

  it('may not be the current one, nor one that signs like it', () => {
    const long = Secret.fromText('x'.repeat(65));
    const digest = Secret.fromBytes(createHash('sha256').update('x'.repeat(65)).digest());
    for (const [one, other] of [
      [current, Secret.fromText(GOOD)],
      [current, Secret.fromText(`${GOOD}\0`)],
      [long, digest],
    ] as const) {
      const messages = judgeNext(other, { ...none, current: one }).map((problem) => problem.message);
      expect(messages).toContain('it signs like the current secret');
    }
  });

  it('may not have been retired before, also with NUL bytes added', () => {
    const retired = [Secret.fromText('0'.repeat(40)).fingerprint, current.fingerprint];
    for (const text of [GOOD, `${GOOD}\0\0`]) {
      const messages = judgeNext(Secret.fromText(text), { ...none, retired }).map((problem) => problem.message);
      expect(messages).toContain('it was retired before');
    }
  });

  it('may not be shared with another client', () => {
    const others = [['client-b', Secret.fromText(GOOD)]] as const;
    expect(judgeNext(current, { ...none, others })).toEqual([
      { severity: 'refuse', message: 'client client-b has the same' },
    ]);
  });

  it('that is fresh has no problem', () => {
    const fresh = Secret.fromText(randomBytes(32).toString('hex'));
    const others = [['client-b', current]] as const;
    expect(judgeNext(fresh, { current, retired: [current.fingerprint], others })).toEqual([]);
  });
});

describe('the current secret', () => {
  it.each(['', '\0\0'])('%j is empty to HMAC, and refused', (text) => {
    expect(judgeCurrent(Secret.fromText(text))).toEqual([{ severity: 'refuse', message: 'it is empty' }]);
  });

  it.each(['short', `${GOOD}\n`, `${GOOD} x`, 'p\u00e4ssw\u00f6rd', `${GOOD}${GOOD}x`])(
    '%j is weak: a warning',
    (text) => {
      const problems = judgeCurrent(Secret.fromText(text));
      expect(problems.length).toBeGreaterThan(0);
      expect(new Set(problems.map((problem) => problem.severity))).toEqual(new Set(['warn']));
      expect(() => requireUsable(problems, 'current of client-a')).not.toThrow();
    },
  );

  it('shared with another client is refused', () => {
    expect(judgeCurrent(Secret.fromText(GOOD), [['client-b', Secret.fromText(GOOD)]])).toEqual([
      { severity: 'refuse', message: 'client client-b has the same' },
    ]);
  });
});

describe('requireUsable', () => {
  it('throws every refusing problem in one message, without the secret', () => {
    const text = 'hunter2 hunter2';
    const work = () => requireUsable(judgeNext(Secret.fromText(text), none), 'next of client-a');
    expect(work).toThrow('next of client-a: it has 15 bytes, fewer than 32; it holds spaces or control characters');
    expect(work).not.toThrow('hunter2');
    expect(work).toThrow(expect.objectContaining({ code: 'SECRET_REFUSED' }));
  });
});
