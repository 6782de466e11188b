import { describe, expect, it } from 'vitest';
import { judge } from '../../src/protocol/judge.ts';
import type { Exchange, OutcomeRule } from '../../src/protocol/outcome.ts';

const JSON_HEADERS = { 'content-type': 'application/json' };

function answer(status: number, body: unknown, headers: Record<string, string> = JSON_HEADERS): Exchange {
  return { kind: 'answer', status, headers, body: typeof body === 'string' ? body : JSON.stringify(body), ms: 1 };
}

function coded(status: number, errorCode: unknown): Exchange {
  return answer(status, { error: 'no', errorCode, requestId: 'r-1', retryable: false });
}

describe('answers that prove something', () => {
  it.each([
    [401, 'AUTH_INVALID_CLIENT'],
    [403, 'AUTH_MTLS_REQUIRED'],
    [401, 'AUTH_TIMESTAMP_SKEW'],
    [401, 'AUTH_INVALID_NONCE'],
    [400, 'AUTH_INVALID_SIGNATURE_FORMAT'],
    [401, 'AUTH_INVALID_HMAC'],
    [409, 'REPLAY_NONCE_USED'],
  ])('%i %s is that refusal', (status, code) => {
    expect(judge(coded(status, code))).toEqual({ code, reason: `${status} ${code}` });
  });

  it.each([
    [200, { signature: 'abc' }],
    [201, { requestId: 'r-1' }],
  ])('%i with an object is accepted', (status, body) => {
    expect(judge(answer(status, body)).code).toBe('ACCEPTED');
  });

  it.each(['POLICY_SELECTOR_DENIED', 'POLICY_CALL_NOT_ALLOWED'])('422 %s comes after the signature', (code) => {
    expect(judge(coded(422, code)).code).toBe('ACCEPTED');
  });

  it.each([
    [503, 'SIGNER_UNAVAILABLE'],
    [500, 'INTERNAL_ERROR'],
  ])('%i %s is a failed store', (status, code) => {
    expect(judge(coded(status, code)).code).toBe('STORE_FAILED');
  });

  it.each(['application/json; charset=utf-8', 'Application/JSON', 'application/problem+json'])('reads %s', (type) => {
    const exchange = answer(401, { errorCode: 'AUTH_INVALID_HMAC' }, { 'content-type': type });
    expect(judge(exchange).code).toBe('AUTH_INVALID_HMAC');
  });
});

