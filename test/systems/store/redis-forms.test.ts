import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, type TestContext, test } from 'vitest';
import type { StoreSource } from '../../../src/fleet/store.ts';
import { storeAddress } from '../../../src/fleet/store-address.ts';
import type { StoreView } from '../../../src/probe/store-view.ts';
import { createStoreView, type StoreAccess } from '../../../src/system/redis-store.ts';
import { freePorts, type RedisFleet, redisFleet, run, until } from './redis-fleet.ts';

const NO_ACCESS: StoreAccess = {
  passwords: { store: undefined, sentinel: undefined },
  ca: undefined,
  cert: undefined,
  key: undefined,
};
const BASE: StoreSource = {
  form: 'standalone',
  nodes: [],
  primary: undefined,
  user: undefined,
  password: undefined,
  sentinelPassword: undefined,
  tls: undefined,
  db: 0,
  key: '["{client}","{nonce}"]',
  perSecond: undefined,
  clients: [],
  declared: {},
  deadlineMs: 2000,
};
const PASSWORD = 'a-password-of-a-test';
/** The rights of the README's login, and no other. */
const RIGHTS = '-@all +ping +time +role +info +pttl +exists +client|list +client|id +cluster|info +cluster|slots'.split(
  ' ',
);

interface Given {
  readonly fleet: RedisFleet;
  view(source: Partial<StoreSource>, urls: readonly string[], access?: Partial<StoreAccess>): StoreView;
}

function given({ onTestFinished }: TestContext): Given {
  const fleet = redisFleet();
  const views: StoreView[] = [];
  onTestFinished(async () => {
    for (const view of views) await view.close();
    fleet.stop();
  });
  return {
    fleet,
    view(source, urls, access = {}) {
      const view = createStoreView({ ...BASE, ...source, nodes: urls.map(storeAddress) }, { ...NO_ACCESS, ...access });
      views.push(view);
      return view;
    },
  };
}

const pttl = (view: StoreView, key: string) => view.askKey(key, 'PTTL', key);
const within = (least: number, most: number) => (answer: Awaited<ReturnType<typeof pttl>>) =>
  answer.kind === 'value' && Number(answer.value) > least && Number(answer.value) <= most;

