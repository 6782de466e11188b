import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, type TestContext, test } from 'vitest';
import { until } from '../foreign/processes.ts';
import { CALLERS, startWords, type WordsFleet, type WordsOptions } from './words-fleet.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
/** A restart, the time in which a replica may come round, and another restart, on a busy machine. */
const SECONDS_LOCKED_OUT = 12;

async function start({ onTestFinished }: TestContext, options: WordsOptions): Promise<WordsFleet> {
  const fleet = await startWords(root, options);
  onTestFinished(() => fleet.stop(), 60_000);
  return fleet;
}

/** A replica as it would differ if anybody had touched it: its file, and the process. */
function untouched({ home }: WordsFleet, replica: string): unknown {
  const file = join(home, 'etc', `${replica}.env`);
  const { ino, mtimeMs } = statSync(file);
  return [readFileSync(file, 'utf8'), ino, mtimeMs, readFileSync(join(home, 'run', `${replica}.pid`), 'utf8')];
}

/** What was refused to the callers: how many of those sent meanwhile, and for how many seconds. */
function refusals(fleet: WordsFleet): { share: number; seconds: number; words: string[] } {
  const counts = CALLERS.map((caller) => fleet.counts(caller));
  const at = counts.flatMap(({ refusedAt }) => refusedAt);
  const seconds = at.length === 0 ? 0 : Math.max(...at) - Math.min(...at);
  const sentMeanwhile = 2 * 10 * seconds;
  const words = [...new Set(counts.flatMap(({ refused }) => Object.keys(refused)))];
  return { share: seconds === 0 ? 0 : at.length / sentMeanwhile, seconds, words };
}

const production = (text: string) =>
  text.replace('environment: staging', 'environment: production').concat('lockout: none\n');

describe('an overlap on signers that hold one secret for each client id, without a word of it in the fleet file', () => {
  test.for([{ where: 'production, where a failed overlap is held', edit: production }])(
    'is noticed on the first replica, put back and explained, in $where',
    { timeout: 120_000 },
    async ({ edit }, context) => {
      const fleet = await start(context, { stands: 'list', edit });
      const before = [2, 3].map((n) => untouched(fleet, `signer-${n}`));
      const listed = fleet.listed(1);
      const { code, result, stderr } = await fleet.rotctl('overlap');
      expect([code, result.error?.code, result.phase]).toEqual([10, 'ROLLED_BACK', 'rolled-back']);
      expect(result.error?.message).toContain('signer-1 accepts next of wallet in place of current');
      expect(stderr).toContain('second: wallet-b');
      expect(fleet.listed(1)).toEqual(listed);
      expect([2, 3].map((n) => untouched(fleet, `signer-${n}`))).toEqual(before);
      const { share, seconds, words } = refusals(fleet);
      expect(words).toEqual(['signature does not match']);
      expect(seconds).toBeLessThan(SECONDS_LOCKED_OUT);
      expect(share).toBeLessThan(0.5);
      expect((await fleet.rotctl('check')).code).toBe(0);
    },
  );

  test('is taken up after a kill -9 in the middle of the lock-out, and put back', async (context) => {
    const fleet = await start(context, { stands: 'list', edit: production });
    const listed = fleet.listed(1);
    const begun = fleet.begin('overlap');
    begun.ended.catch(() => undefined);
    const ledger = join(fleet.home, 'rotation-ledger.yaml');
    await until(async () => existsSync(ledger) && fleet.ledger().includes('kind: lock')).catch(() => undefined);
    await until(async () => fleet.ledger().includes('step: roll-by-restart'));
    await until(async () => refusals(fleet).words.length > 0);
    begun.child.kill('SIGKILL');
    const { code, result } = await fleet.rotctl('resume');
    expect([code, result.error?.code, result.phase]).toEqual([10, 'ROLLED_BACK', 'rolled-back']);
    expect(fleet.listed(1)).toEqual(listed);
    expect((await fleet.rotctl('check')).code).toBe(0);
  }, 180_000);

  test('of signers that keep the first entry costs nobody a request, and says what it may be', async (context) => {
    const fleet = await start(context, { stands: 'list' });
    for (const n of [1, 2, 3]) fleet.plant(n, 'first-of-list');
    const before = [2, 3].map((n) => untouched(fleet, `signer-${n}`));
    const { code, result } = await fleet.rotctl('overlap');
    expect([code, result.error?.code]).toEqual([10, 'ROLLED_BACK']);
    expect(result.error?.message).toContain('signer-1 accepts current of wallet alone');
    expect([2, 3].map((n) => untouched(fleet, `signer-${n}`))).toEqual(before);
    expect(refusals(fleet).words).toEqual([]);
  }, 180_000);

  test.for(['object'] as const)(
    'is refused before anything is touched where the file has room for one: %s',
    { timeout: 60_000 },
    async (stands, context) => {
      const fleet = await start(context, { stands, callers: false });
      const before = [1, 2, 3].map((n) => untouched(fleet, `signer-${n}`));
      for (const words of [['overlap'], ['overlap', '--dry-run'], ['plan', 'overlap']]) {
        const { code, result, stderr } = await fleet.rotctl(...words);
        expect([code, result.error?.code]).toEqual([13, 'PRECONDITION_FAILED']);
        expect(result.error?.message).toContain('holds one secret for wallet');
        expect(stderr).toContain('second: wallet-b');
      }
      expect([1, 2, 3].map((n) => untouched(fleet, `signer-${n}`))).toEqual(before);
      expect(existsSync(join(fleet.home, 'rotation-ledger.yaml')) && fleet.ledger().includes('intent')).toBe(false);
    },
  );
});
