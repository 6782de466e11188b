import { randomBytes } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CERTIFICATE_FAULTS, FAULTS } from '../../src/practice/faults.ts';
import { eventually } from '../support/until.ts';
import { freshNonce, type Hit, type Shot, secretOf, shoot, writeSecrets } from './caller.ts';
import { practiceProgram, run, startFleet, type TestFleet } from './harness.ts';

/** The signer that gets the fault, and one that is well. */
const ILL = 'signer-b';
const WELL = 'signer-c';
let fleet: TestFleet;
beforeAll(async () => {
  fleet = await startFleet('--store', 'embedded');
});
afterAll(() => fleet.stop());

const at = (target: string, shot: Shot = {}): Promise<Hit> => shoot(fleet, target, shot);
const must = async (...words: string[]): Promise<void> => {
  expect(await fleet.ctl(...words)).toEqual({ code: 0, stdout: '', stderr: '' });
};
const plant = (fault: string): Promise<void> => must('fault', 'plant', fault, ILL);
const lift = (fault: string): Promise<void> => must('fault', 'lift', fault, ILL);
const isUp = async (): Promise<boolean | undefined> =>
  (await fleet.status()).replicas.find(({ name }) => name === ILL)?.up;
/** The status of a nonce burned on the well signer and sent again to the ill one. */
const replayed = async (nonce = freshNonce()): Promise<number> => {
  expect((await at(WELL, { nonce })).status).toBe(422);
  return (await at(ILL, { nonce })).status;
};

