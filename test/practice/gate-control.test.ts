import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerOf, envOf, freshSecret, ledgerOf, sharedSecret, writeVariables } from './gate-caller.ts';
import { freshHome, launchFleet, runCtl, startFleet, type TestFleet } from './harness.ts';

const [SECRET, PREV] = ['INTERSERVICE_HMAC_SECRET', 'INTERSERVICE_HMAC_SECRET_PREV'];
const START = ['--protocol', 'gate-v1', '--store', 'embedded'];
const GOOD = '200 DENIED';
const BAD = '401 invalid request signature';

describe('control of a fleet of gates', () => {
  let fleet: TestFleet;
  beforeAll(async () => {
    const faults = ['slow', 'strict-ignored'].flatMap((name) => ['--fault', `${name}@gate-b`]);
    fleet = await startFleet(...START, '--replicas', '2', ...faults);
  });
  afterAll(() => fleet.stop());

  it('plants at the start what was asked for, on as many gates as were asked for', async () => {
    expect((await fleet.status()).replicas.map(({ name, faults }) => [name, faults])).toEqual([
      ['gate-a', []],
      ['gate-b', ['slow', 'strict-ignored']],
    ]);
  });

  it.each([
    ['an unknown part', ['restart', 'signer-a'], /^there is no "signer-a": gate-a, gate-b, langgraph, scheduler\n$/],
    ['an unknown fault', ['fault', 'plant', 'nonsense', 'gate-a'], /^there is no fault "nonsense"/],
    ['a fault of signers', ['fault', 'plant', 'memory-store', 'gate-a'], /^a gate has no fault "memory-store"/],
    [
      'a fault on a service',
      ['fault', 'plant', 'slow', 'langgraph'],
      /^there is no gate "langgraph": gate-a, gate-b\n$/,
    ],
    ['a reload of a gate', ['reload', 'gate-a'], /^gate-a reads its configuration only when it starts: restart it\n$/],
    ['a reload of a service', ['reload', 'langgraph'], /^langgraph reads its configuration only when it starts/],
    ['a renewal of a service', ['renew', 'langgraph'], /^there is no gate "langgraph"/],
  ])('refuses %s with one line and exit code 1', async (_name, words, stderr) => {
    const { code, stdout, stderr: said } = await fleet.ctl(...words);
    expect([code, stdout]).toEqual([1, '']);
    expect(said).toMatch(stderr);
  });

  it('stop, start and kill: the gate is down, then up at the same port', async () => {
    for (const verb of ['stop', 'kill']) {
      expect((await fleet.ctl(verb, 'gate-a')).code).toBe(0);
      expect((await fleet.status()).replicas[0]).toMatchObject({ up: false, pid: null });
      expect(await answerOf(fleet, 'gate-a')).toBe('0 ECONNREFUSED');
      expect((await fleet.ctl('start', 'gate-a')).code).toBe(0);
      expect(await answerOf(fleet, 'gate-a')).toBe(GOOD);
    }
  });
});

