import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../support/temporary.ts';
import { freePorts, redisFleet, until } from '../store/redis-fleet.ts';
import { type ForeignFleet, startForeign } from './foreign-fleet.ts';
import type { Ended } from './rotctl-run.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const PASSWORD = 'store-view-password-of-a-test';
/** The login of the README. */
const RIGHTS = [
  '+ping',
  '+time',
  '+role',
  '+info',
  '+pttl',
  '+exists',
  '+client|list',
  '+client|id',
  '+cluster|info',
  '+cluster|slots',
];
/** Those that a sound store passes on its one node. */
const NODE_CHECKS = [
  'store.primary',
  'store.eviction',
  'store.evicted',
  'store.room',
  'store.kept',
  'store.clock',
  'store.health',
  'store.flushed',
];
let fleet: ForeignFleet;
const node = () => `127.0.0.1:${fleet.redis}`;

beforeAll(async () => {
  const folder = temporaryFolder('store-view-');
  const file = join(folder, 'password');
  writeFileSync(file, `${PASSWORD}\n`, { mode: 0o600 });
  fleet = await startForeign({
    root,
    clients: false,
    edit: (text, { redis }) =>
      `${text}store: { nodes: ['redis://127.0.0.1:${redis}'], user: rotctl, password: { from: file, path: ${file} }, key: 'kr:["{client}","{nonce}"]', declared: { appendfsync: everysec } }\n`,
  });
  await restore();
}, 60_000);
afterEach(async () => {
  for (const replica of [1, 2, 3]) fleet.plant(replica);
  await restore();
});
afterAll(() => fleet?.stop(), 60_000);

async function restore(): Promise<void> {
  await fleet.cli('CONFIG', 'SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction', 'appendonly', 'yes');
  await allow(RIGHTS);
}

async function allow(rights: readonly string[]): Promise<void> {
  await fleet.cli('ACL', 'SETUSER', 'rotctl', 'reset', 'on', `>${PASSWORD}`, '%R~kr:\\["*', '-@all', ...rights);
}

/** What the store's checks came to: each target with its verdict. */
function seen({ result }: Ended, id: string): (readonly [string, string])[] {
  return result.checks.filter((check) => check.id === id).map(({ target, verdict }) => [target, verdict] as const);
}

/** Failures, and what else names a hazard, of some checks: each target with its hazards. */
function named({ result }: Ended, ...ids: readonly string[]): Record<string, readonly string[]> {
  const found = result.checks.filter(({ id, hazards }) => ids.includes(id) && hazards !== undefined);
  return Object.fromEntries(found.map(({ target, hazards = [] }) => [target, hazards]));
}