/** What can be seen of each fault with requests only: whether it is there. Each is asked before, during and after. */
const SEEN: Record<string, () => Promise<boolean>> = {
  'memory-store': async () => (await replayed()) === 422,
  'other-prefix': async () => (await replayed()) === 422,
  'no-mtls': async () => (await at(ILL, { certificate: false })).status === 422,
  // 1200 ms ahead, with a window of 2000 ms: one of 1000 ms ago is too old for it.
  'skewed-clock': async () => (await at(ILL, { timestamp: String(Date.now() - 1000) })).code === 'AUTH_TIMESTAMP_SKEW',
  'short-ttl': async () => {
    const [nonce, timestamp] = [freshNonce(), String(Date.now() + 1000)];
    expect((await at(ILL, { nonce, timestamp })).status).toBe(422);
    // Longer than the fault's life of a nonce, far shorter than the right one.
    await new Promise((resolve) => setTimeout(resolve, 700));
    return (await at(ILL, { nonce, timestamp })).status === 422;
  },
  'non-atomic-store': async () => {
    const nonce = freshNonce();
    const hits = await Promise.all(Array.from({ length: 6 }, () => at(ILL, { nonce })));
    return hits.filter(({ status }) => status === 422).length > 1;
  },
  slow: async () => {
    const { ms, status } = await at(ILL);
    return ms >= 2900 && status === 422;
  },
  reset: async () => (await at(ILL)).code === 'ECONNRESET',
  'unsigned-accepted': async () =>
    (await at(ILL, { without: ['x-keyring-signature'] })).status === 422 &&
    (await at(ILL, { signature: '' })).status === 422,
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

describe('faults of loading and starting', () => {
  it('misses-next: a load keeps the first secret only, until the fault is lifted', async () => {
    const [current, next] = [secretOf(fleet), randomBytes(32).toString('hex')];
    await plant('misses-next');
    writeSecrets(fleet, ILL, [current, next]);
    await must('restart', ILL);
    expect((await at(ILL, { secret: next })).code).toBe('AUTH_INVALID_HMAC');
    expect((await at(ILL)).status).toBe(422);
    await lift('misses-next');
    expect((await at(ILL, { secret: next })).status).toBe(422);
    await back([current]);
  });

  it('misses-next: planted on a signer that loaded both, it waits for the next load', async () => {
    const [current, next] = [secretOf(fleet), randomBytes(32).toString('hex')];
    writeSecrets(fleet, ILL, [current, next]);
    await must('restart', ILL);
    await plant('misses-next');
    expect((await at(ILL, { secret: next })).status).toBe(422);
    await must('reload', ILL);
    await eventually('next is missed', async () => (await at(ILL, { secret: next })).code === 'AUTH_INVALID_HMAC');
    await lift('misses-next');
    await back([current]);
  });

  it('keeps-old: what was loaded once is accepted after a reload and after a restart, from a private file', async () => {
    const [current, next] = [secretOf(fleet), randomBytes(32).toString('hex')];
    await plant('keeps-old');
    writeSecrets(fleet, ILL, [next]);
    await must('reload', ILL);
    await eventually('next is accepted', async () => (await at(ILL, { secret: next })).status === 422);
    expect((await at(ILL, { secret: current })).status).toBe(422);
    await must('restart', ILL);
    expect((await at(ILL, { secret: current })).status).toBe(422);
    const file = join(fleet.home, 'faults', ILL, 'keeps-old');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await lift('keeps-old');
    expect((await at(ILL, { secret: current })).code).toBe('AUTH_INVALID_HMAC');
    expect(existsSync(file)).toBe(false);
    await back([current]);
  });

  it('crash-mid-roll: a reload without a change passes, one with a change ends it, and it stays down until lifted', async () => {
    const [current, next] = [secretOf(fleet), randomBytes(32).toString('hex')];
    await plant('crash-mid-roll');
    await must('restart', ILL);
    expect((await at(ILL)).status).toBe(422);
    writeSecrets(fleet, ILL, [current, next]);
    await must('reload', ILL);
    await eventually('it is down', async () => (await isUp()) === false);
    expect((await at(ILL)).code).toBe('ECONNREFUSED');
    const start = await fleet.ctl('start', ILL);
    expect(start.code).toBe(1);
    expect(start.stderr).toMatch(/^signer-b ended at its start \(exit 1\), see \S+\n$/);
    writeSecrets(fleet, ILL, [current]);
    expect((await fleet.ctl('restart', ILL)).code).toBe(1);
    expect((await fleet.ctl('reload', ILL)).stderr).toBe('signer-b is not running (exit 1)\n');
    await lift('crash-mid-roll');
    expect(await isUp()).toBe(true);
    expect((await at(ILL)).status).toBe(422);
  });

  it('crash-mid-roll: a restart with a change does not come up', async () => {
    const [current, next] = [secretOf(fleet), randomBytes(32).toString('hex')];
    await plant('crash-mid-roll');
    writeSecrets(fleet, ILL, [current, next]);
    expect((await fleet.ctl('restart', ILL)).code).toBe(1);
    await lift('crash-mid-roll');
    expect((await at(ILL, { secret: next })).status).toBe(422);
    await back([current]);
  });

  it('503-on-start: only after the next start, health stays good, and lifting ends it', async () => {
    await plant('503-on-start');
    expect((await at(ILL)).status).toBe(422);
    await must('restart', ILL);
    expect(await at(ILL)).toMatchObject({ status: 503, code: 'SIGNER_UNAVAILABLE' });
    expect((await at(ILL, { path: '/health', method: 'GET' })).status).toBe(200);
    await lift('503-on-start');
    expect((await at(ILL)).status).toBe(422);
  });

  it('fail-open: accepts while the store is down, where the others refuse', async () => {
    await plant('fail-open');
    await must('store', 'stop');
    expect((await at(ILL)).status).toBe(422);
    expect((await at(WELL)).code).toBe('SIGNER_UNAVAILABLE');
    await lift('fail-open');
    expect((await at(ILL)).code).toBe('SIGNER_UNAVAILABLE');
    await must('store', 'start');
    await eventually('accepted again', async () => (await at(ILL)).status === 422);
  });

  /** Puts the secrets back as they were. */
  async function back(secrets: readonly string[]): Promise<void> {
    writeSecrets(fleet, ILL, secrets);
    await must('restart', ILL);
    expect((await at(ILL)).status).toBe(422);
  }
});

describe('the table', () => {
  it('each fault has a test here, but for those of certificates', () => {
    const told = ['misses-next', 'keeps-old', 'crash-mid-roll', '503-on-start', 'fail-open'];
    expect([...Object.keys(SEEN), ...told, ...Object.keys(CERTIFICATE_FAULTS)].sort()).toEqual(
      Object.keys(FAULTS).sort(),
    );
  });

  it('is printed by the role faults', async () => {
    const { stdout } = await run([process.execPath, await practiceProgram(), 'faults']);
    expect(JSON.parse(stdout)).toEqual(FAULTS);
  });

  it('is what status says of a signer', async () => {
    await plant('slow');
    await plant('no-mtls');
    const { replicas } = await fleet.status();
    expect(replicas.map(({ name, faults }) => [name, faults])).toEqual([
      ['signer-a', []],
      [ILL, ['slow', 'no-mtls']],
      [WELL, []],
    ]);
    await lift('slow');
    await lift('no-mtls');
  });
});