describe('renew', () => {
  let fleet: TestFleet;
  beforeAll(async () => {
    fleet = await startFleet(...START);
  });
  afterAll(() => fleet.stop());

  it('a fresh process under the same name, with the secrets and ids of the template and nothing else of it', async () => {
    const path = envOf(fleet, 'gate-a');
    const before = readFileSync(path, 'utf8');
    const [current, next] = [sharedSecret(fleet), freshSecret()];
    const revoked = { INTERSERVICE_HMAC_REVOKED_IDS: 'v7' };
    writeVariables(path, { [PREV]: freshSecret(), ...revoked });
    const ids = { INTERSERVICE_HMAC_KEY_ID: 'k-next', INTERSERVICE_HMAC_KEY_ID_PREV: 'k-now' };
    const overlap = { [SECRET]: next, [PREV]: current, ...ids, INTERSERVICE_HMAC_STRICT_KEY_ID: 'true' };
    writeVariables(envOf(fleet, 'template'), { ...overlap, SIGNATURE_SKEW_SECONDS: '60' });
    const { pid } = (await fleet.status()).replicas[0] ?? {};
    expect(await fleet.ctl('renew', 'gate-a')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await fleet.status()).replicas[0]?.pid).not.toBe(pid);
    const without = before.split('\n').filter((line) => !line.startsWith(`${SECRET}=`));
    const added = Object.entries(overlap).map(([name, value]) => `${name}="${value}"`);
    expect(readFileSync(path, 'utf8').split('\n').sort()).toEqual([...without, ...added].sort());
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await answerOf(fleet, 'gate-a', { secret: next, keyId: 'k-next' })).toBe(GOOD);
    expect(await answerOf(fleet, 'gate-a', { secret: current, keyId: 'k-now' })).toBe(GOOD);
    expect(await answerOf(fleet, 'gate-a', { secret: current, keyId: 'v1' })).toBe(BAD);
    writeVariables(envOf(fleet, 'template'), Object.fromEntries(Object.keys(overlap).map((name) => [name, undefined])));
    writeVariables(envOf(fleet, 'template'), { [SECRET]: current });
    expect((await fleet.ctl('renew', 'gate-a')).code).toBe(0);
    expect(readFileSync(path, 'utf8').split('\n').sort()).toEqual(before.split('\n').sort());
  });

  it('a gate whose secret is in a file gets those of the template in files', async () => {
    const [current, next] = [sharedSecret(fleet), freshSecret()];
    const folder = join(fleet.home, 'run/secrets/gate-c');
    writeVariables(envOf(fleet, 'template'), { [SECRET]: next, [PREV]: current });
    expect((await fleet.ctl('renew', 'gate-c')).code).toBe(0);
    expect(readFileSync(join(folder, 'interservice_hmac_secret'), 'utf8')).toBe(next);
    expect(statSync(join(folder, 'interservice_hmac_secret_prev')).mode & 0o777).toBe(0o600);
    const text = readFileSync(envOf(fleet, 'gate-c'), 'utf8');
    for (const secret of [current, next]) expect(text).not.toContain(secret);
    for (const secret of [current, next]) expect(await answerOf(fleet, 'gate-c', { secret })).toBe(GOOD);
    writeVariables(envOf(fleet, 'template'), { [SECRET]: current, [PREV]: undefined });
    expect((await fleet.ctl('renew', 'gate-c')).code).toBe(0);
    expect(await answerOf(fleet, 'gate-c', { secret: next })).toBe(BAD);
    expect(await answerOf(fleet, 'gate-c')).toBe(GOOD);
    expect(readdirSync(folder)).toEqual(['interservice_hmac_secret']);
  });

  it('a template without a secret renews nothing', async () => {
    const template = readFileSync(envOf(fleet, 'template'), 'utf8');
    const before = readFileSync(envOf(fleet, 'gate-b'), 'utf8');
    writeVariables(envOf(fleet, 'template'), { [SECRET]: undefined });
    const { code, stderr } = await fleet.ctl('renew', 'gate-b');
    expect([code, stderr]).toEqual([1, `${SECRET} must be set\n`]);
    expect(readFileSync(envOf(fleet, 'gate-b'), 'utf8')).toBe(before);
    writeFileSync(envOf(fleet, 'template'), template);
  });
});

describe('a fleet in its folder', () => {
  it('started again it is the same fleet, whether its protocol is given or not: ports, secrets, files, ledgers', async () => {
    const home = freshHome();
    const first = await launchFleet(['--home', home, ...START]);
    const fleet = { home, port: (name: string) => portIn(home, name) } as TestFleet;
    const actor = 'did:practice:before';
    expect(await answerOf(fleet, 'gate-a', { actor })).toBe(GOOD);
    const files = ['rotctl.yaml', 'services/langgraph.env', 'gates/gate-c.env', 'tls/ca.pem'];
    const secret = 'run/secrets/gate-c/interservice_hmac_secret';
    const before = [...files, secret].map((file) => readFileSync(join(home, file), 'utf8'));
    await runCtl(home, 'down');
    for (const protocol of [[], ['--protocol', 'gate-v1']]) {
      const again = await launchFleet(['--home', home, '--store', 'embedded', ...protocol]);
      expect(again.ready.ready).toBe(true);
      expect(Object.keys(again.ready.pids)).toEqual(Object.keys(first.ready.pids));
      expect([...files, secret].map((file) => readFileSync(join(home, file), 'utf8'))).toEqual(before);
      expect(await ledgerOf(fleet, 'gate-a', actor)).toMatchObject([{ key_id: 'v1' }]);
      await runCtl(home, 'down');
    }
    const { ready } = await launchFleet(['--home', home, '--protocol', 'keyring-v1']);
    expect(ready.error).toBe(
      `the practice fleet in ${home} speaks gate-v1, not keyring-v1: give --protocol gate-v1, or another folder`,
    );
  });

  it.each([
    ['an unknown protocol', ['--protocol', 'gate-v2'], /^--protocol must be keyring-v1 or gate-v1$/],
    ['a fault of gates on a signer', ['--fault', 'strict-ignored@signer-a'], /a signer has no fault "strict-ignored"/],
    [
      'a fault of signers on a gate',
      [...START, '--fault', 'no-mtls@gate-a'],
      /^--fault must be name@gate, got "no-mtls/,
    ],
    ['a fault on no gate', [...START, '--fault', 'slow@signer-a'], /there is no such gate$/],
  ])('%s: it does not start', async (_name, args, error) => {
    const { ready } = await launchFleet(['--home', freshHome(), ...args]);
    expect(ready).toEqual({ ready: false, error: expect.stringMatching(error) });
  });

  function portIn(home: string, name: string): number {
    const { replicas } = JSON.parse(readFileSync(join(home, 'practice.json'), 'utf8'));
    return replicas.find((replica: { name: string }) => replica.name === name).port;
  }
});
