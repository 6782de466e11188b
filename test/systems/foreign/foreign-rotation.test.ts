import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, type TestContext, test } from 'vitest';
import { type ForeignFleet, type ForeignOptions, startForeign } from './foreign-fleet.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const CLIENTS = ['client-a', 'client-b'];

async function start(
  { onTestFinished }: TestContext,
  options: Omit<ForeignOptions, 'root'> = {},
): Promise<ForeignFleet> {
  const fleet = await startForeign({ root, ...options });
  onTestFinished(() => fleet.stop(), 60_000);
  return fleet;
}

/** Every replica's stored secrets of every client. */
function stored(of: ForeignFleet): string[][] {
  return of.ports.flatMap((_, n) => CLIENTS.map((client) => of.stored(n + 1, client)));
}

function expectNoRefusal(of: ForeignFleet): void {
  for (const client of CLIENTS) {
    const { refused, accepted } = of.tally(client);
    expect(refused).toEqual({});
    expect(accepted).toBeGreaterThan(20);
  }
}

describe.concurrent('a rotation of signers that share no line with the practice fleet', () => {
  test('opens and closes without one refused request, and the old secret is in no file', async (context) => {
    const own = await start(context);
    const before = stored(own);
    const overlap = await own.rotctl('overlap');
    expect([overlap.code, overlap.result.phase, overlap.stderr]).toEqual([
      0,
      'switched',
      expect.stringContaining('PASS'),
    ]);
    expect(stored(own).map((list) => list.length)).toEqual(before.map(() => 2));
    const retire = await own.rotctl('retire', '--wait');
    expect([retire.code, retire.result.phase]).toEqual([0, 'destroyed']);
    expect(stored(own).every((list, n) => list.length === 1 && list[0] !== before[n]?.[0])).toBe(true);
    expectNoRefusal(own);
  }, 180_000);

  test('goes back from where every client signs with next, and leaves every file as it was', async (context) => {
    const own = await start(context, { takeUp: 'restart' });
    const before = stored(own);
    expect((await own.rotctl('overlap')).code).toBe(0);
    const back = await own.rotctl('rollback');
    expect([back.code, back.result.phase]).toEqual([0, 'rolled-back']);
    expect(stored(own)).toEqual(before);
    expectNoRefusal(own);
  }, 180_000);
});

describe.concurrent('an opening that one replica spoils is taken back, and says which replica', () => {
  test.for([
    { who: 'does as if it had reloaded', fault: 'hup-ignored' },
    { who: 'loads into memory alone, and a restart brings the old back', fault: 'memory-only' },
    { who: 'drops all but the last secret', fault: 'one-secret-last' },
  ])('one that $who', { timeout: 120_000 }, async ({ fault }, context) => {
    const own = await start(context);
    const before = stored(own);
    own.plant(2, fault);
    const { code, result } = await own.rotctl('overlap');
    expect([code, result.error?.code], result.error?.message).toEqual([10, 'ROLLED_BACK']);
    expect(result.error?.message).toContain('signer-2');
    expect(result.error?.message).not.toContain('signer-3');
    expect(stored(own)).toEqual(before);
    expectNoRefusalBut(own, fault === 'one-secret-last');
  });

  test('one that is another name of the first, told by neither certificate nor session', async (context) => {
    const own = await start(context, {
      takeUp: 'restart',
      edit: (text, { ports, also }) =>
        text.replace(`:${ports[2]}\n    serverName: signer-3.`, `:${also}\n    serverName: signer-1.`),
    });
    const before = stored(own);
    const { code, result } = await own.rotctl('overlap');
    expect([code, result.error?.code], result.error?.message).toEqual([10, 'ROLLED_BACK']);
    expect(result.error?.message).toMatch(
      /fleet\.distinct on signer-3: signer-3 accepts next of client-a, which only signer-1, signer-2 had been given/,
    );
    expect(stored(own)).toEqual(before);
    expectNoRefusal(own);
  }, 120_000);

  test('one that reads quotes as part of the value keeps its secret', async (context) => {
    const own = await start(context, { replicas: 2 });
    const file = join(own.home, 'etc/signer-1.env');
    const before = readFileSync(file, 'utf8');
    for (const replica of [1, 2]) own.plant(replica, 'literal-env');
    const { code } = await own.rotctl('overlap');
    if (code !== 0) expect(readFileSync(file, 'utf8')).toBe(before);
    expect([0, 10]).toContain(code);
  }, 180_000);
});

/** A replica that drops `current` by itself refuses valid requests until it is put right; no other may. */
function expectNoRefusalBut(of: ForeignFleet, dropped: boolean): void {
  const codes = CLIENTS.flatMap((client) => Object.keys(of.tally(client).refused));
  expect(codes.filter((code) => !dropped || code !== 'AUTH_INVALID_HMAC')).toEqual([]);
}
