import { describe, expect, it } from 'vitest';
import { judge } from '../../src/protocol/judge.ts';
import type { Exchange, OutcomeCode, OutcomeRule } from '../../src/protocol/outcome.ts';

const JSON_HEADERS = { 'content-type': 'application/json' };

function answer(status: number, body: unknown, headers: Record<string, string> = JSON_HEADERS): Exchange {
  return { kind: 'answer', status, headers, body: typeof body === 'string' ? body : JSON.stringify(body), ms: 1 };
}

const gate = (exchange: Exchange, rules: readonly OutcomeRule[] = []) => judge(exchange, rules, 'gate-v1');
const said = (status: number, detail: unknown) => gate(answer(status, { detail }));

/** Every text of the contract, with the only status that it belongs to. */
const TEXTS: readonly (readonly [text: string, status: number, code: OutcomeCode])[] = [
  ['nonce and ts must be provided together', 400, 'AUTH_INVALID_NONCE'],
  ['request timestamp outside allowed window', 401, 'AUTH_TIMESTAMP_SKEW'],
  ['invalid request signature', 401, 'AUTH_INVALID_HMAC'],
  ['replay detected', 409, 'REPLAY_NONCE_USED'],
  ['replay store unavailable', 503, 'STORE_FAILED'],
];
const STATUSES = [200, 201, 202, 400, 401, 403, 404, 409, 422, 500, 502, 503, 504];

describe('what a gate says', () => {
  it.each(TEXTS)('"%s" with %i is %s', (text, status, code) => {
    expect(said(status, text)).toEqual({ code, reason: `${status} ${text}` });
  });

  it.each(TEXTS)('"%s" with any status but %i proves nothing, and is shown', (text, status) => {
    for (const other of STATUSES.filter((one) => one !== status)) {
      expect(said(other, text)).toEqual({
        code: 'UNKNOWN',
        reason: expect.stringMatching(new RegExp(`^${other} ${text} \\(`)),
      });
    }
  });

  it.each([
    ['approved', { approved: true, action_id: 'a-1' }, '200, approved true'],
    ['denied by policy', { approved: false, reason: 'denied by policy' }, '200, approved false'],
    ['neither', { action_id: 'a-1' }, '200'],
    ['a text where a boolean should be', { approved: 'yes' }, '200'],
  ])('200, %s: the signature was found right', (_, body, reason) => {
    expect(gate(answer(200, body))).toEqual({ code: 'ACCEPTED', reason });
  });

  it.each<[string, unknown, OutcomeCode]>([
    ['in an object', { error: 'invalid request signature' }, 'AUTH_INVALID_HMAC'],
    ['in an object, beside others', { code: 'E17', message: 'invalid request signature' }, 'AUTH_INVALID_HMAC'],
    ['in a list', ['invalid request signature'], 'AUTH_INVALID_HMAC'],
    ['between spaces', '  invalid request signature\n', 'AUTH_INVALID_HMAC'],
    ['in an object, twice', { a: 'invalid request signature', b: 'invalid request signature' }, 'AUTH_INVALID_HMAC'],
    ['deeper than one level', { why: { text: 'invalid request signature' } }, 'UNKNOWN'],
    ['as a key', { 'invalid request signature': true }, 'UNKNOWN'],
    ['with another at odds with it', ['invalid request signature', 'replay detected'], 'UNKNOWN'],
    [
      'with another of the same status',
      { a: 'request timestamp outside allowed window', b: 'invalid request signature' },
      'UNKNOWN',
    ],
  ])('a text %s', (_, detail, code) => {
    const outcome = said(401, detail);
    expect(outcome.code).toBe(code);
    if (code !== 'UNKNOWN') expect(outcome.reason).toBe('401 invalid request signature');
  });
});

