import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GATE_FAULTS } from '../../src/practice/faults.ts';
import { eventually } from '../support/until.ts';
import {
  answerOf,
  envOf,
  freshNonce,
  freshSecret,
  type GateShot,
  nowSeconds,
  pageOf,
  sharedSecret,
  shootGate,
  writeVariables,
} from './gate-caller.ts';
import { practiceProgram, run, startFleet, type TestFleet } from './harness.ts';

/** The gate that gets the fault, one that is well, and one whose secret is in a file. */
const [ILL, WELL, FILED] = ['gate-b', 'gate-a', 'gate-c'];
const GOOD = '200 DENIED';
const BAD = '401 invalid request signature';
const [SECRET, PREV] = ['INTERSERVICE_HMAC_SECRET', 'INTERSERVICE_HMAC_SECRET_PREV'];
let fleet: TestFleet;
let plain: string;
beforeAll(async () => {
  fleet = await startFleet('--protocol', 'gate-v1', '--store', 'embedded');
  plain = readFileSync(envOf(fleet, ILL), 'utf8');
});
afterAll(() => fleet.stop());

const answer = (target: string, shot: GateShot = {}): Promise<string> => answerOf(fleet, target, shot);
const must = async (...words: string[]): Promise<void> => {
  expect(await fleet.ctl(...words)).toEqual({ code: 0, stdout: '', stderr: '' });
};
const plant = (fault: string, gate = ILL): Promise<void> => must('fault', 'plant', fault, gate);
const lift = (fault: string, gate = ILL): Promise<void> => must('fault', 'lift', fault, gate);
/** Writes the ill gate's variables beside those that it was made with; nothing is restarted. */
const write = (changes: Record<string, string | undefined>): void => {
  writeFileSync(envOf(fleet, ILL), plain);
  writeVariables(envOf(fleet, ILL), changes);
};
const configure = async (changes: Record<string, string | undefined>): Promise<void> => {
  write(changes);
  await must('restart', ILL);
};
const isUp = async (): Promise<boolean | undefined> =>
  (await fleet.status()).replicas.find(({ name }) => name === ILL)?.up;
/** The answer of the ill gate to a request that the well one has accepted. */
const replayed = async (): Promise<string> => {
  const shot = { nonce: freshNonce(), ts: nowSeconds() };
  expect(await answer(WELL, shot)).toBe(GOOD);
  return answer(ILL, shot);
};

/** What can be seen of each fault with requests only: whether it is there. Each is asked before, during and after. */
const SEEN: Record<string, () => Promise<boolean>> = {
  'empty-secret-accepted': async () =>
    (await answer(ILL, { secret: '' })) === GOOD && (await answer(ILL, { secret: '', keyId: 'v0' })) === GOOD,
  'signature-not-required': async () =>
    (await answer(ILL, { signature: null })) === GOOD && (await answer(ILL, { secret: 'wrong' })) === GOOD,
  'per-process-nonces': async () => (await replayed()) === GOOD,
  'other-prefix': async () => (await replayed()) === GOOD,
  'idempotency-cache': async () => {
    const [nonce, idempotency_key] = [freshNonce(), freshNonce()];
    expect(await answer(ILL, { nonce })).toBe(GOOD);
    expect(await answer(ILL, { fields: { idempotency_key } })).toBe(GOOD);
    const again = [
      await answer(ILL, { nonce }),
      await answer(ILL, { nonce, secret: 'wrong' }),
      await answer(ILL, { nonce, session: 'stranger', tool: 'practice.other' }),
      await answer(ILL, { secret: 'wrong', fields: { idempotency_key } }),
    ];
    expect(await answer(ILL, { secret: 'wrong' })).toBe(BAD);
    return again.every((said) => said === GOOD);
  },
  // 1200 ms ahead, with a window of 2000 ms: one of 1000 ms ago is too old for it.
  'skewed-clock': async () => (await answer(ILL, { ts: nowSeconds() - 1 })).endsWith('outside allowed window'),
  'short-ttl': async () => {
    const shot = { nonce: freshNonce(), ts: nowSeconds() + 1 };
    expect(await answer(ILL, shot)).toBe(GOOD);
    // Longer than the fault's life of a nonce, far shorter than the right one.
    await new Promise((resolve) => setTimeout(resolve, 700));
    return (await answer(ILL, shot)) === GOOD;
  },
  'non-atomic-store': async () => {
    const shot = { nonce: freshNonce(), ts: nowSeconds() };
    const answers = await Promise.all(Array.from({ length: 6 }, () => answer(ILL, shot)));
    return answers.filter((said) => said === GOOD).length > 1;
  },
  slow: async () => {
    const { ms, status } = await shootGate(fleet, ILL);
    return ms >= 2900 && status === 200;
  },
  reset: async () => (await answer(ILL)) === '0 ECONNRESET',
};

