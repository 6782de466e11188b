import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../foreign/processes.ts';
import { CALLERS, startWords, type WordsFleet } from './words-fleet.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const REPLICAS = [1, 2, 3];

/** Each test goes on where the one before it has left the fleet. */
describe('clients with two ids, on signers that hold one secret for each id and have a default one', () => {
  let fleet: WordsFleet;
  beforeAll(async () => {
    fleet = await startWords(root, { second: true });
  }, 60_000);
  afterEach(() => {
    for (const replica of REPLICAS) fleet.plant(replica);
    // Nobody was refused a valid request, whatever was planted: the other replicas were not touched, or both ids were there.
    for (const caller of CALLERS) expect(fleet.counts(caller).refused).toEqual({});
  });
  afterAll(() => fleet?.stop(), 60_000);

  const ids = () => REPLICAS.map((replica) => Object.keys(fleet.listed(replica)).toSorted());
  const sent = () => CALLERS.map((caller) => fleet.variable(caller, 'SIGNING_ID'));
  const defaults = () => REPLICAS.map((replica) => fleet.variable(`signer-${replica}`, 'DEFAULT_CLIENT'));
  const all = (...names: string[]) => REPLICAS.map(() => names);

  test('a replica that does not take the second id is named, and the overlap taken back', async () => {
    fleet.plant(2, 'misses-second');
    const { code, result } = await fleet.rotctl('overlap');
    expect([code, result.error?.code], result.error?.message).toEqual([10, 'ROLLED_BACK']);
    expect(result.error?.message).toMatch(/signer-2: next of payouts as payouts-b expected ACCEPTED/);
    expect([ids(), sent()]).toEqual([all('payouts', 'wallet'), ['wallet', 'payouts']]);
  }, 120_000);

  test('the overlap opens with both ids on every replica, over a kill -9, and the clients send the second one', async () => {
    const begun = fleet.begin('overlap');
    begun.ended.catch(() => undefined);
    const opened = () => until(async () => ids()[1]?.length === 4);
    await opened().catch(opened).catch(opened).catch(opened).catch(opened);
    begun.child.kill('SIGKILL');
    await begun.ended.catch(() => undefined);
    const { code, result } = await fleet.rotctl('resume');
    expect([code, result.phase], result.error?.message).toEqual([0, 'switched']);
    expect(ids()).toEqual(all('payouts', 'payouts-b', 'wallet', 'wallet-b'));
    expect([sent(), defaults()]).toEqual([
      ['wallet-b', 'payouts-b'],
      ['wallet', 'wallet', 'wallet'],
    ]);
  }, 180_000);

  test('a replica whose default id does not move is named before any entry goes', async () => {
    fleet.plant(3, 'default-not-moved');
    const { code, result } = await fleet.rotctl('retire', '--wait');
    expect([code, result.error?.code], result.error?.message).toEqual([12, 'FAILED_HELD']);
    expect(result.error?.message).toContain('signer-3: a request without a client id is not taken for wallet-b');
    expect(ids()).toEqual(all('payouts', 'payouts-b', 'wallet', 'wallet-b'));
  }, 120_000);

  test('a replica that keeps the first id is named, and the retirement held until it is put right', async () => {
    fleet.plant(2, 'keeps-first');
    const held = await fleet.rotctl('retire', '--wait');
    expect([held.code, held.result.error?.code], held.result.error?.message).toEqual([12, 'FAILED_HELD']);
    expect(held.result.error?.message).toMatch(
      /signer-2: current of wallet expected AUTH_INVALID_CLIENT, seen ACCEPTED/,
    );
    fleet.plant(2);
    const { code, result } = await fleet.rotctl('retire', '--wait');
    expect([code, result.phase], result.error?.message).toEqual([0, 'destroyed']);
    expect(ids()).toEqual(all('payouts-b', 'wallet-b'));
    expect(defaults()).toEqual(['wallet-b', 'wallet-b', 'wallet-b']);
  }, 240_000);

  test('the next rotation goes the other way round, and back from where the clients have moved', async () => {
    const before = REPLICAS.map((replica) => fleet.listed(replica));
    const there = await fleet.rotctl('overlap');
    expect([there.code, sent()], there.result.error?.message).toEqual([0, ['wallet', 'payouts']]);
    const { code, result } = await fleet.rotctl('rollback');
    expect([code, result.phase], result.error?.message).toEqual([0, 'rolled-back']);
    expect(REPLICAS.map((replica) => fleet.listed(replica))).toEqual(before);
    expect([sent(), defaults()]).toEqual([
      ['wallet-b', 'payouts-b'],
      ['wallet-b', 'wallet-b', 'wallet-b'],
    ]);
  }, 240_000);
});
