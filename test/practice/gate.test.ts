import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/until.ts';
import {
  answerOf,
  freshNonce,
  freshSecret,
  type GateHit,
  type GateShot,
  gateTls,
  ledgerOf,
  NOOP,
  nowSeconds,
  pageOf,
  SESSION,
  sharedSecret,
  shootGate,
  signatureText,
  signedAs,
} from './gate-caller.ts';
import { startFleet, type TestFleet } from './harness.ts';

const [GATE, OTHER, FILED] = ['gate-a', 'gate-b', 'gate-c'];
let fleet: TestFleet;
beforeAll(async () => {
  fleet = await startFleet('--protocol', 'gate-v1', '--store', 'embedded');
});
afterAll(() => fleet.stop());

const at = (target: string, shot: GateShot = {}): Promise<GateHit> => shootGate(fleet, target, shot);
const answer = (target: string, shot: GateShot = {}): Promise<string> => answerOf(fleet, target, shot);

const GOOD = '200 DENIED';
const BAD = '401 invalid request signature';

describe('a gate answers', () => {
  const rows: [string, GateShot, string][] = [
    ['a good request that policy denies', {}, GOOD],
    ['a good request that policy allows', { tool: 'practice.transfer' }, '200 APPROVED'],
    ['another secret', { secret: '0'.repeat(64) }, BAD],
    ['the empty secret', { secret: '' }, BAD],
    ['another key id, as it is not strict', { keyId: 'anything' }, GOOD],
    ['no signature', { signature: null }, BAD],
    ['an empty signature', { signature: '' }, BAD],
    ['a signature without a key id', { signature: 'f'.repeat(64) }, BAD],
    ['a signature of the wrong length', { signature: 'v1:abcd' }, BAD],
    ['a signature beyond ASCII', { signature: 'v1:é' }, BAD],
    ['a tool without a name', { tool: '' }, '400 tool must be named'],
    ['a tool that is not allowed', { tool: 'practice.other' }, '403 tool not allowed'],
    ['a session that is not known', { session: 'stranger' }, '401 Session not trusted'],
    ['a nonce without ts', { fields: { ts: undefined } }, '400 nonce and ts must be provided together'],
    ['ts without a nonce', { fields: { nonce: undefined } }, '400 nonce and ts must be provided together'],
    ['an empty nonce', { fields: { nonce: '' } }, '400 nonce and ts must be provided together'],
    ['neither nonce nor ts', { fields: { nonce: undefined, ts: undefined } }, BAD],
    ['a tool that was not signed', { fields: { tool: 'practice.transfer' } }, BAD],
    ['an actor that was not signed', { fields: { actor_did: 'did:practice:other' } }, BAD],
    ['a session that was not signed', { fields: { session_id: 'practice-langgraph' } }, BAD],
    ['params that are not signed', { fields: { params: { amount: 2 }, conviction: 10 } }, GOOD],
    ['a field that it does not know', { fields: { cosign: 'x' } }, GOOD],
  ];
  it.each(rows)('%s', async (_name, shot, expected) => {
    expect(await answer(GATE, shot)).toBe(expected);
  });

  it('a signature in capitals is not good', async () => {
    const signed = { nonce: freshNonce(), ts: nowSeconds() };
    const [id, hex = ''] = signatureText('v1', sharedSecret(fleet), signedAs(signed)).split(':');
    expect(await answer(GATE, { ...signed, signature: `${id}:${hex.toUpperCase()}` })).toBe(BAD);
    expect(await answer(GATE, { ...signed, signature: `${id}:${hex}` })).toBe(GOOD);
  });

  it('fields without ; | and &, cut at 1024 characters, are what is signed', async () => {
    const signed = { nonce: freshNonce(), ts: nowSeconds() };
    const long = `did:${'x'.repeat(2000)}`;
    const signature = signatureText('v1', sharedSecret(fleet), signedAs({ ...signed, actor: long.slice(0, 1024) }));
    const fields = { actor_did: `;|&${long}`, tool: 'practice;.|noop&' };
    expect(await answer(GATE, { ...signed, signature, fields })).toBe(GOOD);
  });

  it('the fraction of ts is not signed', async () => {
    const whole = Math.floor(nowSeconds());
    const nonce = freshNonce();
    const signature = signatureText('v1', sharedSecret(fleet), signedAs({ nonce, ts: whole }));
    expect(await answer(GATE, { nonce, ts: whole + 0.5, signature })).toBe(GOOD);
  });

  const skewed: [string, number, string][] = [
    ['too old', -2.1, '401 request timestamp outside allowed window'],
    ['young enough', -1.5, GOOD],
    ['not too far ahead', 1.9, GOOD],
    ['too far ahead', 2.9, '401 request timestamp outside allowed window'],
  ];
  it.each(skewed)('ts that is %s', async (_name, seconds, expected) => {
    expect(await answer(GATE, { ts: nowSeconds() + seconds })).toBe(expected);
  });

  const schema: [string, GateShot, string[]][] = [
    ['no JSON', { raw: 'hello' }, ['body']],
    ['a list', { raw: '[]' }, ['body']],
    ['no tool', { fields: { tool: undefined } }, ['body', 'tool']],
    ['params that are a list', { fields: { params: [] } }, ['body', 'params']],
    ['too much conviction', { fields: { conviction: 11 } }, ['body', 'conviction']],
    ['no conviction', { fields: { conviction: undefined } }, ['body', 'conviction']],
    ['an actor that is a number', { fields: { actor_did: 1 } }, ['body', 'actor_did']],
    ['no session', { fields: { session_id: undefined } }, ['body', 'session_id']],
    ['ts as text', { fields: { ts: '1' } }, ['body', 'ts']],
    ['signatures that are numbers', { signatures: [1] }, ['body', 'signatures']],
    ['too many signatures', { signatures: Array.from({ length: 17 }, () => 'x') }, ['body', 'signatures']],
  ];
  it.each(schema)('422 to %s, before anything else', async (_name, shot, loc) => {
    const { status, json } = await at(GATE, { tool: 'practice.other', ...shot });
    expect([status, json.detail]).toEqual([422, { loc, msg: expect.any(String) }]);
  });

  it('404, 405 and 413 to what is no gate request', async () => {
    expect(await answer(GATE, { path: '/gate' })).toBe('404 not found');
    expect(await answer(GATE, { method: 'PUT' })).toBe('405 method not allowed');
    expect(await answer(GATE, { fields: { params: { x: 'x'.repeat(70_000) } } })).toBe('413 request too large');
  });

  it('with its name', async () => {
    expect((await at(OTHER)).instance).toBe(OTHER);
    expect((await pageOf(fleet, OTHER, '/health')).instance).toBe(OTHER);
  });

  it('the first check that fails: each is right but for what comes after', async () => {
    const stale = { ts: nowSeconds() - 60 };
    expect(await answer(GATE, { tool: 'practice.other', session: 'stranger' })).toMatch(/^403/);
    expect(await answer(GATE, { session: 'stranger', fields: { ts: undefined } })).toMatch(/^401 Session/);
    expect(await answer(GATE, { ...stale, secret: 'wrong' })).toMatch(/outside allowed window/);
    const nonce = freshNonce();
    expect(await answer(GATE, { nonce })).toBe(GOOD);
    expect(await answer(GATE, { nonce, secret: 'wrong' })).toBe(BAD);
  });
});

