import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/until.ts';
import {
  answerOf,
  envOf,
  freshNonce,
  freshSecret,
  type GateShot,
  ledgerOf,
  nowSeconds,
  pageOf,
  type Signed,
  sharedSecret,
  signatureText,
  signedAs,
  writeVariables,
} from './gate-caller.ts';
import { startFleet, type TestFleet } from './harness.ts';

const [GATE, FILED] = ['gate-a', 'gate-c'];
let fleet: TestFleet;
let plain: Record<string, string>;
beforeAll(async () => {
  fleet = await startFleet('--protocol', 'gate-v1', '--store', 'embedded');
  plain = Object.fromEntries([GATE, FILED].map((name) => [name, readFileSync(envOf(fleet, name), 'utf8')]));
});
afterAll(() => fleet.stop());

const answer = (target: string, shot: GateShot = {}): Promise<string> => answerOf(fleet, target, shot);
/** Gives a gate variables beside those that it was made with, and starts it anew. */
const configure = async (name: string, changes: Record<string, string | undefined>): Promise<void> => {
  writeFileSync(envOf(fleet, name), plain[name] ?? '');
  writeVariables(envOf(fleet, name), changes);
  expect(await fleet.ctl('restart', name)).toEqual({ code: 0, stdout: '', stderr: '' });
};

const GOOD = '200 DENIED';
const BAD = '401 invalid request signature';

describe('its variables', () => {
  const old = freshSecret();
  const now = (): string => sharedSecret(fleet);
  const PREV = 'INTERSERVICE_HMAC_SECRET_PREV';
  const STRICT = 'INTERSERVICE_HMAC_STRICT_KEY_ID';
  const REVOKED = 'INTERSERVICE_HMAC_REVOKED_IDS';
  const IDS = { INTERSERVICE_HMAC_KEY_ID: 'k-now', INTERSERVICE_HMAC_KEY_ID_PREV: 'k-old' };
  afterAll(() => configure(GATE, {}));

  /** Configuration, secret (`now`, `old`, `wrong`, or empty), its label, and whether the gate accepts it. */
  const rows: [string, Record<string, string>, [secret: string, keyId: string, good: boolean][]][] = [
    [
      'a previous secret verifies too, under any label',
      { [PREV]: old },
      [
        ['now', 'v1', true],
        ['old', 'v0', true],
        ['old', 'v1', true],
        ['wrong', 'v1', false],
        ['', 'v0', false],
      ],
    ],
    [
      'an empty previous secret is none',
      { [PREV]: '' },
      [
        ['now', 'v1', true],
        ['', 'v0', false],
        ['', 'v1', false],
      ],
    ],
    [
      'strict: a secret only under its own id, v1 and v0 by default',
      { [PREV]: old, [STRICT]: 'true' },
      [
        ['now', 'v1', true],
        ['now', 'v0', false],
        ['old', 'v0', true],
        ['old', 'v1', false],
        ['old', 'k-old', false],
      ],
    ],
    [
      'strict with ids of its own',
      { [PREV]: old, ...IDS, [STRICT]: 'yes' },
      [
        ['now', 'k-now', true],
        ['now', 'v1', false],
        ['old', 'k-old', true],
        ['old', 'v0', false],
      ],
    ],
    ['strict by any other word is not strict', { [PREV]: old, ...IDS, [STRICT]: 'on' }, [['old', 'v1', true]]],
    [
      'a revoked id is refused, and without strict the same digest under another label is not',
      { [PREV]: old, ...IDS, [REVOKED]: 'k-older, k-old' },
      [
        ['old', 'k-old', false],
        ['old', 'invented', true],
        ['now', 'k-now', true],
      ],
    ],
    [
      'a revoked id with strict is refused under every label',
      { [PREV]: old, ...IDS, [REVOKED]: 'k-old', [STRICT]: '1' },
      [
        ['old', 'k-old', false],
        ['old', 'invented', false],
        ['now', 'k-now', true],
      ],
    ],
  ];
  it.each(rows)('%s', async (_name, variables, tries) => {
    await configure(GATE, variables);
    const secretOf: Record<string, string> = { now: now(), old, wrong: 'wrong', '': '' };
    for (const [secret, keyId, good] of tries) {
      const got = await answer(GATE, { secret: secretOf[secret] ?? '', keyId });
      expect([secret, keyId, got]).toEqual([secret, keyId, good ? GOOD : BAD]);
    }
  });

  /** What is put beside a signature by the present secret, and the key id of the first good one. */
  const bundles: [string, (signed: Signed) => GateShot, string][] = [
    ['the first', (signed) => ({ signatures: [signatureText('k-old', old, signed)] }), 'k-now'],
    ['the last', (signed) => ({ signature: 'v1:é', signatures: ['', signatureText('k-old', old, signed)] }), 'k-old'],
    ['one in the list alone', (signed) => ({ signature: null, signatures: [signatureText('x', now(), signed)] }), 'x'],
  ];
  it.each(bundles)('one good signature is enough: %s; the ledger says which it was', async (_name, bundle, keyId) => {
    await configure(GATE, { [PREV]: old, ...IDS });
    const actor = `did:practice:${freshNonce()}`;
    const signed = signedAs({ nonce: freshNonce(), ts: nowSeconds(), actor });
    expect(await answer(GATE, { ...signed, keyId: 'k-now', ...bundle(signed) })).toBe(GOOD);
    expect((await ledgerOf(fleet, GATE, actor)).map(({ key_id }) => key_id)).toEqual([keyId]);
  });

  it('a list of bad signatures is refused', async () => {
    const signatures = ['', 'v1:', 'é', 'v1:zz', `v1:${'0'.repeat(64)}`];
    expect(await answer(GATE, { secret: 'wrong', signatures })).toBe(BAD);
  });

  it('without REQUIRE_SIGNATURE anything is let through, and still once only', async () => {
    await configure(GATE, { REQUIRE_SIGNATURE: 'false' });
    const shot = { nonce: freshNonce(), ts: nowSeconds(), signature: null };
    expect(await answer(GATE, shot)).toBe(GOOD);
    expect(await answer(GATE, shot)).toBe('409 replay detected');
    expect(await answer(GATE, { secret: 'wrong' })).toBe(GOOD);
    expect(await answer(GATE, { signature: null, fields: { nonce: undefined, ts: undefined } })).toBe(GOOD);
  });

  it.each([
    ['empty', ''],
    ['unset', undefined],
  ])('with a primary secret that is %s every signed request is 500, while health says ok', async (_name, value) => {
    await configure(GATE, { INTERSERVICE_HMAC_SECRET: value, [PREV]: old });
    expect(await answer(GATE)).toBe('500 internal error');
    expect(await answer(GATE, { secret: old })).toBe('500 internal error');
    expect(await answer(GATE, { secret: '' })).toBe('500 internal error');
    expect(await answer(GATE, { signature: null })).toBe(BAD);
    expect((await pageOf(fleet, GATE, '/health')).status).toBe(200);
  });

  it('the window and the life of a nonce are its own', async () => {
    await configure(GATE, { SIGNATURE_SKEW_SECONDS: '60', NONCE_TTL_SECONDS: '1.5' });
    const shot = { nonce: freshNonce(), ts: nowSeconds() - 50 };
    expect(await answer(GATE, shot)).toBe(GOOD);
    expect(await answer(GATE, shot)).toBe('409 replay detected');
    await eventually('the nonce has ended', async () => (await answer(GATE, shot)) === GOOD);
  });

  it('by default the window is as long as the life of a nonce', async () => {
    await configure(GATE, { SIGNATURE_SKEW_SECONDS: undefined, NONCE_TTL_SECONDS: '30' });
    expect(await answer(GATE, { ts: nowSeconds() - 28 })).toBe(GOOD);
    expect(await answer(GATE, { ts: nowSeconds() - 31 })).toMatch(/outside allowed window$/);
    await configure(GATE, { SIGNATURE_SKEW_SECONDS: undefined, NONCE_TTL_SECONDS: undefined });
    expect(await answer(GATE, { ts: nowSeconds() - 290 })).toBe(GOOD);
    expect(await answer(GATE, { ts: nowSeconds() - 301 })).toMatch(/outside allowed window$/);
  });

  it('are read at its start only: a changed file, SIGHUP and reload leave it as it is', async () => {
    await configure(GATE, {});
    const secret = freshSecret();
    writeVariables(envOf(fleet, GATE), { INTERSERVICE_HMAC_SECRET: secret });
    const { pid } = (await fleet.status()).replicas[0] ?? {};
    process.kill(pid ?? 0, 'SIGHUP');
    expect(await fleet.ctl('reload', GATE)).toMatchObject({
      code: 1,
      stderr: 'gate-a reads its configuration only when it starts: restart it\n',
    });
    expect(await answer(GATE)).toBe(GOOD);
    expect(await answer(GATE, { secret })).toBe(BAD);
    expect((await fleet.status()).replicas[0]?.pid).toBe(pid);
    expect((await fleet.ctl('restart', GATE)).code).toBe(0);
    expect(await answer(GATE)).toBe(BAD);
    expect(await answer(GATE, { secret })).toBe(GOOD);
  });
});

