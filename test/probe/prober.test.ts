import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import type { Transport } from '../../src/probe/ports.ts';
import { createProber, type Prober } from '../../src/probe/prober.ts';
import { awaitAccepted } from '../../src/probe/readiness.ts';
import { ask, persist } from '../../src/probe/retry.ts';
import type { Exchange } from '../../src/protocol/outcome.ts';
import {
  ACCEPTED,
  coded,
  type FakeClock,
  fakeClock,
  fakeRandom,
  INVALID_HMAC,
  REFUSED,
  REPLAYED,
  RESET,
  scripted,
  TARGET,
} from './fakes.ts';
import { PROBE } from './harness.ts';

/** What a proxy says while nothing is behind it. */
const RETRY_PAGE: Exchange = {
  kind: 'answer',
  status: 503,
  headers: { 'content-type': 'text/html', 'retry-after': '3600' },
  body: '<html></html>',
  ms: 1,
};
const secret = Secret.fromText('rotctl-test-secret-0123456789abcdef0123456789abcdef');
const CALL = { endpoint: TARGET, client: 'client-a', secret };

function prober(transport: Transport, clock: FakeClock = fakeClock(), perSecond?: number): Prober {
  const settings = { ...PROBE, perSecond };
  return createProber({ settings, outcomes: [], transport, clock, random: fakeRandom(), runId: 'run-7' });
}

describe('a probe', () => {
  it('is signed with the time of its sending, says who we are, and is judged', async () => {
    const transport = scripted(ACCEPTED);
    const result = await prober(transport).probe({ ...CALL, nonce: '00112233445566778899aabbccddeeff' });
    expect(result).toMatchObject({ outcome: { code: 'ACCEPTED' }, status: 422, ms: 2, at: 1_770_984_000_000 });
    expect(transport.sent[0]?.request).toMatchObject({
      method: 'POST',
      path: '/v1/sign/session-transaction',
      headers: {
        'user-agent': 'rotctl/run-7',
        'content-type': 'application/json',
        'x-keyring-client-id': 'client-a',
        'x-keyring-timestamp': '1770984000000',
        'x-keyring-nonce': '00112233445566778899aabbccddeeff',
        'x-keyring-signature': 'd6857ef91e49b223619bea64db0661eb69a4a1dd0e3e2babeee21a09b7604bfa',
      },
    });
    expect(transport.sent[0]?.options).toEqual({ fresh: false, certificate: true, deadlineMs: 3000, maxBytes: 65_536 });
  });

  it('has a fresh nonce of 128 bits each time, and none of its secret in the result', async () => {
    const transport = scripted(ACCEPTED);
    const probe = prober(transport);
    const results = [await probe.probe(CALL), await probe.probe(CALL)];
    const nonces = transport.sent.map(({ request }) => request.headers['x-keyring-nonce']);
    expect(new Set(nonces).size).toBe(2);
    for (const nonce of nonces) expect(nonce).toMatch(/^[0-9a-f]{32}$/);
    expect(JSON.stringify(results)).not.toContain('rotctl-test-secret');
  });

  it('may be bare, unsigned, shifted in time, or changed after it was signed', async () => {
    const transport = scripted(INVALID_HMAC);
    const probe = prober(transport);
    await probe.probe({ ...CALL, bare: true });
    await probe.probe({ ...CALL, secret: undefined });
    await probe.probe({ ...CALL, timestampOffsetMs: -5000 });
    await probe.probe({ ...CALL, timestampText: 'soon' });
    await probe.probe({ ...CALL, nonce: 'n'.repeat(16), sentBody: '{}' });
    await probe.probe({ ...CALL, nonce: 'n'.repeat(16) });
    const headers = transport.sent.map(({ request }) => request.headers);
    expect(Object.keys(headers[0] ?? {}).filter((name) => name.startsWith('x-keyring'))).toEqual([]);
    expect(headers[1]).toMatchObject({ 'x-keyring-signature': '' });
    expect(headers[2]).toMatchObject({ 'x-keyring-timestamp': '1770983995000' });
    expect(headers[3]).toMatchObject({ 'x-keyring-timestamp': 'soon' });
    expect(headers[4]?.['x-keyring-signature']).toBe(headers[5]?.['x-keyring-signature']);
    expect(Buffer.from(transport.sent[4]?.request.body ?? []).toString()).toBe('{}');
  });
});

