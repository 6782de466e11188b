import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import type { GateProbe } from '../../src/fleet/fleet.ts';
import type { Call, Completion } from '../../src/probe/call.ts';
import { KeyIds } from '../../src/probe/key-ids.ts';
import { createProber } from '../../src/probe/prober.ts';
import { signCall } from '../../src/probe/sign-call.ts';
import { isOn } from '../../src/protocol/gate-v1.ts';
import { fakeClock, fakeRandom, scripted, TARGET } from './fakes.ts';
import { PROBE } from './harness.ts';

const [CURRENT, NEXT, STRANGER] = ['gate-secret-of-today', 'gate-secret-of-tomorrow', 'nobody-has-this-one'];
const [current, next, stranger] = [CURRENT, NEXT, STRANGER].map((text) => Secret.fromText(text)) as [
  Secret,
  Secret,
  Secret,
];
const PROBE_OF_GATE: GateProbe = {
  tool: 'practice.noop',
  session: 'practice-probe',
  actor: 'did:practice:rotctl',
  conviction: 0.5,
  params: { dry: true, note: 'x', depth: 3 },
};
/** 2026-02-13, and three quarters of a second. */
const NOW = 1_770_984_000_750;
const NONCE = '00112233445566778899aabbccddeeff';
const keyIds = new KeyIds();
keyIds.learn(current, 'v1');
keyIds.learn(next, 'k-3fa9c1d2');

const COMPLETION: Completion = {
  settings: { method: 'POST', path: '/gate/request', body: '{"not":"sent"}', gate: PROBE_OF_GATE },
  userAgent: 'rotctl/run-7',
  now: NOW,
  freshNonce: () => NONCE,
  keyIdOf: (secret) => keyIds.of(secret),
};

/** What is sent for a call, read again. */
async function sent(call: Partial<Call>, completion: Completion = COMPLETION) {
  const { request, nonce, timestamp } = await signCall({ client: 'langgraph', secret: current, ...call }, completion);
  const body: Record<string, unknown> = JSON.parse(Buffer.from(request.body ?? []).toString('utf8'));
  return { request, nonce, timestamp, body };
}

/** A signature by the words of the contract alone. */
function signature(keyId: string, secret: string, fields: Readonly<Record<string, string | number>> = {}): string {
  const { actor, session, tool, nonce, seconds } = {
    actor: 'did:practice:rotctl',
    session: 'practice-probe',
    tool: 'practice.noop',
    nonce: NONCE,
    seconds: 1_770_984_000,
    ...fields,
  };
  const text = `${actor}|${session}|${tool}|${nonce}|${seconds}`;
  return `${keyId}:${createHmac('sha256', Buffer.from(secret, 'utf8')).update(text).digest('hex')}`;
}

describe('a call of a gate', () => {
  it('has every field of the contract, and says who we are', async () => {
    const { request, body, nonce, timestamp } = await sent({});
    expect(request).toMatchObject({
      method: 'POST',
      path: '/gate/request',
      headers: { 'content-type': 'application/json', accept: 'application/json', 'user-agent': 'rotctl/run-7' },
    });
    expect(Object.keys(request.headers).filter((name) => name.startsWith('x-'))).toEqual([]);
    expect(body).toEqual({
      tool: 'practice.noop',
      params: { dry: true, note: 'x', depth: 3 },
      conviction: 0.5,
      actor_did: 'did:practice:rotctl',
      session_id: 'practice-probe',
      nonce: NONCE,
      ts: 1_770_984_000.75,
      signature: 'v1:8f7477931de8208aae3487e9dc42f0016f965b5ebb0dbef91eb537b615be79b1',
    });
    expect([nonce, timestamp]).toEqual([NONCE, '1770984000750']);
  });

  const rows: readonly (readonly [what: string, call: Partial<Call>, body: Readonly<Record<string, unknown>>])[] = [
    ['the key id of the secret that signs', { secret: next }, { signature: signature('k-3fa9c1d2', NEXT) }],
    [
      'the default key id for a secret that nobody knows',
      { secret: stranger },
      { signature: signature('v1', STRANGER) },
    ],
    [
      'a wrong secret under the key id that the caller names',
      { secret: stranger, keyId: 'k-3fa9c1d2' },
      { signature: signature('k-3fa9c1d2', STRANGER) },
    ],
    ['a right secret under another’s key id', { keyId: 'v0' }, { signature: signature('v0', CURRENT) }],
    [
      'every signature in the list, each under its own key id',
      { also: [next] },
      {
        signature: signature('v1', CURRENT),
        signatures: [signature('v1', CURRENT), signature('k-3fa9c1d2', NEXT)],
      },
    ],
    [
      'the key id that is named for the first signature alone',
      { secret: stranger, keyId: 'k-other', also: [next, current] },
      {
        signatures: [signature('k-other', STRANGER), signature('k-3fa9c1d2', NEXT), signature('v1', CURRENT)],
      },
    ],
    [
      'a nonce of the caller’s',
      { nonce: 'ab'.repeat(16) },
      { nonce: 'ab'.repeat(16), signature: signature('v1', CURRENT, { nonce: 'ab'.repeat(16) }) },
    ],
    [
      'another second, with its fraction sent and not signed',
      { timestampOffsetMs: -1500 },
      { ts: 1_770_983_999.25, signature: signature('v1', CURRENT, { seconds: 1_770_983_999 }) },
    ],
    [
      'a fraction that does not round up to the next second',
      { timestampOffsetMs: 249 },
      { ts: 1_770_984_000.999, signature: signature('v1', CURRENT) },
    ],
    [
      'a signature for another actor',
      { signedInstead: { actor: 'somebody-else' } },
      { actor_did: 'did:practice:rotctl', signature: signature('v1', CURRENT, { actor: 'somebody-else' }) },
    ],
    [
      'a signature for another nonce',
      { signedInstead: { nonce: 'ff' } },
      { nonce: NONCE, signature: signature('v1', CURRENT, { nonce: 'ff' }) },
    ],
    [
      'a signature for another second',
      { signedInstead: { seconds: 7 } },
      { ts: 1_770_984_000.75, signature: signature('v1', CURRENT, { seconds: 7 }) },
    ],
    [
      'an altered digest under an unaltered key id',
      { alterSignature: (hex) => `${hex.slice(0, 8)}` },
      {
        signature: signature('v1', CURRENT).slice(0, 3 + 8),
      },
    ],
    [
      'a digest of the caller’s',
      { secret: undefined, overrideSignature: '0'.repeat(64) },
      { signature: `v1:${'0'.repeat(64)}` },
    ],
    ['an empty digest without a secret', { secret: undefined }, { signature: 'v1:' }],
    ['a signature with the empty key', { secret: Secret.fromText('') }, { signature: signature('v1', '') }],
  ];

  it.each(rows)('sends %s', async (_, call, body) => {
    expect((await sent(call)).body).toMatchObject(body);
  });

  it('without a signature has none at all, and all else', async () => {
    const { body } = await sent({ secret: undefined, bare: true });
    expect(Object.keys(body).sort()).toEqual([
      'actor_did',
      'conviction',
      'nonce',
      'params',
      'session_id',
      'tool',
      'ts',
    ]);
  });

  it.each([...rows.map(([what, call]) => [what, call] as const), ['no signature', { bare: true }] as const])(
    'never bears an idempotency_key, nor more signatures than were asked for: %s',
    async (_, call) => {
      const { body, request } = await sent(call);
      expect(Object.keys(body).filter((name) => /idempotency/i.test(name))).toEqual([]);
      expect(Object.keys(request.headers).filter((name) => /idempotency/i.test(name))).toEqual([]);
      expect('signatures' in body).toBe('also' in call);
    },
  );

  it('shows none of its secrets', async () => {
    const { request } = await sent({ also: [next] });
    const text = `${JSON.stringify(request.headers)}${Buffer.from(request.body ?? []).toString('utf8')}`;
    for (const secret of [CURRENT, NEXT]) expect(text).not.toContain(secret);
  });
});

