import { describe, expect, test } from 'vitest';
import { harmOf } from '../../src/protocol/inert.ts';
import type { Exchange } from '../../src/protocol/outcome.ts';
import type { Protocol } from '../../src/protocol/protocol.ts';

const answer = (status: number, body: unknown): Exchange => ({
  kind: 'answer',
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
  ms: 1,
});

describe('an answer to an accepted probe', () => {
  test.each<[string, Exchange, Protocol, string | undefined]>([
    ['a refusal by policy has done nothing', answer(422, { errorCode: 'POLICY_X' }), 'keyring-v1', undefined],
    ['a page that is not there has done nothing', answer(404, {}), 'keyring-v1', undefined],
    ['a signature is harm', answer(200, { signature: 'x' }), 'keyring-v1', '200'],
    ['a 202 is harm', answer(202, { queued: true }), 'keyring-v1', '202'],
    ['of a signer approved false is not known', answer(200, { approved: false }), 'keyring-v1', '200, approved false'],
    ['of a gate approved false has done nothing', answer(200, { approved: false }), 'gate-v1', undefined],
    ['of a gate approved true is harm', answer(200, { approved: true }), 'gate-v1', '200, approved true'],
    ['of a gate nothing about approval is harm', answer(200, { result: 'x' }), 'gate-v1', '200'],
    [
      'no answer has shown nothing',
      { kind: 'fault', code: 'TIMEOUT', detail: '', sent: true, ms: 1 },
      'gate-v1',
      undefined,
    ],
  ])('%s', (_what, exchange, protocol, harm) => {
    expect(harmOf(exchange, [], protocol)).toBe(harm);
  });

  test('what the fleet declares is inert, and only with every condition', () => {
    const declared = [{ status: 200, pointer: { path: '/status', matches: /^denied$/ } }];
    expect(harmOf(answer(200, { status: 'denied' }), declared)).toBeUndefined();
    expect(harmOf(answer(200, { status: 'signed' }), declared)).toBe('200');
    expect(harmOf(answer(201, { status: 'denied' }), declared)).toBe('201');
  });
});