describe('pacing', () => {
  it('keeps each replica to its rate, and lets the others go', async () => {
    const clock = fakeClock();
    const probe = prober(scripted(ACCEPTED), clock, 4);
    const other = { ...CALL, endpoint: { ...TARGET, url: new URL('https://127.0.0.1:2') } };
    for (let n = 0; n < 3; n += 1) await probe.probe(CALL);
    await probe.probe(other);
    expect(clock.slept).toEqual([250, 250]);
  });

  it('stamps the time after the wait', async () => {
    const clock = fakeClock();
    const transport = scripted(ACCEPTED);
    const probe = prober(transport, clock, 1);
    await probe.probe(CALL);
    await probe.probe(CALL);
    expect(transport.sent[1]?.request.headers['x-keyring-timestamp']).toBe('1770984001000');
  });

  it('lets a burst go at once, and those after it pay', async () => {
    const clock = fakeClock();
    const probe = prober(scripted(ACCEPTED), clock, 10);
    await probe.reserve(TARGET, 20);
    for (let n = 0; n < 20; n += 1) await probe.probe({ ...CALL, paid: true });
    expect(clock.slept).toEqual([]);
    await probe.probe(CALL);
    expect(clock.slept).toEqual([2000]);
  });
});

describe('trying again', () => {
  it.each([
    ['a refused connection, when asked', [REFUSED, REFUSED, ACCEPTED], 2, 3, 'ACCEPTED'],
    ['a refused connection, when not asked', [REFUSED, ACCEPTED], 0, 1, 'UNKNOWN'],
    ['a reset, as often as asked', [RESET, RESET, RESET, ACCEPTED], 2, 3, 'UNKNOWN'],
    [
      'a rate limit, always, twice',
      [coded(429, 'RATE_LIMITED'), coded(429, 'RATE_LIMITED'), ACCEPTED],
      0,
      3,
      'ACCEPTED',
    ],
    ['a rate limit, not for ever', [coded(429, 'RATE_LIMITED')], 0, 3, 'UNKNOWN'],
    ['a long rate limit, never', [coded(429, 'RATE_LIMITED', { 'retry-after': '3600' })], 0, 1, 'UNKNOWN'],
    ['an answer that nobody understands, never', [coded(401, 'AUTH_OTHER'), ACCEPTED], 5, 1, 'UNKNOWN'],
    ['an answer that proves something, never', [INVALID_HMAC, ACCEPTED], 5, 1, 'AUTH_INVALID_HMAC'],
    ['503 of a proxy, when asked', [coded(503, 'NO_BACKEND'), ACCEPTED], 1, 2, 'ACCEPTED'],
  ])('%s', async (_what, script, faults, requests, code) => {
    const transport = scripted(...script);
    const clock = fakeClock();
    const probe = prober(transport, clock);
    const result = await persist(clock, { faults }, () => probe.probe(CALL));
    expect(result.outcome.code).toBe(code);
    expect(transport.sent.length).toBe(requests);
  });

  it.each([
    [59, 'UNKNOWN', [59_000, 59_000], '429 rate limited'],
    [60, 'UNKNOWN', [60_000, 60_000], '429 rate limited'],
    [61, 'UNKNOWN', [], '429 rate limited: it asks to wait 61 s, at most 60 s are waited'],
  ])('waits for a rate limit of %i s, or says what it did not wait for', async (seconds, code, slept, reason) => {
    const clock = fakeClock();
    const transport = scripted(coded(429, 'RATE_LIMITED', { 'retry-after': `${seconds}` }));
    const { outcome } = await persist(clock, { faults: 2 }, () => prober(transport, clock).probe(CALL));
    expect(outcome).toMatchObject({ code, reason });
    expect(clock.slept).toEqual(slept);
  });

  it('waits as long as a rate limit says', async () => {
    const clock = fakeClock();
    const transport = scripted(coded(429, 'RATE_LIMITED', { 'retry-after': '3' }), ACCEPTED);
    await persist(clock, { faults: 0 }, () => prober(transport, clock).probe(CALL));
    expect(clock.slept).toEqual([3000]);
  });

  it.each([
    ['once: asks with another nonce', [REPLAYED, ACCEPTED], 'ACCEPTED', 2],
    ['twice: proves nothing', [REPLAYED, REPLAYED], 'UNKNOWN', 2],
  ])('a fresh nonce called used %s', async (_what, script, code, requests) => {
    const transport = scripted(...script);
    const clock = fakeClock();
    const { outcome } = await ask(prober(transport, clock), clock, CALL, { faults: 0 });
    expect(outcome.code).toBe(code);
    expect(transport.sent.length).toBe(requests);
    const nonces = transport.sent.map(({ request }) => request.headers['x-keyring-nonce']);
    expect(new Set(nonces).size).toBe(requests);
  });
});