describe('a prober of a gate', () => {
  function prober(protocol: 'gate-v1' | 'keyring-v1') {
    const settings = { ...PROBE, ...COMPLETION.settings };
    const body = JSON.stringify({ detail: 'invalid request signature' });
    const headers = { 'content-type': 'application/json' };
    const transport = scripted({ kind: 'answer', status: 401, headers, body, ms: 2 });
    const [clock, random] = [fakeClock(NOW), fakeRandom()];
    return createProber({ settings, outcomes: [], transport, clock, random, protocol, keyIds, runId: 'run-7' });
  }

  it('judges by the gate’s words, and counts its own refusals for the signature', async () => {
    const gate = prober('gate-v1');
    const { outcome } = await gate.probe({ endpoint: TARGET, client: 'langgraph', secret: current });
    expect(outcome.code).toBe('AUTH_INVALID_HMAC');
    expect(gate.refusals(TARGET)).toEqual({ least: 1, most: 1 });
    expect(gate.refusals({ ...TARGET, url: new URL('https://127.0.0.1:2') })).toEqual({ least: 0, most: 0 });
  });

  it('knows key ids, and one of signers none', () => {
    const [gate, signer] = [prober('gate-v1'), prober('keyring-v1')];
    expect([gate.keyIdOf(next), signer.keyIdOf(next)]).toEqual(['k-3fa9c1d2', undefined]);
    expect([gate.keyIdsFor(next), signer.keyIdsFor(next)]).toEqual([['k-3fa9c1d2', 'v1', 'v0'], []]);
  });
});

describe('key ids', () => {
  it('are by secret and not by object, and the last one that was learnt', () => {
    const ids = new KeyIds([[current.fingerprint, 'k-a']]);
    expect([ids.knows(Secret.fromText(CURRENT)), ids.knows(next)]).toEqual([true, false]);
    expect(ids.of(Secret.fromText(CURRENT))).toBe('k-a');
    ids.learn(Secret.fromText(CURRENT), 'k-b');
    expect(ids.of(current)).toBe('k-b');
    expect(new KeyIds(ids.entries()).of(current)).toBe('k-b');
  });

  it.each([
    ['nothing known', [], current, ['v1', 'v0']],
    ['its own first, then the other’s, then the defaults', [['k-a'], ['k-b']], next, ['k-b', 'k-a', 'v1', 'v0']],
    ['a default that is its own, once', [['v1'], ['k-b']], current, ['v1', 'k-b', 'v0']],
    ['an unknown secret goes by the default first', [['k-a']], stranger, ['v1', 'k-a', 'v0']],
  ] as const)('under which a refusal must be seen: %s', (_, learnt, secret, wanted) => {
    const ids = new KeyIds();
    for (const [index, [id]] of learnt.entries()) ids.learn(index === 0 ? current : next, id);
    expect(ids.every(secret)).toEqual(wanted);
  });

  it.each([
    ['1', true],
    ['true', true],
    ['YES', true],
    [' True ', true],
    ['on', false],
    ['enabled', false],
    ['y', false],
    ['0', false],
    ['', false],
    [undefined, false],
  ])('the switch %j is on: %s', (text, on) => {
    expect(isOn(text)).toBe(on);
  });
});