describe('faults that requests show at once', () => {
  it.each(Object.keys(SEEN))('%s: there while planted, not before and not after', async (fault) => {
    const seen = SEEN[fault];
    expect(await seen?.()).toBe(false);
    await plant(fault);
    expect(await seen?.()).toBe(true);
    await lift(fault);
    expect(await seen?.()).toBe(false);
  });
});

describe('faults of a configuration', () => {
  const old = freshSecret();
  const IDS = { INTERSERVICE_HMAC_KEY_ID: 'k-now', INTERSERVICE_HMAC_KEY_ID_PREV: 'k-old' };
  const STRICT = { INTERSERVICE_HMAC_STRICT_KEY_ID: 'true' };
  afterAll(() => configure({}));

  /** Fault, configuration, a request, and its answers without and with the fault. */
  const rows: [string, Record<string, string>, GateShot, string, string][] = [
    ['strict-ignored', { [PREV]: old, ...IDS, ...STRICT }, { secret: old, keyId: 'v7' }, BAD, GOOD],
    ['revoked-ignored', { INTERSERVICE_HMAC_REVOKED_IDS: 'v1' }, { keyId: 'v1' }, BAD, GOOD],
    ['default-key-id-missing', { [PREV]: old, ...IDS, ...STRICT }, { secret: old, keyId: 'k-old' }, GOOD, BAD],
    ['default-key-id-missing', { [PREV]: old, ...IDS, ...STRICT }, { secret: old, keyId: 'v0' }, BAD, GOOD],
    ['default-key-id-missing', { [PREV]: old, ...IDS }, { secret: old, keyId: 'k-old' }, GOOD, GOOD],
  ];
  it.each(rows)('%s, with %o', async (fault, variables, shot, without, having) => {
    await configure(variables);
    expect(await answer(ILL, shot)).toBe(without);
    await plant(fault);
    expect(await answer(ILL, shot)).toBe(having);
    await must('restart', ILL);
    expect(await answer(ILL, shot)).toBe(having);
    await lift(fault);
    expect(await answer(ILL, shot)).toBe(without);
  });

  it('empty-secret-accepted: also where the primary secret is empty, and nothing else is accepted then', async () => {
    await configure({ [SECRET]: '' });
    expect(await answer(ILL, { secret: '' })).toBe('500 internal error');
    await plant('empty-secret-accepted');
    expect(await answer(ILL, { secret: '' })).toBe(GOOD);
    expect(await answer(ILL)).toBe(BAD);
    await lift('empty-secret-accepted');
  });
});

