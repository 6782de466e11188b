import { createHmac, randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../support/until.ts';
import { type GateFleet, startGates, type Variables } from './fleet.ts';

const PREV = 'the-secret-before';
/** The gates that the tests ask, by what is special about each. */
const GATES = {
  usual: { INTERSERVICE_HMAC_SECRET_PREV: PREV },
  second: {},
  strict: { INTERSERVICE_HMAC_SECRET_PREV: PREV, INTERSERVICE_HMAC_STRICT_KEY_ID: 'Yes' },
  notStrict: { INTERSERVICE_HMAC_SECRET_PREV: PREV, INTERSERVICE_HMAC_STRICT_KEY_ID: 'on' },
  revoking: { INTERSERVICE_HMAC_SECRET_PREV: PREV, INTERSERVICE_HMAC_REVOKED_IDS: 'k9, v0' },
  unset: { INTERSERVICE_HMAC_SECRET: undefined },
  empty: { INTERSERVICE_HMAC_SECRET: '' },
  unsigned: { REQUIRE_SIGNATURE: 'false' },
  limited: { RATE_LIMIT_PER_MINUTE: '1' },
  forgetful: { NONCE_TTL_SECONDS: '0.5' },
  filed: { INTERSERVICE_HMAC_SECRET: '/run/secrets/hmac', INTERSERVICE_HMAC_SECRET_PREV: PREV },
} satisfies Record<string, Variables>;
type Name = keyof typeof GATES;
type Body = Record<string, unknown>;

let fleet: GateFleet;

beforeAll(async () => {
  fleet = await startGates(Object.values(GATES));
}, 60_000);
afterAll(() => fleet?.stop(), 60_000);

const unit = (name: Name) => `gate-${Object.keys(GATES).indexOf(name) + 1}`;
const url = (name: Name) => fleet.urls[Object.keys(GATES).indexOf(name)] ?? '';
const now = () => Date.now() / 1000;

function plain(changes: Body = {}): Body {
  const base = {
    tool: 'practice.noop',
    params: {},
    conviction: 0,
    actor_did: 'did:test:one',
    session_id: 'practice-probe',
  };
  return { ...base, nonce: randomUUID(), ts: now(), ...changes };
}

function digest(secret: string, body: Body): string {
  const text = [body.actor_did, body.session_id, body.tool, body.nonce, Math.trunc(Number(body.ts))].join('|');
  return createHmac('sha256', secret).update(text).digest('hex');
}

/** A signed request; `after` is what changes when it has been signed. */
function signed(changes: Body = {}, after: Body = {}, { secret = fleet.secret, kid = 'v1' } = {}): Body {
  const body = plain(changes);
  return { ...body, signature: `${kid}:${digest(secret, body)}`, ...after };
}

/** Status, and the refusal's text or the decision. */
async function ask(name: Name, body: Body | string): Promise<[number, unknown]> {
  const sent = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await fetch(`${url(name)}/gate/request`, { method: 'POST', body: sent });
  const text = await answer.text();
  if (answer.headers.get('content-type') !== 'application/json') return [answer.status, text];
  const json = JSON.parse(text);
  return [answer.status, json.detail ?? json.approved];
}

/** What the pages have: the health page a status, the metrics a total, the ledger rows. */
interface Page {
  readonly status: string;
  readonly total: number;
  readonly rows: readonly { readonly when: string; readonly actor: string; readonly kid: string }[];
}

async function pageAt(address: string): Promise<Page> {
  return JSON.parse(await (await fetch(address)).text());
}

const page = (name: Name, path: string) => pageAt(`${url(name)}${path}`);
const OK = [200, false];
const BAD_SIGNATURE = [401, 'invalid request signature'];
const SKEW = [401, 'request timestamp outside allowed window'];
const PAIR = [400, 'nonce and ts must be provided together'];

describe('who signs', () => {
  const old = { secret: PREV, kid: 'v0' };
  const rows: [string, Name, () => Body, unknown[]][] = [
    ['the secret', 'usual', () => signed(), OK],
    ['the secret, with conviction', 'usual', () => signed({ conviction: 9 }), [200, true]],
    ['the previous one', 'usual', () => signed({}, {}, old), OK],
    ['the previous one under an invented key id', 'usual', () => signed({}, {}, { ...old, kid: 'k77' }), OK],
    ['a gate that has no previous one', 'second', () => signed({}, {}, old), BAD_SIGNATURE],
    ['nobody', 'usual', () => plain(), BAD_SIGNATURE],
    ['nobody, without nonce and ts', 'usual', () => plain({ nonce: undefined, ts: undefined }), BAD_SIGNATURE],
    ['a wrong secret', 'usual', () => signed({}, {}, { secret: 'x' }), BAD_SIGNATURE],
    ['the empty key', 'usual', () => signed({}, {}, { secret: '' }), BAD_SIGNATURE],
    ['the empty key, as the gate has', 'empty', () => signed({}, {}, { secret: '' }), OK],
    ['anyone, where none is set', 'unset', () => signed(), [500, 'Internal Server Error']],
    ['a wrong secret, where none is required', 'unsigned', () => signed({}, {}, { secret: 'x' }), OK],
    ['strict, own ids', 'strict', () => signed(), OK],
    ['strict, own ids, previous', 'strict', () => signed({}, {}, old), OK],
    ['strict, the other id', 'strict', () => signed({}, {}, { ...old, kid: 'v1' }), BAD_SIGNATURE],
    ['strict is not "on"', 'notStrict', () => signed({}, {}, { ...old, kid: 'v1' }), OK],
    ['a revoked id', 'revoking', () => signed({}, {}, old), BAD_SIGNATURE],
    ['the same under another label', 'revoking', () => signed({}, {}, { ...old, kid: 'v7' }), OK],
  ];
  test.each(rows)('%s: %s', async (_, name, body, answer) => {
    expect(await ask(name, body())).toEqual(answer);
  });

  test('upper-case hex is refused', async () => {
    const body = plain();
    expect(await ask('usual', { ...body, signature: `v1:${digest(fleet.secret, body).toUpperCase()}` })).toEqual(
      BAD_SIGNATURE,
    );
  });

  test('any good one of the signatures is enough; one that is not ASCII spoils all', async () => {
    const body = plain();
    const good = `v1:${digest(fleet.secret, body)}`;
    expect(await ask('usual', { ...body, signature: 'v1:00', signatures: ['v3:00', good, 'é'] })).toEqual([
      500,
      expect.anything(),
    ]);
    expect(await ask('usual', { ...body, signature: 'v1:00', signatures: ['v3:00', good] })).toEqual(OK);
  });

  test('the health page of a gate without a secret is well', async () => {
    expect(await page('unset', '/health')).toEqual({ status: 'ok' });
  });
});

describe('the order of the checks', () => {
  const far = { ts: now() - 3600 };
  const rows: [string, () => Body | string, unknown[]][] = [
    ['no JSON', () => '{', [422, expect.anything()]],
    ['no tool', () => signed({}, { tool: undefined }), [422, [expect.objectContaining({ loc: ['body', 'tool'] })]]],
    ['conviction', () => signed({ conviction: 11 }), [422, expect.anything()]],
    ['schema before tool', () => signed({ tool: 'rm', conviction: 'x' }), [422, expect.anything()]],
    ['tool before session', () => signed({ tool: 'rm', session_id: 'who' }), [400, 'tool not allowed']],
    ['session before scope', () => signed({ tool: 'ledger.write', session_id: 'who' }), [401, 'Session not trusted']],
    ['scope before nonce', () => signed({ tool: 'ledger.write', nonce: undefined }), [403, expect.anything()]],
    ['no nonce', () => signed({ nonce: undefined }), PAIR],
    ['no ts', () => signed({ ts: undefined }), PAIR],
    ['long ago, before signature', () => plain(far), SKEW],
    ['ahead', () => signed({ ts: now() + 3 }), SKEW],
    ['inside the window', () => signed({ ts: now() + 1 }), OK],
    [
      'not covered: params, conviction, fraction',
      () => signed({ ts: Math.floor(now()) + 0.1 }, { params: { a: 1 } }),
      OK,
    ],
    ['covered: the actor', () => signed({}, { actor_did: 'did:other' }), BAD_SIGNATURE],
    ['cleaned before it is verified', () => signed({ actor_did: 'did:xy' }, { actor_did: 'did:x|;&y' }), OK],
    ['signed uncleaned', () => signed({ actor_did: 'did:x|y' }), BAD_SIGNATURE],
    ['cut at 1024', () => signed({ actor_did: 'x'.repeat(1024) }, { actor_did: 'x'.repeat(1030) }), OK],
  ];
  test.each(rows)('%s', async (_, body, answer) => {
    expect(await ask('usual', body())).toEqual(answer);
  });

  test('a rate limit comes before authentication', async () => {
    const answers = [await ask('limited', plain()), await ask('limited', plain()), await ask('limited', plain())];
    expect(answers).toContainEqual([429, 'rate limit exceeded']);
    expect(await ask('limited', '{')).toEqual([422, expect.anything()]);
  });

  test('an idempotency key that was seen is answered whatever the signature', async () => {
    const body = signed({ idempotency_key: randomUUID(), conviction: 9 });
    expect(await ask('usual', { ...body, signature: 'v1:00' })).toEqual(BAD_SIGNATURE);
    expect(await ask('usual', body)).toEqual([200, true]);
    expect(await ask('usual', { ...body, signature: 'v1:00' })).toEqual([200, true]);
  });
});

describe('nonces', () => {
  const REPLAY = [409, 'replay detected'];
  test('are taken once per session, by good signatures only', async () => {
    const body = signed();
    expect(await ask('second', { ...body, signature: 'v1:00' })).toEqual(BAD_SIGNATURE);
    expect(await ask('second', body)).toEqual(OK);
    expect(await ask('second', body)).toEqual(REPLAY);
    expect(await ask('second', { ...body, signature: 'v1:00' })).toEqual(BAD_SIGNATURE);
    expect(await ask('second', signed({ nonce: body.nonce, session_id: 'agent-7' }))).toEqual(OK);
  });

  test('run together with the session', async () => {
    expect(await ask('second', signed({ session_id: 'a:b', nonce: 'c' }))).toEqual(OK);
    expect(await ask('second', signed({ session_id: 'a', nonce: 'b:c' }))).toEqual(REPLAY);
  });

  test('are known to the gate after a restart, and to no other gate', async () => {
    const body = signed();
    expect(await ask('second', body)).toEqual(OK);
    await fleet.ctl('restart', unit('second'));
    expect(await ask('second', signed({ nonce: body.nonce }))).toEqual(REPLAY);
    expect(await ask('usual', signed({ nonce: body.nonce }))).toEqual(OK);
  });

  test('are forgotten after their life', async () => {
    const nonce = randomUUID();
    expect(await ask('forgetful', signed({ nonce }))).toEqual(OK);
    expect(await ask('forgetful', signed({ nonce }))).toEqual(REPLAY);
    await eventually('the nonce is forgotten', async () => (await ask('forgetful', signed({ nonce })))[0] === 200);
  });

  test('that cannot be kept are refused', async () => {
    const file = join(fleet.home, 'run', `${unit('forgetful')}-nonces`);
    rmSync(file, { force: true });
    mkdirSync(file);
    expect(await ask('forgetful', signed())).toEqual([503, 'replay store unavailable']);
  });
});

test('a secret in a file is read at each use, and one of the own name beats all', async () => {
  const folder = join(fleet.home, 'secrets', unit('filed'));
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  const by = (secret: string) => ask('filed', signed({}, {}, { secret }));
  expect(await by('one')).toEqual([500, expect.anything()]);
  write('hmac', 'one\n');
  expect(await by('one')).toEqual(OK);
  write('hmac', 'two');
  expect([await by('one'), await by('two'), await by(PREV)]).toEqual([BAD_SIGNATURE, OK, OK]);
  write('hmac', '');
  expect(await by('')).toEqual(OK);
  write('interservice_hmac_secret', 'three');
  expect([await by(''), await by('three')]).toEqual([BAD_SIGNATURE, OK]);
});

describe('what a gate tells', () => {
  test('its ledger has the key id of each accepted request, its log a line for each refused signature', async () => {
    const refusals = () => fleet.log(unit('usual')).filter((line) => line.includes('invalid request signature')).length;
    const before = { refusals: refusals(), metrics: await page('usual', '/metrics') };
    const actor = `did:test:${randomUUID()}`;
    await ask('usual', signed({ actor_did: actor }, {}, { secret: PREV, kid: 'anything' }));
    await ask('usual', signed({ actor_did: actor }));
    await ask('usual', signed({ actor_did: actor }, {}, { secret: 'x' }));
    const { rows } = await page('usual', '/ledger');
    const own = rows.filter((row) => row.actor === actor);
    expect(own.map((row) => row.kid)).toEqual(['v1', 'v0']);
    expect(Math.abs(Date.parse(own[0]?.when ?? '') - Date.now())).toBeLessThan(10_000);
    await eventually('the line is written', () => refusals() === before.refusals + 1);
    const after = await page('usual', '/metrics');
    expect(after.total).toBe(before.metrics.total + 2);
    expect(fleet.log(unit('usual')).join('\n')).not.toMatch(/node|undici/i);
  });

  test('connections are kept', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const once = (body: string) =>
      new Promise<boolean>((resolve, reject) => {
        const sent = request(`${url('usual')}/gate/request`, { method: 'POST', agent }, (answer) => {
          answer.resume().on('end', () => resolve(sent.reusedSocket));
        });
        sent.on('error', reject).end(body);
      });
    const bodies = ['{', JSON.stringify(plain()), JSON.stringify(signed())];
    const reused: boolean[] = [];
    for (const body of bodies) reused.push(await once(body));
    agent.destroy();
    expect(reused).toEqual([false, true, true]);
  });
});

