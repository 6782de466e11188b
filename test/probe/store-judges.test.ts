import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { judgeCommands } from '../../src/probe/checks/store/commands.ts';
import { connectionsIn, isDeclared, judgeConnections } from '../../src/probe/checks/store/connections.ts';
import { judgeErrors, judgeFlushes, judgeHealth } from '../../src/probe/checks/store/health.ts';
import { judgeFsync, judgeKept } from '../../src/probe/checks/store/kept.ts';
import { judgeLife } from '../../src/probe/checks/store/key.ts';
import { wrongForms } from '../../src/probe/checks/store/key-forms.ts';
import { judgeEvicted, judgeEviction, judgeRoom, NONCE_BYTES } from '../../src/probe/checks/store/memory.ts';
import { judgeCluster, judgePlace } from '../../src/probe/checks/store/place.ts';
import {
  behind,
  failoverIn,
  followersIn,
  judgeFollower,
  judgeReplication,
} from '../../src/probe/checks/store/replication.ts';
import { infoFields } from '../../src/probe/store-view.ts';
import { freePorts, type RedisFleet, redisFleet, until } from '../systems/store/redis-fleet.ts';

const fields = (lines: Readonly<Record<string, string>>) => new Map(Object.entries(lines));

describe('what a real Redis says, judged', () => {
  let redis: RedisFleet;
  let [primary, replica] = [0, 0];
  const info = async (port: number, section: string) => infoFields(await redis.cli(port, 'INFO', section));
  beforeAll(async () => {
    redis = redisFleet();
    [primary = 0, replica = 0] = await freePorts(2);
    await redis.start(primary, { 'repl-diskless-sync-delay': 0 });
    await redis.start(replica, { replicaof: `127.0.0.1 ${primary}` });
    await until(async () => (await redis.cli(primary, 'INFO', 'replication')).includes('state=online'));
  }, 30_000);
  afterAll(() => redis?.stop());

  test.for([
    ['noeviction', '0', 'pass'],
    ['noeviction', '100mb', 'pass'],
    ['allkeys-lru', '0', 'pass'],
    ['allkeys-lru', '100mb', 'fail'],
    ['volatile-ttl', '100mb', 'fail'],
  ] as const)('maxmemory-policy %s with maxmemory %s: %s', async ([policy, limit, verdict]) => {
    await redis.cli(primary, 'CONFIG', 'SET', 'maxmemory', limit, 'maxmemory-policy', policy);
    expect(judgeEviction(await info(primary, 'memory')).verdict).toBe(verdict);
    await redis.cli(primary, 'CONFIG', 'SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction');
  });

  it('has no room when the nonces of a peak need more than is left', async () => {
    await redis.cli(primary, 'CONFIG', 'SET', 'maxmemory', '100mb');
    const memory = await info(primary, 'memory');
    const fits = { perSecond: 1000, ttlMs: 130_000 };
    expect(judgeRoom(memory, fits)).toMatchObject({ verdict: 'pass', seen: expect.stringContaining('19370000 bytes') });
    expect(judgeRoom(memory, { ...fits, perSecond: 10_000 })).toMatchObject({ verdict: 'fail' });
    expect(NONCE_BYTES * 130_000).toBe(19_370_000);
    await redis.cli(primary, 'CONFIG', 'SET', 'maxmemory', '0');
    expect(judgeRoom(await info(primary, 'memory'), fits).verdict).toBe('pass');
  });

  it('without an append-only file loses nonces at a restart, and a primary hands the loss to its replicas', async () => {
    const persistence = await info(primary, 'persistence');
    const whole = new Map([...persistence, ...(await info(primary, 'replication'))]);
    expect(judgeKept(persistence, {})).toMatchObject({ verdict: 'fail', hazards: ['H5'] });
    expect(judgeKept(whole, {})).toMatchObject({ verdict: 'fail', hazards: ['H5', 'H7'] });
    expect(judgeKept(whole, { afterLoss: 'held' })).toMatchObject({
      verdict: 'pass',
      seen: expect.stringContaining('declared'),
    });
    await redis.cli(primary, 'CONFIG', 'SET', 'appendonly', 'yes');
    expect(judgeKept(await info(primary, 'persistence'), {})).toEqual({ verdict: 'pass', seen: 'aof_enabled 1' });
    expect(judgeHealth(await info(primary, 'persistence')).verdict).toBe('pass');
  });

  it('tells a replica that is behind by its offset, and warns without min-replicas-to-write', async () => {
    const now = await info(primary, 'replication');
    const offset = Number(now.get('master_repl_offset'));
    expect(followersIn(now).map(({ name }) => name)).toEqual([`127.0.0.1:${replica}`]);
    expect(behind(now, offset + 256)).toEqual([{ name: `127.0.0.1:${replica}`, bytes: expect.any(Number) }]);
    expect(judgeReplication(now, offset + 256, undefined)).toMatchObject({ verdict: 'fail' });
    expect(judgeReplication(now, 0, undefined)).toMatchObject({ verdict: 'unknown', critical: false, hazards: ['H4'] });
    expect(judgeReplication(now, 0, 1)).toMatchObject({ verdict: 'pass', seen: expect.stringContaining('declared: ') });
    await redis.cli(primary, 'CONFIG', 'SET', 'min-replicas-to-write', '1');
    expect(judgeReplication(await info(primary, 'replication'), 0, undefined).verdict).toBe('pass');
    expect(failoverIn(now)).toBeUndefined();
  });

  it('of a replica: no place for nonces, worse when it takes writes, and after a fail-over a primary that says so', async () => {
    const both = async () => new Map([...(await info(replica, 'server')), ...(await info(replica, 'replication'))]);
    expect(judgePlace(await both(), 'standalone')).toMatchObject({ verdict: 'fail', hazards: ['H14'] });
    expect(judgePlace(await both(), 'cluster')).toMatchObject({ verdict: 'fail', hazards: ['H16'] });
    expect(judgeFollower(await both()).verdict).toBe('pass');
    await redis.cli(replica, 'CONFIG', 'SET', 'replica-read-only', 'no');
    expect(judgeFollower(await both()).verdict).toBe('fail');
    await redis.cli(replica, 'REPLICAOF', 'NO', 'ONE');
    expect(judgePlace(await both(), 'standalone').verdict).toBe('pass');
    expect(failoverIn(await both())).toEqual(expect.any(Number));
  });

  it('shows its flushes and its connections', async () => {
    const commands = async () => info(primary, 'commandstats');
    expect(judgeFlushes(await commands()).verdict).toBe('pass');
    await redis.cli(primary, 'CONFIG', 'SET', 'min-replicas-to-write', '0');
    await redis.cli(primary, 'FLUSHALL');
    expect(judgeFlushes(await commands())).toMatchObject({ verdict: 'unknown', hazards: ['H19'], seen: 'flushall 1' });
    expect(judgeEvicted(await info(primary, 'stats'))).toEqual({ verdict: 'pass', seen: 'evicted_keys 0' });
    // The one that asks is in the list, and so was the replica, whose link is not a client.
    expect(connectionsIn(await redis.cli(primary, 'CLIENT', 'LIST'), undefined)).toMatchObject([{ db: 0, name: '' }]);
  });
});

