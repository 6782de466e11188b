import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import { generateInForm, keyBytes, keyIdIn, requireForm, type SecretForm } from '../../src/credential/secret-form.ts';
import { judgeCurrent, judgeNext } from '../../src/credential/strength.ts';
import { refusalFrom } from '../support/refusal.ts';

const PLAIN: SecretForm = {
  ...{ text: '{key}', before: '', between: undefined, after: '' },
  ...{ encoding: 'utf8', digestBytes: 32, blockBytes: 64 },
};
const HOOK: SecretForm = { ...PLAIN, text: 'whsec_{key}', before: 'whsec_', encoding: 'base64' };
const NAMED: SecretForm = { ...PLAIN, text: '{keyId}:{key}', between: ':', encoding: 'hex' };
const random = { hex: (bytes: number) => randomBytes(bytes).toString('hex') };
const KEY = randomBytes(32);

describe('the key in a secret', () => {
  it.each([
    ['a text as it is', PLAIN, 'a text', Buffer.from('a text')],
    ['after a prefix, in base64', HOOK, `whsec_${KEY.toString('base64')}`, KEY],
    ['after a key id, in hex', NAMED, `k1:${KEY.toString('hex')}`, KEY],
    ['of another form, decoded all the same: a negative control', HOOK, KEY.toString('base64'), KEY],
    ['of another form, that cannot be decoded: its own bytes', NAMED, 'changeme', Buffer.from('changeme')],
    ['empty', HOOK, '', Buffer.alloc(0)],
  ])('%s', (_, form, text, key) => {
    expect(keyBytes(Secret.fromText(text), form)).toEqual(key);
  });

  it('has its key id where the form has one', () => {
    expect(keyIdIn(Secret.fromText(`k1:${KEY.toString('hex')}`), NAMED)).toBe('k1');
    expect(keyIdIn(Secret.fromText(KEY.toString('hex')), NAMED)).toBeUndefined();
  });

  it.each([
    ['without its prefix', HOOK, KEY.toString('base64'), 'x: it is not of the form whsec_{key}'],
    ['that is not base64', HOOK, 'whsec_not base64', 'x: its key is not base64'],
    ['without a key id', NAMED, KEY.toString('hex'), 'x: it is not of the form {keyId}:{key}'],
  ])('%s is refused, without its text', (_, form, text, message) => {
    expect(refusalFrom(() => requireForm(Secret.fromText(text), form, 'x'))).toMatchObject({
      code: 'SECRET_REFUSED',
      message,
    });
  });
});

describe('a fresh secret in a form', () => {
  it.each([
    ['utf8', PLAIN, 64],
    ['base64 after a prefix', HOOK, 32],
    ['hex after a key id', NAMED, 32],
    ['utf8 of HMAC-SHA512', { ...PLAIN, digestBytes: 64, blockBytes: 128 }, 64],
    ['base64url of HMAC-SHA512', { ...PLAIN, encoding: 'base64url', digestBytes: 64, blockBytes: 128 }, 64],
  ] as const)('%s has the form, and a key that is strong enough', (_, form, bytes) => {
    const fresh = generateInForm(random, form);
    requireForm(fresh, form, 'fresh');
    expect(keyBytes(fresh, form)).toHaveLength(bytes);
    expect(judgeNext(fresh, { current: undefined, retired: [], others: [] }, form)).toEqual([]);
  });
});

describe('secrets are judged by their keys', () => {
  it('of 64 bytes in base64 is not too long, of 16 bytes too short', () => {
    const judge = (bytes: number) => {
      const secret = Secret.fromText(`whsec_${randomBytes(bytes).toString('base64')}`);
      return judgeCurrent(secret, [], HOOK).map(({ message }) => message);
    };
    expect(judge(64)).toEqual([]);
    expect(judge(24)).toEqual([]);
    expect(judge(16)).toEqual(['it has 16 bytes, fewer than 24']);
  });

  it('two texts of one key are one secret', () => {
    const [with_, without] = [`k1:${KEY.toString('hex')}`, `k2:${KEY.toString('hex').toUpperCase()}`].map((text) =>
      Secret.fromText(text),
    ) as [Secret, Secret];
    const judged = judgeNext(without, { current: with_, retired: [], others: [['other', with_]] }, NAMED);
    expect(judged.map(({ message }) => message)).toEqual([
      'it signs like the current secret',
      'client other has the same',
    ]);
  });
});