describe('once only', () => {
  const REPLAY = '409 replay detected';

  it('a nonce that one gate has taken is refused by all, with whatever is not signed', async () => {
    const shot = { nonce: freshNonce(), ts: nowSeconds() };
    expect(await answer(GATE, shot)).toBe(GOOD);
    for (const name of [GATE, OTHER, FILED]) expect(await answer(name, shot)).toBe(REPLAY);
    expect(await answer(OTHER, { ...shot, fields: { idempotency_key: 'k', params: { other: 1 } } })).toBe(REPLAY);
  });

  it('a refused signature takes no nonce', async () => {
    const nonce = freshNonce();
    expect(await answer(GATE, { nonce, secret: 'wrong' })).toBe(BAD);
    expect(await answer(GATE, { nonce })).toBe(GOOD);
  });

  it('of each session: the same nonce is fresh in another, and a colon joins no two', async () => {
    const nonce = freshNonce();
    expect(await answer(GATE, { nonce })).toBe(GOOD);
    expect(await answer(GATE, { nonce, session: 'practice-langgraph' })).toBe(GOOD);
    expect(await answer(GATE, { nonce, session: 'practice-langgraph' })).toBe(REPLAY);
  });

  it('of six at once one is accepted', async () => {
    const shot = { nonce: freshNonce(), ts: nowSeconds() };
    const answers = await Promise.all([GATE, OTHER, FILED, GATE, OTHER, FILED].map((name) => answer(name, shot)));
    expect(answers.sort()).toEqual([GOOD, ...Array.from({ length: 5 }, () => REPLAY)]);
  });

  it('without the store nothing is accepted', async () => {
    expect((await fleet.ctl('store', 'stop')).code).toBe(0);
    expect(await answer(GATE)).toBe('503 replay store unavailable');
    expect(await answer(GATE, { secret: 'wrong' })).toBe(BAD);
    expect((await pageOf(fleet, GATE, '/health')).status).toBe(200);
    expect((await fleet.ctl('store', 'start')).code).toBe(0);
    await eventually('it is accepted again', async () => (await answer(GATE)) === GOOD);
  });
});