describe('the store of nonces, looked into with the login of the README', () => {
  test('a sound one passes, on every node and replica, and a password never shows', async () => {
    const ended = await fleet.rotctl('verify-replay');
    for (const id of NODE_CHECKS) expect(seen(ended, id), id).toEqual([[node(), 'pass']]);
    for (const id of ['store.nonce-key', 'store.commands'])
      expect(seen(ended, id)).toEqual([1, 2, 3].map((n) => [`signer-${n}`, 'pass']));
    // Declared as written every second: a warning, that stops nobody.
    expect(named(ended, 'store.fsync')).toEqual({ [node()]: ['H6'] });
    expect([ended.code, ended.result.verdict]).toEqual([0, 'pass']);
    expect(JSON.stringify(ended)).not.toContain(PASSWORD);
  }, 120_000);

  const rows: {
    planted: Record<number, string>;
    config: readonly string[];
    hazards: Record<string, readonly string[]>;
  }[] = [
    {
      planted: { 1: 'other-db', 2: 'no-expiry', 3: 'ttl-2500ms' },
      config: ['maxmemory', '100mb', 'maxmemory-policy', 'volatile-ttl'],
      hazards: { store: ['H2'], 'signer-1': ['H10', 'H11', 'H20', 'H21'], 'signer-2': ['H13'], 'signer-3': ['H1'] },
    },
    {
      planted: { 1: 'key-space', 2: 'memory-nonces', 3: 'key-no-client' },
      config: ['appendonly', 'no'],
      hazards: { store: ['H5'], 'signer-1': ['H20'], 'signer-2': ['H10', 'H11', 'H20', 'H21'], 'signer-3': ['H21'] },
    },
    {
      planted: { 1: 'get-then-set', 2: 'exists-then-setex', 3: 'other-prefix' },
      config: ['appendonly', 'yes'],
      hazards: { 'signer-1': ['H12'], 'signer-2': ['H12'], 'signer-3': ['H10', 'H11', 'H20', 'H21'] },
    },
  ];
  test.for(rows)('$planted with $config: each is named, by its hazard', { timeout: 120_000 }, async (row) => {
    for (const [replica, fault] of Object.entries(row.planted)) fleet.plant(Number(replica), fault);
    await fleet.cli('CONFIG', 'SET', ...row.config);
    const ended = await fleet.rotctl('verify-replay');
    const found = named(ended, 'store.nonce-key', 'store.commands', 'store.eviction', 'store.kept');
    const { [node()]: store, ...signers } = found;
    expect({ ...(store === undefined ? {} : { store }), ...signers }).toEqual(row.hazards);
    expect(ended.code).toBe(1);
  });

  test('a key without its client is named also where every replica uses it', async () => {
    for (const replica of [1, 2, 3]) fleet.plant(replica, 'key-no-client');
    const ended = await fleet.rotctl('verify-replay');
    expect(Object.values(named(ended, 'store.nonce-key'))).toEqual([['H21'], ['H21'], ['H21']]);
    expect(ended.code).toBe(1);
  }, 120_000);

  test('a full one is found by the errors that it answers', async () => {
    await fleet.cli('CONFIG', 'SET', 'maxmemory', '1');
    const ended = await fleet.rotctl('verify-replay');
    expect(named(ended, 'store.errors', 'store.room')).toEqual({ store: ['H3'], [node()]: ['H3'] });
    expect(ended.code).toBe(1);
  }, 120_000);

  test('a replica that takes writes is found, and one that does not is not behind', async () => {
    const [port = 0] = await freePorts(1);
    const redis = redisFleet();
    try {
      const login = `rotctl on >${PASSWORD} %R~kr:\\["* -@all ${RIGHTS.join(' ')}`;
      await redis.start(port, { replicaof: `127.0.0.1 ${fleet.redis}`, user: login });
      await until(async () => (await redis.cli(port, 'INFO', 'replication')).includes('master_link_status:up'));
      const sound = await fleet.rotctl('verify-replay');
      expect(seen(sound, 'store.replicas')).toEqual([[`127.0.0.1:${port}`, 'pass']]);
      // Without min-replicas-to-write a primary that is cut off goes on: a warning.
      expect(named(sound, 'store.replication')).toEqual({ [node()]: ['H4'] });
      expect(sound.code).toBe(0);
      await redis.cli(port, 'CONFIG', 'SET', 'replica-read-only', 'no');
      fleet.plant(2, 'setnx-expire');
      expect(named(await fleet.rotctl('verify-replay'), 'store.replicas', 'store.commands')).toEqual({
        [`127.0.0.1:${port}`]: ['H14'],
        'signer-2': ['H13'],
      });
    } finally {
      redis.stop();
    }
  }, 120_000);

  test('what the login may not see is listed as not checked, and caps what is proven', async () => {
    await allow(['+ping', '+pttl']);
    const ended = await fleet.rotctl('verify-replay');
    for (const id of ['store.primary', 'store.eviction', 'store.kept', 'store.clock']) {
      expect(
        seen(ended, id).map(([, verdict]) => verdict),
        id,
      ).toEqual(['unknown']);
      expect(ended.result.checks.find((check) => check.id === id)?.seen).toBe('not checked');
    }
    expect(seen(ended, 'store.nonce-key').map(([, verdict]) => verdict)).toEqual(['pass', 'pass', 'pass']);
    expect(ended.code).toBe(12);
  }, 120_000);
});