describe('must become accepted', () => {
  const who = [{ client: 'client-a', secret }];
  const wait = (transport: Transport, clock = fakeClock(), deadlineMs = 1000) =>
    awaitAccepted({ prober: prober(transport, clock), clock, random: fakeRandom() }, TARGET, who, {
      deadlineMs,
      consecutive: 3,
    });

  it('wants three in a row, over fresh connections', async () => {
    const transport = scripted(REFUSED, ACCEPTED, ACCEPTED, RESET, ACCEPTED, ACCEPTED, ACCEPTED);
    expect(await wait(transport)).toMatchObject({ ready: true, tries: 7 });
    expect(transport.sent.every(({ options }) => options.fresh)).toBe(true);
  });

  it('gives up at its deadline and says what it saw last', async () => {
    const clock = fakeClock();
    const result = await wait(scripted(REFUSED), clock);
    expect(result).toMatchObject({ ready: false, lockedOut: false, last: { code: 'UNKNOWN', reason: 'ECONNREFUSED' } });
    expect(result.ms).toBe(1000);
  });

  it('gives up early on a replica that refuses every secret again and again', async () => {
    const clock = fakeClock();
    const result = await wait(scripted(REFUSED, REFUSED, INVALID_HMAC), clock, 60_000);
    expect(result).toMatchObject({
      ready: false,
      lockedOut: true,
      last: {
        code: 'AUTH_INVALID_HMAC',
        reason: 'refuses every secret it may hold, 5 times in a row: 401 AUTH_INVALID_HMAC',
      },
    });
    expect(result.ms).toBeGreaterThanOrEqual(1000);
    expect(result.ms).toBeLessThan(3000);
  });

  it.each([
    [
      'an alert',
      'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
      false,
      /^refuses every handshake \(alert "unknown ca"\), \d+ times/,
      1000,
    ],
    ['closing the connection', 'ECONNRESET', true, /^closes every connection after the handshake, \d+ times/, 5000],
  ])('where certificates rotate, gives up early on a replica that refuses by %s', async (_, code, sent, reason, ms) => {
    const clock = fakeClock();
    const transport = scripted({ kind: 'fault', code, detail: '', sent, ms: 1 });
    const tools = { prober: prober(transport, clock), clock, random: fakeRandom() };
    const readiness = { deadlineMs: 60_000, consecutive: 3 };
    const certificate = { name: 'next', chain: '', key: secret };
    const shown = await awaitAccepted(tools, TARGET, [{ client: 'client-a', secret, certificate }], readiness);
    expect(shown).toMatchObject({ lockedOut: true, last: { reason: expect.stringMatching(reason) } });
    expect(shown.ms).toBeGreaterThanOrEqual(ms);
    expect(shown.ms).toBeLessThan(2 * ms + 1000);
    expect(await awaitAccepted(tools, TARGET, who, readiness)).toMatchObject({ lockedOut: false, ms: 60_000 });
  });

  it.each([
    ['one of its secrets is only not told of', [INVALID_HMAC, REPLAYED]],
    ['it is gone now and then', [INVALID_HMAC, INVALID_HMAC, INVALID_HMAC, INVALID_HMAC, REFUSED]],
    ['it does not know the client yet', [coded(401, 'AUTH_INVALID_CLIENT')]],
  ])('is no lock-out when %s', async (_what, turn) => {
    const clock = fakeClock();
    const transport = scripted(...Array.from({ length: 60 }, () => turn).flat());
    const tools = { prober: prober(transport, clock), clock, random: fakeRandom() };
    const both = [secret, Secret.fromText('another')].map((one) => ({ client: 'client-a', secret: one }));
    const result = await awaitAccepted(tools, TARGET, both, { deadlineMs: 5000, consecutive: 3 });
    expect(result).toMatchObject({ ready: false, lockedOut: false, ms: 5000 });
  });

  it('is waited for while it becomes ready within a second', async () => {
    const clock = fakeClock();
    const transport = scripted(...Array(5).fill(INVALID_HMAC), ACCEPTED);
    expect(await wait(transport, clock, 60_000)).toMatchObject({ ready: true, lockedOut: false });
  });

  it.each([
    ['429 RATE_LIMITED: gives up and names the wait', coded(429, 'RATE_LIMITED', { 'retry-after': '3600' }), 0],
    ['503 of a proxy: goes on asking', { ...RETRY_PAGE }, 1],
  ])('asked to wait for an hour by %s', async (_what, answer, asksAgain) => {
    const clock = fakeClock();
    const transport = scripted(answer, ACCEPTED);
    const result = await wait(transport, clock, 7_200_000);
    expect(result.ready).toBe(asksAgain === 1);
    expect(result.ms).toBeLessThan(1000);
    if (!result.ready) expect(result.last?.reason).toMatch(/it asks to wait 3600 s, at most 60 s are waited/);
  });

  it('flapping is not ready', async () => {
    const clock = fakeClock();
    const flapping = Array.from({ length: 50 }, (_, n) => (n % 3 === 2 ? RESET : ACCEPTED));
    expect(await wait(scripted(...flapping), clock)).toMatchObject({ ready: false });
  });

  it('any of several secrets will do', async () => {
    const clock = fakeClock();
    const transport = scripted(INVALID_HMAC, ACCEPTED, INVALID_HMAC, ACCEPTED, INVALID_HMAC, ACCEPTED);
    const tools = { prober: prober(transport, clock), clock, random: fakeRandom() };
    const both = [secret, Secret.fromText('another')].map((one) => ({ client: 'client-a', secret: one }));
    expect(await awaitAccepted(tools, TARGET, both, { deadlineMs: 100, consecutive: 3 })).toMatchObject({
      ready: true,
      tries: 3,
    });
  });
});
