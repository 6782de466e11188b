import { describe, expect, it } from 'vitest';
import { unsignedFieldsOf } from '../../src/probe/unsigned-fields.ts';

const GATE = { tool: 'noop', session: 's', actor: 'a', conviction: 0, params: {} };
const HEADERS = ['another user-agent', 'another x-request-id'];
const body = { tool: 'noop', params: { kept: 1 }, conviction: 4, nonce: 'n', ts: 1700000000.95, signature: 'v1:00' };
const signed = {
  request: {
    ...{ method: 'POST', path: '/', headers: { 'user-agent': 'rotctl/x' } },
    body: Buffer.from(JSON.stringify(body)),
  },
  ...{ nonce: 'n', timestamp: '0' },
};

describe('what is altered in captured bytes', () => {
  it.each([
    ['a signer', {}, HEADERS],
    ['a gate', { gate: GATE }, ['other params', 'another conviction', 'another fraction of ts', ...HEADERS]],
    [
      'a scheme that signs a header and sets another',
      {
        scheme: {
          signs: [{ name: 'header' as const, written: '{header:user-agent}', of: 'user-agent' }],
          headers: [{ name: 'X-Request-Id', template: [], number: false }],
        },
      },
      [],
    ],
  ])('of %s', (_, probe, expected) => {
    expect(unsignedFieldsOf(probe).map(({ what }) => what)).toEqual(expected);
  });

  it.each([['0000'], ['ffff'], ['0063']])('leaves what is signed as it is, and approves nothing (%s)', (hex) => {
    for (const was of [
      body,
      { ...body, conviction: 0, ts: 1700000000 },
      { ...body, conviction: 10, ts: 1700000000.5 },
    ]) {
      const from = { ...signed, request: { ...signed.request, body: Buffer.from(JSON.stringify(was)) } };
      for (const { alter } of unsignedFieldsOf({ gate: GATE })) {
        const { request } = alter(from, hex);
        const now = JSON.parse(request.body?.toString() ?? '');
        expect([request.headers, now]).not.toEqual([from.request.headers, was]);
        expect({ ...now, ts: Math.floor(now.ts), params: now.params.kept, conviction: 0 }).toEqual({
          ...{ ...was, ts: 1700000000, params: 1, conviction: 0 },
        });
        expect(now.conviction).toBeLessThanOrEqual(was.conviction || 0.01);
        expect(now.conviction).toBeGreaterThanOrEqual(0);
      }
    }
  });
});