describe('what proves nothing', () => {
  const html = { 'content-type': 'text/html' };
  it.each<[string, Exchange, RegExp]>([
    [
      'a session that is not trusted',
      answer(401, { detail: 'Session not trusted' }),
      /session is not trusted, or some/,
    ],
    ['401 of something before the gate', answer(401, { detail: 'token expired' }), /^401 token expired \(the probe/],
    ['401 without a text', answer(401, { detail: null }), /^401 without a text \(the probe/],
    ['a tool that is not allowed', answer(403, { detail: 'tool not allowed' }), /not allowed the tool/],
    [
      'a scope that is an object',
      answer(403, { detail: { error: 'scope', tool: 'x' } }),
      /^403 scope .*allowed the tool/,
    ],
    [
      'the schema',
      answer(422, { detail: [{ loc: ['body', 'ts'], msg: 'bad' }] }),
      /^422 without .* not what the gate takes/,
    ],
    [
      'no secret is set',
      answer(500, { detail: 'internal error' }),
      /^500 internal error \(not an answer of the contract/,
    ],
    ['500 without a detail', answer(500, { error: 'x' }), /^500 without a detail/],
    ['a missing page', answer(404, { detail: 'Not Found' }), /^404 Not Found \(not an answer/],
    ['a text in other words', answer(401, { detail: 'signature invalid' }), /^401 signature invalid/],
    ['a text in other letters', answer(401, { detail: 'Invalid request signature' }), /^401 Invalid request/],
    [
      'a text with more in it',
      answer(401, { detail: 'invalid request signature: k-1' }),
      /^401 invalid request signature: k/,
    ],
    ['an empty text', answer(401, { detail: '' }), /^401 {2}\(the probe/],
    ['200 with a detail', answer(200, { approved: true, detail: 'cached' }), /^200 cached \(not an answer/],
    ['200 with an error', answer(200, { error: 'log in' }), /^200 with an error/],
    ['200 with an empty object', answer(200, {}), /empty object/],
    ['201, which the contract does not have', answer(201, { approved: true }), /^201 without a detail/],
    ['204', answer(204, ''), /empty body/],
    ['a page', answer(200, '<html>welcome</html>', html), /content type "text\/html"/],
    ['a page that calls itself JSON', answer(200, '<html></html>'), /not JSON/],
    ['a list', answer(200, [{ approved: true }]), /array/],
    ['the answer of a signer', answer(401, { errorCode: 'AUTH_INVALID_HMAC' }), /^401 without a detail/],
    ['an inherited detail', answer(401, '{"__proto__":{"detail":"invalid request signature"}}'), /without a detail/],
    ['a redirect', answer(307, { approved: true }, { ...JSON_HEADERS, location: '/login' }), /redirect to "\/login"/],
    [
      'a packed answer',
      answer(200, { approved: true }, { ...JSON_HEADERS, 'content-encoding': 'gzip' }),
      /encoding "gzip"/,
    ],
    ['a fault', { kind: 'fault', code: 'ECONNRESET', detail: '', sent: true, ms: 1 }, /^ECONNRESET$/],
  ])('%s', (_, exchange, reason) => {
    expect(gate(exchange)).toEqual({ code: 'UNKNOWN', reason: expect.stringMatching(reason) });
  });

  it('a rate limit says how long to wait', () => {
    const limited = answer(429, { detail: 'rate limited' }, { ...JSON_HEADERS, 'retry-after': '3' });
    expect(gate(limited)).toEqual({ code: 'UNKNOWN', reason: '429 rate limited', retryAfterMs: 3000 });
  });

  it('a text of somebody else is shown escaped, and not whole', () => {
    const { reason } = said(401, `\u001b[31m${'x'.repeat(500)}`);
    expect(reason).not.toContain('\u001b');
    expect(reason.length).toBeLessThan(250);
  });
});

describe('the fleet’s own rules', () => {
  const RULES: readonly OutcomeRule[] = [
    { when: { status: 401, pointer: { path: '/detail', matches: /^bad signature/ } }, outcome: 'AUTH_INVALID_HMAC' },
    { when: { status: 200, pointer: { path: '/detail', matches: /./ } }, outcome: 'ACCEPTED' },
    { when: { status: 409 }, outcome: 'UNKNOWN' },
  ];

  it.each<[string, Exchange, OutcomeCode, OutcomeCode]>([
    ['tell what the contract does not know', answer(401, { detail: 'bad signature' }), 'AUTH_INVALID_HMAC', 'UNKNOWN'],
    ['tell a success with a detail', answer(200, { detail: 'ok', approved: true }), 'ACCEPTED', 'UNKNOWN'],
    ['beat the contract', answer(409, { detail: 'replay detected' }), 'UNKNOWN', 'REPLAY_NONCE_USED'],
    [
      'leave the rest to it',
      answer(401, { detail: 'invalid request signature' }),
      'AUTH_INVALID_HMAC',
      'AUTH_INVALID_HMAC',
    ],
  ])('%s', (_, exchange, ruled, unruled) => {
    expect([gate(exchange, RULES).code, gate(exchange).code]).toEqual([ruled, unruled]);
  });
});

describe('the protocol decides', () => {
  it.each<[string, Exchange, OutcomeCode, OutcomeCode]>([
    ['a refusal of a gate', answer(401, { detail: 'invalid request signature' }), 'AUTH_INVALID_HMAC', 'UNKNOWN'],
    ['a refusal of a signer', answer(401, { errorCode: 'AUTH_INVALID_HMAC' }), 'UNKNOWN', 'AUTH_INVALID_HMAC'],
    ['a policy of a signer', answer(422, { errorCode: 'POLICY_DENIED' }), 'UNKNOWN', 'ACCEPTED'],
  ])('%s', (_, exchange, ofGate, ofSigner) => {
    expect([gate(exchange).code, judge(exchange).code]).toEqual([ofGate, ofSigner]);
  });
});
