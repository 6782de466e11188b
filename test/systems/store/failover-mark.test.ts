import { expect, test } from 'vitest';
import { storeAddress } from '../../../src/fleet/store-address.ts';
import { readStoreMark, type StoreMark, storeEvents } from '../../../src/probe/hold/store-mark.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { createStoreView } from '../../../src/system/redis-store.ts';
import { freePorts, redisFleet, until } from './redis-fleet.ts';

test('a fail-over by Sentinel, a restart and a flush are told apart by what Redis says', async ({ onTestFinished }) => {
  const fleet = redisFleet();
  onTestFinished(() => fleet.stop());
  const [one = 0, two = 0, sentinel = 0] = await freePorts(3);
  await fleet.start(one, {});
  await fleet.start(two, { replicaof: `127.0.0.1 ${one}` });
  await fleet.sentinel(sentinel, one);
  await until(async () => (await fleet.cli(sentinel, 'SENTINEL', 'REPLICAS', 'mymaster')).includes(`${two}`));
  await until(async () => (await fleet.cli(one, 'INFO', 'replication')).includes('state=online'));
  const mark = async (): Promise<StoreMark> => {
    const view = createStoreView(
      {
        ...{ form: 'sentinel', nodes: [storeAddress(`redis://127.0.0.1:${sentinel}`)], primary: 'mymaster' },
        ...{ user: undefined, password: undefined, sentinelPassword: undefined, tls: undefined },
        ...{ db: 0, key: '["{client}","{nonce}"]', deadlineMs: 2000 },
        ...{ perSecond: undefined, clients: [], declared: {} },
      },
      { passwords: { store: undefined, sentinel: undefined }, ca: undefined, cert: undefined, key: undefined },
    );
    try {
      return await readStoreMark(view, systemClock);
    } finally {
      await view.close();
    }
  };
  const hazards = (before: StoreMark, after: StoreMark) => storeEvents(before, after).map(({ hazard }) => hazard);
  const first = await mark();
  expect(hazards(first, await mark())).toEqual([]);
  await fleet.cli(one, 'FLUSHALL');
  const flushed = await mark();
  expect(hazards(first, flushed)).toEqual(['H19']);
  fleet.kill(one);
  await until(async () => (await fleet.cli(two, 'INFO', 'replication')).includes('role:master'));
  await until(async () => {
    const now = await mark();
    return !('reason' in now) && now.has(`127.0.0.1:${two}`);
  });
  expect(hazards(flushed, await mark())).toEqual(['H4']);
});
