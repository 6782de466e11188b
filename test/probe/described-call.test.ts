import { createHash, createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import type { Call } from '../../src/probe/call.ts';
import { createProber } from '../../src/probe/prober.ts';
import { HEADER_FLEET, WEBHOOK_FLEET } from '../fleet/described-text.ts';
import { edited } from '../fleet/fleet-text.ts';
import { fakeClock } from './fakes.ts';

const NOW = 1_770_984_000_123;
/** The vector that Standard Webhooks publishes for its own libraries. */
const PUBLISHED = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const KEY = 'k1.test-orders-key-0123456789abcdef0123456789';

function proberOf(text: string) {
  const { probe: settings, outcomes } = readFleet(text, '/f/rotctl.yaml');
  const transport = { send: () => Promise.reject(new Error('nothing is sent')), close: async () => {} };
  const random = { hex: (bytes: number) => '0123456789abcdef'.repeat(8).slice(0, 2 * bytes) };
  const clock = { ...fakeClock(), now: () => NOW };
  return createProber({ settings, outcomes, transport, clock, random, protocol: 'described', runId: 'run-7' });
}

const sign = (text: string, call: Partial<Call> = {}, secret = PUBLISHED) =>
  proberOf(text).sign({ client: 'sender', secret: Secret.fromText(secret), ...call });

describe('Standard Webhooks, as described', () => {
  it('signs as the package does, header by header', async () => {
    const { request, nonce } = await sign(WEBHOOK_FLEET);
    const body = Buffer.from(request.body ?? '').toString();
    expect(request.headers).toEqual({
      'content-type': 'application/json',
      accept: 'application/json',
      'user-agent': 'rotctl/run-7',
      'webhook-id': nonce,
      'webhook-timestamp': '1770984000',
      'webhook-signature': new Webhook(PUBLISHED).sign(nonce, new Date(NOW), body),
    });
    expect(nonce).toBe('msg_0123456789abcdef0123456789abcdef');
  });

  it('gives the signature of the published vector', async () => {
    const call = {
      nonce: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      body: '{"test": 2432232314}',
      timestampOffsetMs: 1_614_265_330_000 - NOW,
    };
    const { request } = await sign(WEBHOOK_FLEET, call);
    expect(request.headers['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  it('joins several signatures by a space, any of which the package takes', async () => {
    const other = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
    const { request } = await sign(WEBHOOK_FLEET, { also: [Secret.fromText(other)] });
    expect(request.headers['webhook-signature']?.split(' ')).toHaveLength(2);
    expect(Buffer.from(request.body ?? '').toString()).toBe('{"probe":true}');
  });

  it('has zeros of the right length where no secret is to sign', async () => {
    const { request } = await sign(WEBHOOK_FLEET, { secret: undefined, garbage: true });
    expect(request.headers['webhook-signature']).toBe(`v1,${Buffer.alloc(32).toString('base64')}`);
  });

  it('sends no header of the scheme in a bare request', async () => {
    const { request } = await sign(WEBHOOK_FLEET, { bare: true });
    expect(Object.keys(request.headers).filter((name) => name.startsWith('webhook-'))).toEqual([]);
  });
});

describe('a header scheme, as described', () => {
  const expected = (values: { time: string; nonce: string; body?: string; target?: string; method?: string }) => {
    const { time, nonce, body = '{"probe":true}', target = '/orders?dry=1', method = 'POST' } = values;
    const digest = createHash('sha256').update(body).digest('hex');
    const text = [method, target, time, nonce, 'k1', digest].join('\n');
    return createHmac('sha512', 'test-orders-key-0123456789abcdef0123456789').update(text).digest('hex');
  };

  it('signs what its template says, with the key without its id', async () => {
    const { request, nonce, timestamp } = await sign(HEADER_FLEET, { client: 'shop' }, KEY);
    expect(request.headers.authorization).toBe(
      `ORDERS key=k1, caller=shop, sig=${expected({ time: '1770984000', nonce })}`,
    );
    expect(request.headers['x-orders-time']).toBe('1770984000');
    expect(nonce).toBe('01234567-89ab-4def-8123-456789abcdef');
    expect(timestamp, 'the moment that the header says, in milliseconds').toBe('1770984000000');
  });

  it.each([
    ['another time', { signedAs: { offsetMs: -7000 } }, { time: '1770983993' }],
    ['another nonce', { signedAs: { nonce: 'other' } }, { nonce: 'other' }],
    ['another body', { sentBody: '{}' }, {}],
    ['another path', { sentPath: '/elsewhere' }, {}],
    ['another method', { method: 'PUT', sentMethod: 'POST' }, { method: 'PUT' }],
  ])('signs one thing and sends %s where a control asks for it', async (_, call, change) => {
    const { request, nonce } = await sign(HEADER_FLEET, { client: 'shop', ...call }, KEY);
    const signature = expected({ time: '1770984000', nonce, ...change });
    expect(request.headers.authorization).toContain(`sig=${signature}`);
    expect(request.headers['x-orders-time']).toBe('1770984000');
    expect(request.headers['x-orders-nonce']).toBe(nonce);
  });
});

describe('a part that is left out', () => {
  it.each([
    ['timestamp', 'x-orders-time', undefined],
    ['nonce', 'x-orders-nonce', undefined],
    ['keyId', 'authorization', 'ORDERS caller=shop, sig=0'],
    ['client', 'authorization', 'ORDERS key=, sig=0'],
    ['signature', 'authorization', 'ORDERS key=, caller=shop'],
  ] as const)('%s: the header goes that has nothing else, of another it is cut out', async (part, header, text) => {
    const call = { client: 'shop', secret: undefined, overrideSignature: '0' };
    const { request: whole } = await sign(HEADER_FLEET, call);
    const { request } = await sign(HEADER_FLEET, { ...call, without: [part] });
    expect(request.headers[header]).toBe(text);
    const others = (headers: typeof whole.headers) =>
      Object.keys(headers).filter((name) => name !== header && headers[name] === whole.headers[name]);
    expect(others(request.headers).length).toBe(others(whole.headers).length);
  });

  it('is empty where no separator tells what belongs to it', async () => {
    const text = HEADER_FLEET.replace('key={keyId}, caller={client}, sig={signature}', '{client}:{keyId}:{signature}');
    const call = { client: 'shop', secret: undefined, overrideSignature: '0', keyId: 'k1' };
    const { request } = await sign(text, { ...call, without: ['keyId'] });
    expect(request.headers.authorization).toBe('ORDERS shop::0');
  });
});

describe('where parts travel', () => {
  const WHERE = /scheme:\n(?: {2}.*\n)+/;
  const described = (scheme: string) => WEBHOOK_FLEET.replace(WHERE, `scheme:\n${scheme}\n`);
  const secret = 'test-secret-0123456789abcdef0123456789abcdef';
  const mac = (text: string, hash = 'sha256') => createHmac(hash, secret).update(text);

  it('a time and a signature in one header, a second signature beside it alone', async () => {
    const text = described(`  signs: '{timestamp}.{body}'
  headers: { stripe-signature: 't={timestamp},v1={signature}' }
  timestamp: seconds
  between: ','`);
    const { request } = await sign(text, { also: [Secret.fromText(secret)] }, secret);
    const signature = mac('1770984000.{"probe":true}').digest('hex');
    expect(request.headers['stripe-signature']).toBe(`t=1770984000,v1=${signature},v1=${signature}`);
  });

  it('fields of the body, a number among them, signed field by field', async () => {
    const text = described(`  signs: '{field:actor}|{nonce}|{timestamp}'
  headers: {}
  fields: { nonce: '{nonce}', ts: { number: '{timestamp}' }, sig: 'v1:{signature}' }
  timestamp: milliseconds
  singleUse: false`).replace('{ path: /hooks,', `{ path: /hooks, body: '{"actor":"rotctl","dry":true}',`);
    const { request, nonce } = await sign(text, {}, secret);
    expect(JSON.parse(Buffer.from(request.body ?? '').toString())).toEqual({
      actor: 'rotctl',
      dry: true,
      nonce,
      ts: NOW,
      sig: `v1:${mac(`rotctl|${nonce}|${NOW}`).digest('hex')}`,
    });
    const { request: timeless } = await sign(text, { without: ['timestamp'] }, secret);
    expect(Object.keys(JSON.parse(Buffer.from(timeless.body ?? '').toString()))).not.toContain('ts');
  });

  it('ISO 8601, base64url, a digest of the body in base64 that travels too, and a header that is signed', async () => {
    const text = described(`  signs: "{timestamp}\\n{header:x-tenant}\\n{bodySha256Base64}"
  algorithm: hmac-sha384
  encoding: base64url
  headers: { x-tenant: acme, date: '{timestamp}', digest: 'SHA-256={bodySha256Base64}', x-sig: '{signature}' }
  timestamp: iso8601`);
    const { request } = await sign(text, {}, secret);
    const digest = createHash('sha256').update('{"probe":true}').digest('base64');
    expect(request.headers.digest).toBe(`SHA-256=${digest}`);
    expect(request.headers.date).toBe('2026-02-13T12:00:00.123Z');
    const signature = mac(`2026-02-13T12:00:00.123Z\nacme\n${digest}`, 'sha384').digest('base64url');
    expect(request.headers['x-sig']).toBe(signature);
  });

  it('a key id that is made from the key', async () => {
    const text = edited(
      edited(HEADER_FLEET, "{ form: '{keyId}.{key}', encoding: utf8 }", '{ encoding: hex }'),
      'algorithm:',
      'keyIdDigits: 8\n  algorithm:',
    );
    const key = 'ab'.repeat(32);
    const { request } = await sign(text, { client: 'shop' }, key);
    const id = createHash('sha256').update(Buffer.from(key, 'hex')).digest('hex').slice(0, 8);
    expect(request.headers.authorization).toContain(`key=${id}, caller=shop`);
  });
});

/** RFC 4231: what is signed is a literal, so that the template is the data of the test case. */
describe('RFC 4231', () => {
  const LITERAL = 'Hi There';
  it.each([
    ['sha256', 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
    ['sha384', 'afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6'],
    [
      'sha512',
      '87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854',
    ],
  ])('test case 1 with HMAC-%s', async (hash, hex) => {
    const text = WEBHOOK_FLEET.replace(
      /scheme:\n(?: {2}.*\n)+/,
      `scheme: { signs: '${LITERAL}', algorithm: hmac-${hash}, headers: { x-sig: '{signature}' }, secret: { encoding: hex } }\n`,
    ).replace('restart: [c] }', 'restart: [c] }, atRest: 1s');
    const { request } = await sign(text, {}, '0b'.repeat(20));
    expect(request.headers['x-sig']).toBe(hex);
  });
});