describe('what was counted, judged', () => {
  test.for([
    ['SET NX', { set: 6 }, 'pass', undefined],
    ['a script', { evalsha: 6, set: 0 }, 'pass', undefined],
    ['SET NX beside a cache', { set: 6, get: 900 }, 'pass', undefined],
    ['GET, then SET', { get: 6 }, 'fail', ['H12']],
    ['GET, then SET, with others', { get: 9, set: 3 }, 'fail', ['H12']],
    ['EXISTS, then SETEX', { exists: 6, setex: 1 }, 'fail', ['H12']],
    ['SETNX, then EXPIRE', { setnx: 6 }, 'unknown', ['H13']],
    ['another store', { ping: 3 }, 'unknown', undefined],
  ] as const)('%s', ([, counts, verdict, hazards]) => {
    const judged = judgeCommands(new Map(Object.entries(counts)), 6, 1, 0);
    expect([judged.verdict, judged.hazards]).toEqual([verdict, hazards]);
  });

  test.for([
    ['each SET sent twice', 12, 2, 0, 'unknown'],
    ['many of others beside them', 500, 60, 490, 'pass'],
    ['some of others beside them', 25, 2, 13, 'pass'],
    ['one of others beside one request', 7, 1, 1, 'pass'],
  ] as const)(
    '%s: %d writes for six requests, at least %d for one, %d without them',
    ([, set, least, control, verdict]) => {
      expect(judgeCommands(new Map([['set', set]]), 6, least, control).verdict).toBe(verdict);
    },
  );

  test.for([
    [{}, 'pass', undefined],
    [{ NOPERM: 5, ERR: 1 }, 'pass', undefined],
    [{ OOM: 1 }, 'fail', ['H3']],
    [{ MISCONF: 2 }, 'fail', ['H23']],
    [{ CLUSTERDOWN: 1 }, 'fail', ['H15', 'H16']],
    [{ MOVED: 1 }, 'pass', undefined],
    [{ MOVED: 2, ASK: 1 }, 'unknown', ['H16']],
  ] as const)('errors %j while three nonces were burned', ([counts, verdict, hazards]) => {
    const judged = judgeErrors(new Map(Object.entries(counts)), 3);
    expect([judged.verdict, judged.hazards]).toEqual([verdict, hazards]);
  });

  test.for([
    [120_000, 'pass', undefined],
    [119_900, 'pass', undefined],
    [59_999, 'fail', ['H1']],
    [-1, 'fail', ['H13']],
    [249_463, 'fail', []],
    [Number.NaN, 'unknown', undefined],
  ] as const)('a nonce with %d ms to live of 120 s', ([left, verdict, hazards]) => {
    const judged = judgeLife(left, 40, 120_000);
    expect([judged.verdict, judged.hazards]).toEqual([verdict, hazards]);
  });

  test.for([
    ['rdb_last_bgsave_status', 'err', 'fail'],
    ['aof_last_write_status', 'err', 'fail'],
    ['loading', '1', 'unknown'],
    ['loading', '0', 'pass'],
  ] as const)('%s:%s', ([name, value, verdict]) => {
    expect(judgeHealth(fields({ [name]: value })).verdict).toBe(verdict);
  });

  test.for([
    ['always', 'pass'],
    ['everysec', 'unknown'],
    ['no', 'fail'],
  ] as const)('appendfsync %s', ([mode, verdict]) => {
    expect(judgeFsync(mode, 'declared: ')).toMatchObject({ verdict, seen: `declared: appendfsync ${mode}` });
  });

  test.for([
    ['ok', '16384', 'pass'],
    ['fail', '10923', 'fail'],
  ] as const)('cluster_state %s with %s slots', ([state, slots, verdict]) => {
    expect(judgeCluster(fields({ cluster_state: state, cluster_slots_ok: slots })).verdict).toBe(verdict);
  });
});

