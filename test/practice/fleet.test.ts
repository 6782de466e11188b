import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { eventually } from '../support/until.ts';
import { secretOf, shoot } from './caller.ts';
import {
  freshHome,
  isAlive,
  launchFleet,
  plainEnv,
  practiceProgram,
  type Ready,
  run,
  runCtl,
  startFleet,
  type TestFleet,
} from './harness.ts';

const PARTS = ['balancer', 'client-a', 'client-b', 'signer-a', 'signer-b', 'signer-c', 'store', 'supervisor'];

describe('a fleet that is up', () => {
  let fleet: TestFleet;
  beforeAll(async () => {
    fleet = await startFleet('--store', 'embedded');
  });
  afterAll(() => fleet.stop());

  it('says so in one line, each part being a process of its own', () => {
    expect(fleet.ready).toMatchObject({
      ready: true,
      home: fleet.home,
      fleetFile: join(fleet.home, 'rotctl.yaml'),
      control: { port: expect.any(Number), tokenFile: join(fleet.home, 'control.token') },
      store: 'embedded',
    });
    expect(Object.keys(fleet.ready.pids).sort()).toEqual(PARTS);
    expect(new Set(Object.values(fleet.ready.pids)).size).toBe(PARTS.length);
    for (const pid of Object.values(fleet.ready.pids)) expect(isAlive(pid)).toBe(true);
  });

  it('lets nobody else read its files and folders', () => {
    const seen = readdirSync(fleet.home, { recursive: true, withFileTypes: true });
    expect(seen.length).toBeGreaterThan(20);
    for (const entry of seen) {
      const mode = statSync(join(entry.parentPath, entry.name)).mode & 0o777;
      expect([entry.name, mode.toString(8)]).toEqual([entry.name, entry.isDirectory() ? '700' : '600']);
    }
    expect(statSync(fleet.home).mode & 0o777).toBe(0o700);
  });

  it('gives each client a secret of 32 random bytes of its own, which every signer allows', () => {
    const secrets = ['client-a', 'client-b'].map((id) => secretOf(fleet, id));
    for (const secret of secrets) expect(secret).toMatch(/^[0-9a-f]{64}$/);
    expect(secrets[0]).not.toBe(secrets[1]);
    for (const name of ['signer-a', 'signer-b', 'signer-c', 'template']) {
      const text = readFileSync(join(fleet.home, 'signers', `${name}.env`), 'utf8');
      const value = /^KEYRING_CLIENTS="(.*)"$/m.exec(text)?.[1]?.replaceAll('\\"', '"') ?? '';
      expect(JSON.parse(value)).toEqual({
        'client-a': { hmacSecrets: [secrets[0]] },
        'client-b': { hmacSecrets: [secrets[1]] },
      });
    }
  });

  it('writes a fleet file whose commands work, and no secret into it', async () => {
    const text = readFileSync(fleet.ready.fleetFile, 'utf8');
    const file = parse(text);
    expect(file).toMatchObject({
      schema: 'rotctl.fleet.v1',
      name: 'practice',
      environment: 'practice',
      protocol: 'keyring-v1',
    });
    expect(file.replicas.map(({ name }: { name: string }) => name)).toEqual(['signer-a', 'signer-b', 'signer-c']);
    for (const { name, url, serverName, deploy } of file.replicas) {
      expect(url).toBe(`https://127.0.0.1:${fleet.port(name)}`);
      expect(serverName).toBe(`${name}.practice.internal`);
      expect(await run(deploy.reload)).toEqual({ code: 0, stdout: '', stderr: '' });
    }
    expect(file.templates).toMatchObject([{ name: 'signer-image', deploy: { path: 'signers/template.env' } }]);
    for (const [name, { certificates }] of [...file.replicas, ...file.templates].map((one) => [one.name, one]))
      expect(certificates).toMatchObject({
        trust: `tls/${name}-trust.pem`,
        cert: `tls/${name}.pem`,
        key: `tls/${name}.key`,
      });
    for (const { certificates } of file.replicas)
      expect(await run(certificates.endSessions)).toEqual({ code: 0, stdout: '', stderr: '' });
    for (const { certificates } of file.clients) {
      const to: Record<string, string> = {
        '{host}': '127.0.0.1',
        '{port}': String(fleet.port('signer-a')),
        '{serverName}': 'signer.practice.internal',
      };
      const { code, stdout } = await run(certificates.handshake.command.map((word: string) => to[word] ?? word));
      expect([code, JSON.parse(stdout)]).toMatchObject([0, { completed: true, end: 'answered' }]);
    }
    for (const id of ['client-a', 'client-b']) expect(text).not.toContain(secretOf(fleet, id));
    expect(text).not.toContain(readFileSync(fleet.ready.control.tokenFile, 'utf8'));
  });

  it('keeps no secret on a command line or in an environment', () => {
    const secrets = [secretOf(fleet), secretOf(fleet, 'client-b'), readFileSync(fleet.ready.control.tokenFile, 'utf8')];
    for (const pid of Object.values(fleet.ready.pids)) {
      const shown = ['cmdline', 'environ'].map((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8')).join('\n');
      for (const secret of secrets) expect(shown).not.toContain(secret);
    }
  });

  it('its ports lie below the ephemeral range', () => {
    for (const name of ['balancer', 'store', 'signer-a', 'signer-b', 'signer-c']) {
      expect(fleet.port(name)).toBeGreaterThanOrEqual(20_000);
      expect(fleet.port(name)).toBeLessThan(32_000);
    }
  });

  it('clients send about ten a second each; their counters go on over a restart', async () => {
    const before = await clientA();
    await eventually('ten more', async () => (await clientA()).accepted >= before.accepted + 10, {
      deadlineMs: 10_000,
    });
    const { accepted } = await clientA();
    expect((await fleet.ctl('restart', 'client-a')).code).toBe(0);
    const after = await clientA();
    expect(after.pid).not.toBe(before.pid);
    expect(after.accepted).toBeGreaterThanOrEqual(accepted);
    expect(after).toMatchObject({
      up: true,
      refused: 0,
      faults: 0,
      lastCode: 'ACCEPTED',
      byCode: { ACCEPTED: after.accepted },
    });
  });

  it('a client reads its secret when it starts, and refusals are counted apart from faults', async () => {
    const path = join(fleet.home, 'clients', 'client-a.env');
    const good = readFileSync(path, 'utf8');
    writeFileSync(path, good.replace(/^KEYRING_SECRET=.*$/m, `KEYRING_SECRET='${'0'.repeat(64)}'`));
    const { accepted } = await clientA();
    await eventually('it goes on with the old secret', async () => (await clientA()).accepted > accepted + 3);
    expect((await clientA()).refused).toBe(0);
    await fleet.ctl('restart', 'client-a');
    await eventually('refusals', async () => (await clientA()).refused > 3);
    expect(await clientA()).toMatchObject({ faults: 0, lastCode: 'AUTH_INVALID_HMAC' });
    writeFileSync(path, good);
    await fleet.ctl('restart', 'client-a');
    await eventually('accepted again', async () => (await clientA()).lastCode === 'ACCEPTED');
  });

  it('a second fleet does not start in the same folder', async () => {
    const { ready } = await launchFleet(['--home', fleet.home]);
    expect(ready).toEqual({ ready: false, error: `a practice fleet is running in ${fleet.home} already` });
  });

  async function clientA() {
    const found = (await fleet.status()).clients.find(({ id }) => id === 'client-a');
    if (found === undefined) throw new Error('client-a is missing');
    return found;
  }
});

describe('control', () => {
  let fleet: TestFleet;
  beforeAll(async () => {
    fleet = await startFleet(
      '--store',
      'embedded',
      '--replicas',
      '2',
      '--fault',
      'slow@signer-b',
      '--fault',
      'no-mtls@signer-b',
    );
  });
  afterAll(() => fleet.stop());

  it('plants at the start what was asked for, on as many signers as were asked for', async () => {
    expect((await fleet.status()).replicas.map(({ name, faults }) => [name, faults])).toEqual([
      ['signer-a', []],
      ['signer-b', ['slow', 'no-mtls']],
    ]);
  });

  it.each([
    ['an unknown part', ['restart', 'signer-z'], /^there is no "signer-z": signer-a, signer-b, client-a, client-b\n$/],
    ['an unknown fault', ['fault', 'plant', 'nonsense', 'signer-a'], /^there is no fault "nonsense"/],
    ['a fault on a client', ['fault', 'plant', 'slow', 'client-a'], /^there is no signer "client-a"/],
    ['neither plant nor lift', ['fault', 'keep', 'slow', 'signer-a'], /^fault takes plant or lift\n$/],
    [
      'a reload of a client',
      ['reload', 'client-a'],
      /^client-a reads its configuration only when it starts: restart it\n$/,
    ],
    ['a renewal of a client', ['renew', 'client-a'], /^there is no signer "client-a"/],
    ['an unknown verb', ['dance'], /^the commands are /],
    ['an unknown verb of the store', ['store', 'explode'], /^store takes stop, kill, start, .*failover\n$/],
  ])('refuses %s with one line and exit code 1', async (_name, words, stderr) => {
    const { code, stdout, stderr: said } = await fleet.ctl(...words);
    expect([code, stdout]).toEqual([1, '']);
    expect(said).toMatch(stderr);
  });

  it('stop and start: the part is down, then up at the same port', async () => {
    expect((await fleet.ctl('stop', 'signer-a')).code).toBe(0);
    expect((await fleet.status()).replicas[0]).toMatchObject({ up: false, pid: null });
    expect((await fleet.ctl('reload', 'signer-a')).stderr).toBe('signer-a is not running (exit 0)\n');
    expect((await fleet.ctl('stop', 'signer-a')).code).toBe(0);
    expect((await fleet.ctl('start', 'signer-a')).code).toBe(0);
    const { up, pid } = (await fleet.status()).replicas[0] ?? {};
    expect(up).toBe(true);
    // Once more is no second process.
    expect((await fleet.ctl('start', 'signer-a')).code).toBe(0);
    expect((await fleet.status()).replicas[0]?.pid).toBe(pid);
  });

  it('renew: a fresh process under the same name, whose secrets are those of the template and nothing else', async () => {
    const path = join(fleet.home, 'signers', 'signer-a.env');
    const before = readFileSync(path, 'utf8');
    const [secret, fresh] = [secretOf(fleet), 'f'.repeat(64)];
    const template = join(fleet.home, 'signers', 'template.env');
    writeFileSync(template, readFileSync(template, 'utf8').replace(secret, fresh));
    const { pid } = (await fleet.status()).replicas[0] ?? {};
    expect(await fleet.ctl('renew', 'signer-a')).toEqual({ code: 0, stdout: '', stderr: '' });
    const after = (await fleet.status()).replicas[0];
    expect(after).toMatchObject({ up: true });
    expect(after?.pid).not.toBe(pid);
    expect(readFileSync(path, 'utf8')).toBe(before.replace(secret, fresh));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await shoot(fleet, 'signer-a', { secret })).toMatchObject({ code: 'AUTH_INVALID_HMAC' });
    expect(await shoot(fleet, 'signer-a', { secret: fresh })).toMatchObject({ status: 422 });
  });

  it.each([
    ['no token', { words: ['status'] }],
    ['a wrong token', { token: '0'.repeat(64), words: ['status'] }],
    ['no JSON', undefined],
  ])('answers nothing to a line with %s', async (_name, request) => {
    expect(await saying(fleet.ready.control.port, request === undefined ? 'hello' : JSON.stringify(request))).toBe('');
  });

  it('answers a line with the token of its private file', async () => {
    const token = readFileSync(fleet.ready.control.tokenFile, 'utf8');
    expect(
      JSON.parse(await saying(fleet.ready.control.port, JSON.stringify({ token, words: ['status'] }))),
    ).toMatchObject({ ok: true });
  });
});

describe('the end of a fleet', () => {
  const launch = async (...args: string[]): Promise<{ home: string; ready: Ready }> => {
    const home = freshHome();
    return { home, ready: (await launchFleet(['--home', home, ...args])).ready };
  };
  const allGone = (ready: Ready): Promise<boolean> =>
    eventually('every process is gone', () => Object.values(ready.pids).every((pid) => !isAlive(pid)));

  it.each(['embedded', 'redis'])('down returns when every process is gone (store %s)', async (store) => {
    const { home, ready } = await launch('--store', store);
    expect(await runCtl(home, 'down')).toEqual({ code: 0, stdout: '', stderr: '' });
    const { supervisor = 0, ...others } = ready.pids;
    for (const pid of Object.values(others)) expect(isAlive(pid)).toBe(false);
    await eventually('the supervisor is gone', () => !isAlive(supervisor));
    const after = await runCtl(home, 'status');
    expect([after.code, after.stdout]).toEqual([1, '']);
    expect(after.stderr).toMatch(/^the practice fleet does not answer: .*ECONNREFUSED.*\n$/);
  });

  it.each(['embedded', 'redis'])('kill -9 of the supervisor ends every part (store %s)', async (store) => {
    const { ready } = await launch('--store', store);
    process.kill(ready.pids.supervisor ?? 0, 'SIGKILL');
    await allGone(ready);
  });

  it('SIGTERM ends every part', async () => {
    const { ready } = await launch('--store', 'embedded');
    process.kill(ready.pids.supervisor ?? 0, 'SIGTERM');
    await allGone(ready);
  });

  it('it outlives kill -9 of the process that started it', async () => {
    const home = freshHome();
    const source = `
      const child = require('node:child_process').spawn(process.execPath, ${JSON.stringify([await practiceProgram(), 'fleet', '--home', home, '--store', 'embedded'])},
        { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
      child.stdout.pipe(process.stdout);`;
    const starter = spawn(process.execPath, ['-e', source], { stdio: ['ignore', 'pipe', 'inherit'], env: plainEnv() });
    const ready: Ready = JSON.parse(String(await new Promise((resolve) => starter.stdout.once('data', resolve))));
    starter.kill('SIGKILL');
    await new Promise((resolve) => starter.once('exit', resolve));
    expect((await runCtl(home, 'restart', 'signer-a')).code).toBe(0);
    for (const [name, pid] of Object.entries(ready.pids))
      if (name !== 'signer-a') expect([name, isAlive(pid)]).toEqual([name, true]);
    expect((await runCtl(home, 'down')).code).toBe(0);
    await allGone(ready);
  });

  it('started again in its folder it is the same fleet: ports, secrets, file', async () => {
    const { home } = await launch('--store', 'embedded');
    const files = ['rotctl.yaml', 'clients/client-a.env', 'signers/signer-c.env', 'tls/ca.pem'];
    const before = files.map((file) => readFileSync(join(home, file), 'utf8'));
    await runCtl(home, 'down');
    const again = await launchFleet(['--home', home, '--store', 'embedded']);
    expect(again.ready.ready).toBe(true);
    expect(files.map((file) => readFileSync(join(home, file), 'utf8'))).toEqual(before);
    const status = JSON.parse((await runCtl(home, 'status')).stdout);
    expect(status.clients[0]).toMatchObject({ refused: 0, faults: 0 });
    await runCtl(home, 'down');
  });
});

describe('a fleet that cannot start', () => {
  const failing = async (args: readonly string[], env = plainEnv()): Promise<{ ready: Ready; code: number | null }> => {
    const launched = await launchFleet(args, env);
    const code = await new Promise<number | null>((resolve) => {
      if (launched.process.exitCode !== null) resolve(launched.process.exitCode);
      else launched.process.once('exit', resolve);
    });
    return { ready: launched.ready, code };
  };

  it.each([
    ['no home', [], /^--home DIR must be given$/],
    ['no replicas', ['--replicas', '0'], /^--replicas must be 1 to 26$/],
    ['too many replicas', ['--replicas', '27'], /^--replicas must be 1 to 26$/],
    ['an unknown fault', ['--fault', 'nonsense@signer-a'], /^--fault must be name@signer, got "nonsense@signer-a"/],
    ['a fault on nobody', ['--fault', 'slow@signer-z'], /there is no such signer$/],
    ['an unknown store', ['--store', 'etcd'], /^--store must be one of auto, embedded, redis, /],
    ['an unknown flag', ['--nonsense'], /nonsense/],
  ])('%s', async (_name, args, error) => {
    const home = args.length === 0 ? [] : ['--home', freshHome()];
    const { ready, code } = await failing([...home, ...args]);
    expect(ready).toEqual({ ready: false, error: expect.stringMatching(error) });
    expect(code).toBe(1);
  });

  it('a Redis that is demanded and missing', async () => {
    const { ready, code } = await failing(['--home', freshHome(), '--store', 'redis'], plainEnv('/nonexistent'));
    expect(ready.error).toBe('redis-server is not on PATH: install it, or use --store embedded');
    expect(code).toBe(1);
  });

  it('a folder with somebody else’s rotctl.yaml, which it leaves alone', async () => {
    const home = freshHome();
    mkdirSync(home);
    writeFileSync(join(home, 'rotctl.yaml'), 'mine');
    const { ready } = await failing(['--home', home]);
    expect(ready.error).toMatch(/rotctl.yaml exists and is not a practice fleet's$/);
    expect(readdirSync(home)).toEqual(['rotctl.yaml']);
  });

  it('a port that was taken meanwhile: it says which part, and leaves nothing running', async () => {
    const fleet = await startFleet('--store', 'embedded');
    const port = fleet.port('signer-b');
    await fleet.ctl('down');
    const squatter = createServer().listen(port, '127.0.0.1');
    const { ready, code } = await failing(['--home', fleet.home, '--store', 'embedded']);
    expect(ready.error).toMatch(/^signer-b ended at its start \(exit 1\), see /);
    expect(code).toBe(1);
    const record = JSON.parse(readFileSync(join(fleet.home, 'practice.json'), 'utf8'));
    for (const [name, pid] of Object.entries<number>(record.pids)) expect([name, isAlive(pid)]).toEqual([name, false]);
    squatter.close();
    await fleet.stop();
  });
});

/** Sends a line to a port and gives what comes back before the end or the first line. */
function saying(port: number, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(`${line}\n`));
    let got = '';
    socket.on('data', (chunk) => {
      got += chunk;
      if (got.endsWith('\n')) socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(got));
  });
}
