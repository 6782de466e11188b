import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { keyringCanonicalString, keyringSignature } from '../../src/protocol/keyring-v1.ts';

const request = {
  timestamp: '1770984000000',
  nonce: '00112233445566778899aabbccddeeff',
  method: 'POST',
  path: '/v1/sign/session-transaction',
  body: Buffer.from('{"probe":true}'),
};
const secret = Buffer.from('rotctl-test-secret-0123456789abcdef0123456789abcdef');

describe('the signed string and the signature of keyring-v1', () => {
  it('gives the signature that a second implementation (Python hmac) gives', () => {
    expect(keyringSignature(secret, request)).toBe('d6857ef91e49b223619bea64db0661eb69a4a1dd0e3e2babeee21a09b7604bfa');
  });

  it('puts the hex digest of an empty body at the end', () => {
    expect(keyringCanonicalString({ ...request, body: Buffer.alloc(0) })).toBe(
      '1770984000000.00112233445566778899aabbccddeeff.POST./v1/sign/session-transaction.' +
        'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
  });

  const changes = [
    ['timestamp', { timestamp: '1770984000001' }],
    ['nonce', { nonce: '00112233445566778899aabbccddeefe' }],
    ['method', { method: 'PUT' }],
    ['path', { path: '/v1/sign/session-transaction/' }],
    ['body', { body: Buffer.from('{"probe":true} ') }],
    ['body, where only undecodable bytes differ', { body: Buffer.from([0xfe]) }, { body: Buffer.from([0xff]) }],
  ] as const;
  it.each(changes)('changes when the %s changes', (_what, change, base: object = {}) => {
    expect(keyringSignature(secret, { ...request, ...change })).not.toBe(
      keyringSignature(secret, { ...request, ...base }),
    );
  });
});

/** RFC 4231, section 4: key, data, HMAC-SHA-256; case 5 is truncated to 128 bits. */
const RFC_4231 = [
  ['0b'.repeat(20), hex('Hi There'), 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
  [
    hex('Jefe'),
    hex('what do ya want for nothing?'),
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
  ['aa'.repeat(20), 'dd'.repeat(50), '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe'],
  [
    '0102030405060708090a0b0c0d0e0f10111213141516171819',
    'cd'.repeat(50),
    '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b',
  ],
  ['0c'.repeat(20), hex('Test With Truncation'), 'a3b6167473100ee06e0c796c2955552b'],
  [
    'aa'.repeat(131),
    hex('Test Using Larger Than Block-Size Key - Hash Key First'),
    '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  ],
  [
    'aa'.repeat(131),
    hex(
      'This is a test using a larger than block-size key and a larger than block-size data. ' +
        'The key needs to be hashed before being used by the HMAC algorithm.',
    ),
    '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
  ],
] as const;

describe('the MAC underneath', () => {
  it.each(RFC_4231)('is that of RFC 4231 (%#)', (key, data, mac) => {
    const digest = createHmac('sha256', Buffer.from(key, 'hex')).update(Buffer.from(data, 'hex')).digest('hex');
    expect(digest.slice(0, mac.length)).toBe(mac);
  });
});

function hex(text: string): string {
  return Buffer.from(text).toString('hex');
}