describe('who is connected', () => {
  const line = (name: string, db = 0, addr = '10.1.0.7:4000') => ({ addr, name, db, cmd: 'set' });
  const expected = { db: 0, clients: ['signer-*', '10.1.*'], replicas: ['signer-a', 'signer-b'] };
  const sound = [line('signer-a'), line('signer-b')];

  test.for([
    ['all declared', sound, expected, 'pass', undefined],
    ['nobody declared', sound, { ...expected, clients: [] }, 'not-applicable', undefined],
    ['one in another database', [line('signer-a'), line('signer-b', 1)], { ...expected, clients: [] }, 'fail', ['H10']],
    ['a stranger', [...sound, line('staging', 0, '192.0.2.9:1')], expected, 'fail', ['H24']],
    ['one for two replicas', [line('', 0)], expected, 'unknown', ['H17', 'H11']],
  ] as const)('%s', ([, connections, settings, verdict, hazards]) => {
    const judged = judgeConnections(connections, settings);
    expect([judged.verdict, judged.hazards]).toEqual([verdict, hazards]);
  });

  it('a pattern is no regular expression', () => {
    expect(isDeclared(line('signerxa'), ['signer.a'])).toBe(false);
    expect(isDeclared(line('x', 0, '[::1]:5'), ['[::1]'])).toBe(true);
  });
});

it('the keys that others make of a nonce are distinct, and none is the right one', () => {
  const right = 'kr:["client-a","00ff"]';
  const keys = wrongForms('kr:["{client}","{nonce}"]', 'client-a', '00ff').map(({ key }) => key);
  expect(new Set([right, ...keys]).size).toBe(keys.length + 1);
  expect(keys).toEqual(
    expect.arrayContaining(['kr:["client-a", "00ff"]', 'kr:client-a:00ff', 'kr:00ff', '["client-a","00ff"]']),
  );
});