describe('a look into a real Redis', () => {
  test('standalone: the database that is named is looked into, with a login that may only read', async (context) => {
    const { fleet, view } = given(context);
    const [port = 0] = await freePorts(1);
    await fleet.start(port, {});
    await fleet.cli(port, 'ACL', 'SETUSER', 'rotctl', 'on', `>${PASSWORD}`, '%R~\\["*', ...RIGHTS);
    await fleet.cli(port, '-n', '3', 'SET', '["c","n"]', '1', 'PX', '60000', 'NX');
    const login = { user: 'rotctl', db: 3 };
    const passwords = { store: PASSWORD, sentinel: undefined };
    const barred = view(login, [`redis://127.0.0.1:${port}`], { passwords });
    expect(await pttl(barred, '["c","n"]'), 'without SELECT it is no look into database 0').toMatchObject({
      code: 'NOPERM',
    });
    await fleet.cli(port, 'ACL', 'SETUSER', 'rotctl', '+select');
    const mine = view(login, [`redis://127.0.0.1:${port}`], { passwords });
    expect(await mine.nodes()).toEqual([`127.0.0.1:${port}`]);
    expect(await pttl(mine, '["c","n"]')).toSatisfy(within(1000, 60_000));
    expect(await mine.ask(`127.0.0.1:${port}`, 'INFO', 'memory')).toMatchObject({ kind: 'value' });
    for (const command of [
      ['SET', '["c","x"]', '1'],
      ['GET', '["c","n"]'],
      ['CONFIG', 'GET', 'requirepass'],
      ['KEYS', '*'],
    ])
      expect(await mine.ask(`127.0.0.1:${port}`, ...command)).toMatchObject({ kind: 'error', code: 'NOPERM' });
    const other = view({ ...login, db: 0 }, [`redis://127.0.0.1:${port}`], { passwords });
    expect(await pttl(other, '["c","n"]')).toEqual({ kind: 'value', value: -2 });
  });

  test('a wrong password is told as such, and does not show', async (context) => {
    const { fleet, view } = given(context);
    const [port = 0] = await freePorts(1);
    await fleet.start(port, { requirepass: PASSWORD }, ['-a', PASSWORD]);
    const wrong = view({}, [`redis://127.0.0.1:${port}`], {
      passwords: { store: 'not-the-password', sentinel: undefined },
    });
    const answer = await pttl(wrong, 'k');
    expect(answer).toMatchObject({ reason: expect.stringMatching(/WRONGPASS|NOAUTH/) });
    expect(JSON.stringify(answer)).not.toContain('not-the-password');
  });

  test('one that does not answer is a fault within the deadline', async (context) => {
    const { fleet, view } = given(context);
    const [port = 0, nobody = 0] = await freePorts(2);
    await fleet.start(port, {});
    expect(await pttl(view({}, [`redis://127.0.0.1:${nobody}`]), 'k')).toMatchObject({
      kind: 'fault',
      reason: expect.stringContaining('ECONNREFUSED'),
    });
    const frozen = view({ deadlineMs: 300 }, [`redis://127.0.0.1:${port}`]);
    expect(await pttl(frozen, 'k')).toEqual({ kind: 'value', value: -2 });
    await fleet.cli(port, 'CLIENT', 'PAUSE', '2000', 'ALL');
    const began = performance.now();
    expect(await pttl(frozen, 'k')).toMatchObject({ kind: 'fault' });
    expect(performance.now() - began).toBeLessThan(1500);
  });

  test('rediss: its authority must be the one that is named, and it may ask for a client certificate', async (context) => {
    const { fleet, view } = given(context);
    const [plain = 0, port = 0] = await freePorts(2);
    const ssl = (...words: string[]) => run('openssl', words, fleet.home);
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    for (const ca of ['ca', 'other'])
      await ssl(
        'req',
        '-x509',
        ...key,
        '-keyout',
        `${ca}.key`,
        '-out',
        `${ca}.pem`,
        '-days',
        '2',
        '-subj',
        `/CN=${ca}`,
      );
    for (const name of ['server', 'client']) {
      await ssl(
        'req',
        ...key,
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.csr`,
        '-subj',
        `/CN=${name}`,
        '-addext',
        'subjectAltName=DNS:store.internal',
      );
      await ssl(
        'x509',
        '-req',
        '-in',
        `${name}.csr`,
        '-CA',
        'ca.pem',
        '-CAkey',
        'ca.key',
        '-CAcreateserial',
        '-copy_extensions',
        'copy',
        '-days',
        '2',
        '-out',
        `${name}.pem`,
      );
    }
    const tls = {
      'tls-port': port,
      'tls-cert-file': 'server.pem',
      'tls-key-file': 'server.key',
      'tls-ca-cert-file': 'ca.pem',
      'tls-auth-clients': 'yes',
    };
    await fleet.start(plain, tls);
    const pem = (name: string) => readFileSync(join(fleet.home, name), 'utf8');
    const named = { tls: { ca: '', cert: undefined, key: undefined, serverName: 'store.internal' } };
    const urls = [`rediss://127.0.0.1:${port}`];
    const ours = { ca: pem('ca.pem'), cert: pem('client.pem'), key: pem('client.key') };
    expect(await pttl(view(named, urls, ours), 'k')).toEqual({ kind: 'value', value: -2 });
    expect(await pttl(view(named, urls, { ca: ours.ca }), 'k')).toMatchObject({ kind: 'fault' });
    expect(await pttl(view(named, urls, { ...ours, ca: pem('other.pem') }), 'k')).toMatchObject({ kind: 'fault' });
    const misnamed = { tls: { ...named.tls, serverName: 'else.internal' } };
    expect(await pttl(view(misnamed, urls, ours), 'k')).toMatchObject({ reason: expect.stringContaining('ALTNAME') });
  });

  test('sentinel: the primary is asked, and after a fail-over the new one', async (context) => {
    const { fleet, view } = given(context);
    const [primary = 0, replica = 0, watch = 0, nobody = 0] = await freePorts(4);
    await fleet.start(primary, { 'repl-diskless-sync-delay': 0 });
    await fleet.start(replica, { replicaof: `127.0.0.1 ${primary}` });
    await until(async () => (await fleet.cli(replica, 'INFO', 'replication')).includes('master_link_status:up'));
    await fleet.sentinel(watch, primary);
    await until(async () => (await fleet.cli(watch, 'SENTINEL', 'REPLICAS', 'mymaster')).includes(`${replica}`));
    const urls = [`redis://127.0.0.1:${nobody}`, `redis://127.0.0.1:${watch}`];
    const source = { form: 'sentinel', primary: 'mymaster' } as const;
    expect(await view(source, urls).nodes()).toEqual([`127.0.0.1:${primary}`]);
    expect(await view({ ...source, primary: 'nobody' }, urls).nodes()).toMatchObject({
      reason: expect.stringContaining('it knows no primary nobody'),
    });
    fleet.kill(primary);
    await until(async () =>
      (await fleet.cli(watch, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster')).includes(`${replica}`),
    );
    const after = view(source, urls);
    expect(await after.nodes()).toEqual([`127.0.0.1:${replica}`]);
    expect(await pttl(after, 'k')).toEqual({ kind: 'value', value: -2 });
  }, 60_000);

  test('cluster: a key is found on whichever node has it, with rights to no other command', async (context) => {
    const { fleet, view } = given(context);
    const ports = await freePorts(3);
    for (const port of ports)
      await fleet.start(port, {
        'cluster-enabled': 'yes',
        'cluster-config-file': `nodes-${port}.conf`,
        'cluster-port': 0,
      });
    await run(
      'redis-cli',
      ['--cluster', 'create', ...ports.map((port) => `127.0.0.1:${port}`), '--cluster-yes'],
      fleet.home,
    );
    for (const port of ports) {
      await until(async () => (await fleet.cli(port, 'CLUSTER', 'INFO')).includes('cluster_state:ok'));
      await fleet.cli(port, 'ACL', 'SETUSER', 'rotctl', 'on', `>${PASSWORD}`, '%R~\\["*', ...RIGHTS);
    }
    const keys = Array.from({ length: 12 }, (_, n) => `["c","nonce-${n}"]`);
    for (const key of keys) await fleet.cli(ports[0] ?? 0, '-c', 'SET', key, '1', 'PX', '60000', 'NX');
    const mine = view({ form: 'cluster', user: 'rotctl' }, [`redis://127.0.0.1:${ports[0]}`], {
      passwords: { store: PASSWORD, sentinel: undefined },
    });
    for (const key of keys) expect(await pttl(mine, key), key).toSatisfy(within(1000, 60_000));
    expect((await mine.nodes()).toString().split(',').length).toBe(3);
  }, 60_000);
});