test('the service is refused nothing while its gates restart, with one signature and with two', async () => {
  const ids = { INTERSERVICE_HMAC_SECRET_PREV: PREV, INTERSERVICE_HMAC_STRICT_KEY_ID: 'true' };
  const own = await startGates([ids, ids], { INTERSERVICE_HMAC_SECRET_PREV: PREV, REQUESTS_PER_SECOND: '50' });
  try {
    const goOn = async (more: number) => {
      const { accepted } = own.tally();
      await eventually('the service goes on', () => own.tally().accepted >= accepted + more);
    };
    await goOn(50);
    await own.ctl('restart', 'gate-1');
    await own.ctl('restart', 'gate-2');
    const env = join(own.home, 'etc/service.env');
    const lines = Object.entries({ ...own.variables('service'), TOOL_GATE_DUAL_SIGN: 'true' });
    writeFileSync(env, lines.map(([name, value]) => `${name}="${value}"\n`).join(''));
    await own.ctl('restart', 'service');
    await goOn(50);
    await own.ctl('stop', 'service');
    const { accepted, ...rest } = own.tally();
    expect(rest).toMatchObject({ refused: 0, answers: [] });
    expect(rest.faults).toBeGreaterThan(0);
    const ledger = await pageAt(`${own.urls[0]}/ledger`);
    expect(new Set(ledger.rows.map((row) => row.kid))).toEqual(new Set(['v1']));
    expect(accepted).toBeGreaterThan(100);
  } finally {
    await own.stop();
  }
}, 60_000);