describe('its pages', () => {
  it('/metrics counts what is no 401', async () => {
    await fleet.ctl('stop', 'langgraph');
    await fleet.ctl('stop', 'scheduler');
    await fleet.ctl('restart', OTHER);
    expect((await pageOf(fleet, OTHER, '/metrics')).json).toEqual({ error_ratio: 0, total: 0 });
    const nonce = freshNonce();
    for (const shot of [{ nonce }, { nonce }, { tool: 'practice.other' }, {}, { secret: 'wrong' }, { session: 'x' }]) {
      await at(OTHER, shot);
    }
    expect((await pageOf(fleet, OTHER, '/metrics')).json).toEqual({ error_ratio: 0.5, total: 4 });
    await fleet.ctl('start', 'langgraph');
    await fleet.ctl('start', 'scheduler');
  });

  it('/ledger has accepted requests only, and outlives restart and kill', async () => {
    const actor = `did:practice:${freshNonce()}`;
    const before = nowSeconds();
    expect(await answer(OTHER, { actor, tool: 'practice.transfer', keyId: 'label' })).toBe('200 APPROVED');
    expect(await answer(OTHER, { actor })).toBe(GOOD);
    for (const shot of [{ secret: 'wrong' }, { session: 'x' }, { tool: 'x' }]) await at(OTHER, { ...shot, actor });
    const entry = { actor_did: actor, session_id: SESSION, at: expect.any(Number) };
    const expected = [
      { ...entry, tool: 'practice.transfer', key_id: 'label', approved: true },
      { ...entry, tool: NOOP, key_id: 'v1', approved: false },
    ];
    const mine = () => ledgerOf(fleet, OTHER, actor);
    const seen = await mine();
    expect(seen).toEqual(expected);
    for (const { at: when } of seen) expect(when >= before - 0.01 && when <= nowSeconds()).toBe(true);
    await fleet.ctl('restart', OTHER);
    expect(await mine()).toEqual(seen);
    await fleet.ctl('kill', OTHER);
    await fleet.ctl('start', OTHER);
    expect(await mine()).toEqual(seen);
  });

  it('the log has a line for each refused signature, with actor and caller, and no secret or signature', async () => {
    const log = (): string => readFileSync(join(fleet.home, 'logs', `${OTHER}.log`), 'utf8');
    const lines = (): string[] =>
      log()
        .split('\n')
        .filter((line) => line.includes('invalid request signature'));
    const before = lines().length;
    const wrong = freshSecret();
    const signature = signatureText('v1', wrong, signedAs({ nonce: 'n', ts: 1 }));
    await at(OTHER, { signature, actor: 'did:practice:x agent=rotctl/1\n', userAgent: 'rotctl/abc' });
    await at(OTHER, { signature: null, userAgent: 'a\tb' });
    await at(OTHER, { session: 'stranger' });
    await at(OTHER);
    const seen = await eventually('two lines', () => lines().length >= before + 2 && lines().slice(before));
    const stamp = '\\d{4}-\\d\\d-\\d\\dT\\S+Z 401 invalid request signature';
    expect(seen).toEqual([
      expect.stringMatching(new RegExp(`^${stamp} actor=did:practice:x\\?agent\\?rotctl\\?1\\? agent=rotctl/abc$`)),
      expect.stringMatching(new RegExp(`^${stamp} actor=did:practice:test agent=a\\\\x09b$`)),
    ]);
    expect(log()).not.toContain(signature.slice(3));
    for (const secret of [wrong, sharedSecret(fleet)]) expect(log()).not.toContain(secret);
  });
});

describe('a gate that drains', () => {
  it('says 503 on its health page, closes each connection after its answer, and is gone', async () => {
    const agent = new Agent({ ...gateTls(fleet), keepAlive: true, maxSockets: 1 });
    expect((await at(GATE, { agent })).connection).toBe('keep-alive');
    const stopped = fleet.ctl('stop', GATE);
    const health = await eventually('health says 503', async () => {
      const hit = await at(GATE, { agent, method: 'GET', path: '/health' });
      return hit.status === 503 && hit;
    });
    expect(health.connection).toBe('close');
    expect((await stopped).code).toBe(0);
    expect((await at(GATE)).said).toBe('ECONNREFUSED');
    expect((await fleet.ctl('start', GATE)).code).toBe(0);
    expect(await answer(GATE)).toBe(GOOD);
    agent.destroy();
  });
});