describe('a secret in a file', () => {
  const folder = (): string => join(fleet.home, 'run', 'secrets', FILED);
  const primary = (): string => join(folder(), 'interservice_hmac_secret');
  afterAll(async () => {
    writeFileSync(primary(), sharedSecret(fleet));
    await configure(FILED, {});
  });

  it('is read at each use', async () => {
    expect(readFileSync(primary(), 'utf8')).toBe(sharedSecret(fleet));
    const secret = freshSecret();
    expect(await answer(FILED)).toBe(GOOD);
    writeFileSync(primary(), `${secret}\n`);
    expect(await answer(FILED)).toBe(BAD);
    expect(await answer(FILED, { secret })).toBe(GOOD);
  });

  it('a truncated file is an empty secret, which verifies nothing', async () => {
    writeFileSync(primary(), '');
    expect(await answer(FILED, { secret: '' })).toBe('500 internal error');
    writeFileSync(primary(), sharedSecret(fleet));
    expect(await answer(FILED)).toBe(GOOD);
  });

  it('a previous one too; one that is missing or empty is none', async () => {
    const [old, file] = [freshSecret(), join(folder(), 'interservice_hmac_secret_prev')];
    await configure(FILED, { INTERSERVICE_HMAC_SECRET_PREV: file });
    expect(await answer(FILED)).toBe(GOOD);
    writeFileSync(file, old);
    expect(await answer(FILED, { secret: old })).toBe(GOOD);
    writeFileSync(file, '');
    expect(await answer(FILED, { secret: old })).toBe(BAD);
    expect(await answer(FILED, { secret: '' })).toBe(BAD);
  });

  it('a path beyond the prefix is no path but the secret itself', async () => {
    await configure(GATE, { INTERSERVICE_HMAC_SECRET: primary() });
    expect(await answer(GATE, { secret: primary() })).toBe(GOOD);
    await configure(GATE, {});
  });
});