describe('faults of starting', () => {
  const current = (): string => sharedSecret(fleet);
  /** What the ill gate accepts of these secrets. */
  const accepts = async (...secrets: readonly string[]): Promise<boolean[]> => {
    const answers: string[] = [];
    for (const secret of secrets) answers.push(await answer(ILL, { secret }));
    return answers.map((said) => said === GOOD);
  };

  it('misses-next: a start with a new primary secret keeps the one before it, until the fault is lifted', async () => {
    const next = freshSecret();
    await plant('misses-next');
    expect(await accepts(current(), next)).toEqual([true, false]);
    await configure({ [SECRET]: next, [PREV]: current() });
    expect(await accepts(current(), next)).toEqual([true, false]);
    await must('restart', ILL);
    expect(await accepts(current(), next)).toEqual([true, false]);
    expect(statSync(join(fleet.home, 'faults', ILL, 'misses-next')).mode & 0o777).toBe(0o600);
    await configure({});
    expect(await accepts(current(), next)).toEqual([true, false]);
    await configure({ [SECRET]: next, [PREV]: current() });
    await lift('misses-next');
    expect(await accepts(current(), next)).toEqual([true, true]);
    await configure({});
  });

  it('misses-next: planted during an overlap it waits for the next primary secret, and follows all else', async () => {
    const [next, third] = [freshSecret(), freshSecret()];
    await configure({ [SECRET]: next, [PREV]: current() });
    await plant('misses-next');
    await must('restart', ILL);
    expect(await accepts(current(), next)).toEqual([true, true]);
    await configure({ [SECRET]: next });
    expect(await accepts(current(), next)).toEqual([false, true]);
    await configure({ [SECRET]: third, [PREV]: next });
    expect(await accepts(current(), next, third)).toEqual([false, true, false]);
    await lift('misses-next');
    await configure({});
  });

  it('misses-next: a gate whose secret is in a file misses it at its next start', async () => {
    const file = join(fleet.home, 'run', 'secrets', FILED, 'interservice_hmac_secret');
    const next = freshSecret();
    await plant('misses-next', FILED);
    writeFileSync(file, next);
    expect(await answer(FILED, { secret: next })).toBe(GOOD);
    await must('restart', FILED);
    expect(await answer(FILED, { secret: next })).toBe(BAD);
    expect(await answer(FILED)).toBe(GOOD);
    await lift('misses-next', FILED);
    expect(await answer(FILED, { secret: next })).toBe(GOOD);
    writeFileSync(file, current());
  });

  it('keeps-old: what it once had is accepted, over every restart, from a private file', async () => {
    const [next, previous] = [freshSecret(), freshSecret()];
    await configure({ [PREV]: previous });
    await plant('keeps-old');
    await configure({ [SECRET]: next });
    expect(await accepts(current(), previous, next)).toEqual([true, true, true]);
    await must('restart', ILL);
    expect(await accepts(current(), previous, next)).toEqual([true, true, true]);
    const file = join(fleet.home, 'faults', ILL, 'keeps-old');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await lift('keeps-old');
    expect(await accepts(current(), previous, next)).toEqual([false, false, true]);
    expect(existsSync(file)).toBe(false);
    await configure({});
  });

  it('keeps-old: a strict gate keeps each secret under the id that it had', async () => {
    const next = freshSecret();
    const strict = { INTERSERVICE_HMAC_STRICT_KEY_ID: 'true' };
    await configure({ ...strict, INTERSERVICE_HMAC_KEY_ID: 'k-one' });
    await plant('keeps-old');
    await configure({ ...strict, [SECRET]: next, INTERSERVICE_HMAC_KEY_ID: 'k-two' });
    expect(await answer(ILL, { keyId: 'k-one' })).toBe(GOOD);
    expect(await answer(ILL, { keyId: 'k-two' })).toBe(BAD);
    await lift('keeps-old');
    await configure({});
  });

  it('crash-mid-roll: a restart without a change passes, one with a change does not come up until it is lifted', async () => {
    const next = freshSecret();
    await plant('crash-mid-roll');
    await must('restart', ILL);
    expect(await accepts(current())).toEqual([true]);
    write({ [SECRET]: next, [PREV]: current() });
    const restart = await fleet.ctl('restart', ILL);
    expect(restart.code).toBe(1);
    expect(restart.stderr).toMatch(/^gate-b ended at its start \(exit 1\), see \S+\n$/);
    write({});
    expect((await fleet.ctl('start', ILL)).code).toBe(1);
    expect(await answer(ILL)).toBe('0 ECONNREFUSED');
    expect(await isUp()).toBe(false);
    await lift('crash-mid-roll');
    expect(await isUp()).toBe(true);
    expect(await accepts(current())).toEqual([true]);
  });

  it('503-on-start: only after the next start, health stays good, and lifting ends it', async () => {
    await plant('503-on-start');
    expect(await answer(ILL)).toBe(GOOD);
    await must('restart', ILL);
    expect(await answer(ILL)).toBe('503 temporarily unavailable');
    expect((await pageOf(fleet, ILL, '/health')).status).toBe(200);
    await lift('503-on-start');
    expect(await answer(ILL)).toBe(GOOD);
  });

  it('fail-open: accepts while the store is down, where the others refuse', async () => {
    await plant('fail-open');
    await must('store', 'stop');
    expect(await answer(ILL)).toBe(GOOD);
    expect(await answer(WELL)).toBe('503 replay store unavailable');
    await lift('fail-open');
    expect(await answer(ILL)).toBe('503 replay store unavailable');
    await must('store', 'start');
    await eventually('accepted again', async () => (await answer(ILL)) === GOOD);
  });
});

describe('the table', () => {
  it('each fault has a test here', () => {
    const configured = ['strict-ignored', 'revoked-ignored', 'default-key-id-missing'];
    const started = ['misses-next', 'keeps-old', 'crash-mid-roll', '503-on-start', 'fail-open'];
    expect([...Object.keys(SEEN), ...configured, ...started].sort()).toEqual(Object.keys(GATE_FAULTS).sort());
  });

  it('is printed by the role faults', async () => {
    const { stdout } = await run([process.execPath, await practiceProgram(), 'faults', 'gate']);
    expect(JSON.parse(stdout)).toEqual(GATE_FAULTS);
  });

  it('is what status says of a gate, and what another kind has is refused', async () => {
    await plant('slow');
    expect(await fleet.ctl('fault', 'plant', 'no-mtls', ILL)).toEqual({
      code: 1,
      stdout: '',
      stderr: 'a gate has no fault "no-mtls": see the role faults\n',
    });
    const { replicas } = await fleet.status();
    expect(replicas.map(({ faults }) => faults)).toEqual([[], ['slow'], []]);
    await lift('slow');
  });
});