describe('answers that prove nothing', () => {
  const html = { 'content-type': 'text/html' };
  it.each<[string, Exchange, RegExp]>([
    ['a captive portal', answer(200, '<html>log in</html>', html), /content type "text\/html"/],
    ['HTML that calls itself JSON', answer(200, '<html></html>'), /not JSON/],
    ['JSON that calls itself text', answer(200, '{"a":1}', { 'content-type': 'text/plain' }), /content type/],
    ['no content type', answer(200, '{"a":1}', {}), /content type none/],
    ['two content types in one', answer(200, '{"a":1}', { 'content-type': 'text/html, application/json' }), /type/],
    ['a type that only begins like JSON', answer(200, '{"a":1}', { 'content-type': 'application/jsonp' }), /type/],
    ['an empty body', answer(200, ''), /empty body/],
    ['an empty object', answer(200, {}), /empty object/],
    ['an array', answer(200, [{ signature: 'x' }]), /array/],
    ['null', answer(200, 'null'), /not an object/],
    ['a number', answer(200, '1'), /not an object/],
    ['truncated JSON', answer(200, '{"signature":"ab'), /not JSON/],
    ['a success with an error', answer(200, { error: 'log in first' }), /error and no errorCode/],
    ['a success with a refusal code', coded(200, 'AUTH_INVALID_HMAC'), /status does not belong/],
    ['a success with a null code', coded(200, null), /not text/],
    ['a code that is a number', coded(401, 7), /not text/],
    ['a code that is an object', coded(401, { code: 'AUTH_INVALID_HMAC' }), /not text/],
    ['a code nobody knows', coded(401, 'AUTH_OTHER'), /401 AUTH_OTHER/],
    ['a code in lower case', coded(401, 'auth_invalid_hmac'), /auth_invalid_hmac/],
    ['a code that objects inherit', coded(401, 'constructor'), /constructor/],
    ['an inherited errorCode', answer(401, '{"__proto__":{"errorCode":"AUTH_INVALID_HMAC"}}'), /without an errorCode/],
    ['HMAC refused with 403', coded(403, 'AUTH_INVALID_HMAC'), /status does not belong/],
    ['replay refused with 401', coded(401, 'REPLAY_NONCE_USED'), /status does not belong/],
    ['policy with 403', coded(403, 'POLICY_SELECTOR_DENIED'), /status does not belong/],
    ['a bare POLICY_', coded(422, 'POLICY_'), /POLICY_/],
    ['unavailable with 500', coded(500, 'SIGNER_UNAVAILABLE'), /status does not belong/],
    ['a generic 500', answer(500, { error: 'oops' }), /500 without an errorCode/],
    ['401 without a code', answer(401, { error: 'bad signature' }), /401 without an errorCode/],
    ['404', answer(404, { error: 'no such route' }), /404/],
    ['502 of a proxy', answer(502, '<html>bad gateway</html>', html), /502/],
    ['a redirect', answer(302, '', { location: 'https://elsewhere/' }), /302 redirect to "https:\/\/elsewhere\/"/],
    ['not modified', answer(304, ''), /304/],
    ['an answer that is packed', answer(200, '{"a":1}', { ...JSON_HEADERS, 'content-encoding': 'gzip' }), /encoding/],
    ['a code with control characters', coded(401, 'A\u001b[2J'), /\\x1b\[2J/],
  ])('%s', (_what, exchange, reason) => {
    const outcome = judge(exchange);
    expect(outcome.code).toBe('UNKNOWN');
    expect(outcome.reason).toMatch(reason);
  });

  it.each<[string, Exchange, string]>([
    ['words in JSON', answer(403, { error: 'go away' }), `403 without an errorCode: "{"error":"go away"}"`],
    [
      'plain text',
      answer(401, 'bad\nsignature\u001b[2J', { 'content-type': 'text/plain' }),
      '401 with content type "text/plain": "bad\\x0asignature\\x1b[2J"',
    ],
    ['text that calls itself JSON', answer(401, 'denied'), '401 with a body that is not JSON: "denied"'],
    ['a long one', answer(401, 'x'.repeat(90)), `401 with a body that is not JSON: "${'x'.repeat(80)}…"`],
    ['none', answer(401, '', {}), '401 with content type none'],
  ])('shows how an answer begins that no rule knows: %s', (_what, exchange, reason) => {
    expect(judge(exchange).reason).toBe(reason);
  });

  it.each(['keyring-v1', 'gate-v1', 'described'] as const)('of %s, shows no secret, nor a half of one', (protocol) => {
    const secret = 'a-secret-of-0123456789abcdef';
    const redact = (text: string) => text.replaceAll(secret, '[secret]');
    const exchange = answer(500, { error: `${'x'.repeat(50)} ${secret}` });
    const { reason } = judge(exchange, [], protocol, redact);
    expect(reason).toContain('x [secret]');
    expect(reason).not.toContain('a-secret');
  });

  it('a fault keeps its code', () => {
    const fault: Exchange = { kind: 'fault', code: 'ECONNREFUSED', detail: 'connect', sent: false, ms: 1 };
    expect(judge(fault)).toEqual({ code: 'UNKNOWN', reason: 'ECONNREFUSED: connect' });
  });
});

describe('rate limits', () => {
  const date = 'Sun, 06 Nov 1994 08:49:37 GMT';
  it.each<[string, Record<string, string>, number | undefined]>([
    ['seconds', { 'retry-after': '2' }, 2000],
    ['a date after the answer', { 'retry-after': 'Sun, 06 Nov 1994 08:49:40 GMT', date }, 3000],
    ['a date before the answer', { 'retry-after': 'Sun, 06 Nov 1994 08:49:30 GMT', date }, 0],
    ['a date in an answer without one', { 'retry-after': date }, undefined],
    ['nonsense', { 'retry-after': 'soon' }, undefined],
    ['a negative number', { 'retry-after': '-1' }, undefined],
    ['nothing', {}, undefined],
  ])('%s', (_what, headers, expected) => {
    const outcome = judge(answer(429, { errorCode: 'RATE_LIMITED' }, { ...JSON_HEADERS, ...headers }));
    expect(outcome.code).toBe('UNKNOWN');
    expect(outcome.retryAfterMs).toBe(expected);
  });

  it('are never a refusal, even with a refusal in the body', () => {
    expect(judge(coded(429, 'AUTH_INVALID_HMAC')).code).toBe('UNKNOWN');
  });
});

describe('rules of a fleet', () => {
  const words: OutcomeRule[] = [
    { when: { status: 401, pointer: { path: '/error', matches: /replay/g } }, outcome: 'REPLAY_NONCE_USED' },
    { when: { status: 401, pointer: { path: '/error', matches: /signature/g } }, outcome: 'AUTH_INVALID_HMAC' },
    { when: { status: 400, body: /No required SSL certificate/ }, outcome: 'AUTH_MTLS_REQUIRED' },
    { when: { header: { name: 'x-refused', matches: /^skew$/ } }, outcome: 'AUTH_TIMESTAMP_SKEW' },
    { when: { fault: 'ERR_SSL_ALERT' }, outcome: 'AUTH_MTLS_REQUIRED' },
    { when: {}, outcome: 'ACCEPTED' },
  ];

  it.each<[string, Exchange, string]>([
    ['the first that matches wins', answer(401, { error: 'replay: signature used' }), 'REPLAY_NONCE_USED'],
    ['words in the body', answer(401, { error: 'bad signature' }), 'AUTH_INVALID_HMAC'],
    [
      'an HTML page',
      answer(400, '<html>No required SSL certificate', { 'content-type': 'text/html' }),
      'AUTH_MTLS_REQUIRED',
    ],
    ['a header', answer(418, '', { 'x-refused': 'skew' }), 'AUTH_TIMESTAMP_SKEW'],
    ['a fault', { kind: 'fault', code: 'ERR_SSL_ALERT', detail: '', sent: true, ms: 1 }, 'AUTH_MTLS_REQUIRED'],
    ['another status', answer(402, { error: 'bad signature' }), 'UNKNOWN'],
    ['a value that is not text', answer(401, { error: ['bad signature'] }), 'UNKNOWN'],
    ['a rule without conditions', { kind: 'fault', code: 'ECONNRESET', detail: '', sent: true, ms: 1 }, 'UNKNOWN'],
  ])('%s', (_what, exchange, code) => {
    expect(judge(exchange, words).code).toBe(code);
    expect(judge(exchange, words).code).toBe(code);
  });

  it('a pointer follows RFC 6901', () => {
    const rule: OutcomeRule = {
      when: { pointer: { path: '/a~1b/0/c~0d', matches: /x/ } },
      outcome: 'AUTH_INVALID_HMAC',
    };
    expect(judge(answer(401, { 'a/b': [{ 'c~d': 'x' }] }), [rule]).code).toBe('AUTH_INVALID_HMAC');
  });
});
