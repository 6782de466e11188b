import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { eventually } from '../support/until.ts';
import { answerOf, envOf, freshSecret, ledgerOf, sharedSecret, variablesIn, writeVariables } from './gate-caller.ts';
import { isAlive, run, startFleet, type TestFleet } from './harness.ts';

const PARTS = ['balancer', 'gate-a', 'gate-b', 'gate-c', 'langgraph', 'scheduler', 'store', 'supervisor'];
const GATES = ['gate-a', 'gate-b', 'gate-c'];
const SERVICES = ['langgraph', 'scheduler'];
const [SECRET, PREV] = ['INTERSERVICE_HMAC_SECRET', 'INTERSERVICE_HMAC_SECRET_PREV'];
const START = ['--protocol', 'gate-v1', '--store', 'embedded'];
let fleet: TestFleet;
beforeAll(async () => {
  fleet = await startFleet(...START);
});
afterAll(() => fleet.stop());

const must = async (...words: string[]): Promise<void> => {
  expect(await fleet.ctl(...words)).toEqual({ code: 0, stdout: '', stderr: '' });
};
const service = async (id: string) => {
  const found = (await fleet.status()).clients.find((client) => client.id === id);
  if (found === undefined) throw new Error(`${id} is missing`);
  return found;
};
/** Waits until each service has had so many more answers. */
const moreAnswers = async (count: number): Promise<void> => {
  for (const id of SERVICES) {
    const { accepted } = await service(id);
    await eventually(`${count} more of ${id}`, async () => (await service(id)).accepted >= accepted + count);
  }
};
/** Services that have lost a request since the fleet started. */
const lost = async (): Promise<unknown[]> =>
  (await fleet.status()).clients.filter((one) => one.refused + one.faults > 0);
const secretFile = (variable: string): string => join(fleet.home, 'run/secrets/gate-c', variable.toLowerCase());

describe('a fleet of gates', () => {
  it('is gates, a balancer, a store and two services, each a process of its own', () => {
    expect(Object.keys(fleet.ready.pids).sort()).toEqual(PARTS);
    for (const pid of Object.values(fleet.ready.pids)) expect(isAlive(pid)).toBe(true);
  });

  it('lets nobody else read its files and folders', () => {
    const seen = readdirSync(fleet.home, { recursive: true, withFileTypes: true });
    expect(seen.length).toBeGreaterThan(20);
    for (const entry of seen) {
      const mode = statSync(join(entry.parentPath, entry.name)).mode & 0o777;
      expect([entry.name, mode.toString(8)]).toEqual([entry.name, entry.isDirectory() ? '700' : '600']);
    }
  });

  it('shares one random secret, in a file for the third gate, and configures no overlap', () => {
    const secret = sharedSecret(fleet);
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    for (const name of ['gate-a', 'gate-b', 'template', ...SERVICES]) {
      expect(variablesIn(envOf(fleet, name))[SECRET]).toBe(secret);
    }
    expect(variablesIn(envOf(fleet, 'gate-c'))).toMatchObject({
      [SECRET]: secretFile(SECRET),
      GATE_SECRETS_PREFIX: `${fleet.home}/run/secrets/gate-c/`,
    });
    expect(readFileSync(secretFile(SECRET), 'utf8')).toBe(secret);
    for (const name of [...GATES, 'template', ...SERVICES]) {
      const variables = variablesIn(envOf(fleet, name));
      expect(Object.keys(variables).filter((variable) => variable.startsWith('INTERSERVICE_'))).toEqual([SECRET]);
    }
    for (const name of [...GATES, 'template']) {
      expect(variablesIn(envOf(fleet, name))).toMatchObject({
        REQUIRE_SIGNATURE: 'true',
        NONCE_TTL_SECONDS: '6',
        SIGNATURE_SKEW_SECONDS: '2',
      });
    }
  });

  it('writes a fleet file whose commands work, and no secret into it', async () => {
    const text = readFileSync(fleet.ready.fleetFile, 'utf8');
    const file = parse(text);
    expect(file).toMatchObject({ name: 'practice-gate', environment: 'practice', protocol: 'gate-v1' });
    expect(file.replicas.map(({ name }: { name: string }) => name)).toEqual(GATES);
    for (const { name, url, serverName, log, deploy } of file.replicas) {
      expect([url, serverName]).toEqual([`https://127.0.0.1:${fleet.port(name)}`, `${name}.practice.internal`]);
      expect(statSync(join(fleet.home, log)).isFile()).toBe(true);
      expect(statSync(join(fleet.home, deploy.path)).isFile()).toBe(true);
      expect(deploy).toMatchObject({ driver: 'env-file', deadline: '10s' });
      expect(await run(deploy.restart)).toEqual({ code: 0, stdout: '', stderr: '' });
    }
    const prefix = `${fleet.home}/run/secrets/gate-c/`;
    expect(file.replicas.map(({ deploy }: { deploy: { secretFiles?: unknown } }) => deploy.secretFiles)).toEqual([
      undefined,
      undefined,
      { prefix, folder: 'run/secrets/gate-c' },
    ]);
    expect(file.templates).toEqual([
      { name: 'gate-image', deploy: { driver: 'env-file', path: 'gates/template.env' } },
    ]);
    expect(file.clients.map(({ id, actor }: Record<string, string>) => [id, actor])).toEqual([
      ['langgraph', 'did:practice:langgraph'],
      ['scheduler', 'did:practice:scheduler'],
    ]);
    for (const { deploy } of file.clients) expect((await run(deploy.restart)).code).toBe(0);
    expect(file.tls).toEqual({ ca: 'tls/ca.pem' });
    const { probe, usage, logs } = file;
    expect(probe).toMatchObject({ path: '/gate/request', tool: 'practice.noop', session: 'practice-probe' });
    expect(usage).toEqual({
      from: 'ledger',
      path: '/ledger',
      entries: '/entries',
      at: '/at',
      client: '/actor_did',
      keyId: '/key_id',
    });
    expect(logs).toEqual({ refused: 'invalid request signature', own: 'rotctl/' });
    for (const secret of [sharedSecret(fleet), readFileSync(fleet.ready.control.tokenFile, 'utf8')]) {
      expect(text).not.toContain(secret);
    }
  });

  it('keeps no secret on a command line or in an environment', async () => {
    const secrets = [sharedSecret(fleet), readFileSync(fleet.ready.control.tokenFile, 'utf8')];
    const { replicas, clients } = await fleet.status();
    for (const pid of [fleet.ready.pids.supervisor, ...[...replicas, ...clients].map((part) => part.pid)]) {
      const shown = ['cmdline', 'environ'].map((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8')).join('\n');
      for (const secret of secrets) expect(shown).not.toContain(secret);
    }
  });

  it('status has gates as replicas and services as clients', async () => {
    const { replicas, clients, store } = await fleet.status();
    expect(replicas.map(({ name, up, faults }) => [name, up, faults])).toEqual(GATES.map((name) => [name, true, []]));
    expect(clients.map(({ id, up }) => [id, up])).toEqual(SERVICES.map((id) => [id, true]));
    expect(store).toMatchObject({ kind: 'embedded', up: true });
  });
});

describe('services', () => {
  it('send about ten a second each through every gate; their counters go on over a restart', async () => {
    await moreAnswers(10);
    for (const gate of GATES) {
      for (const id of SERVICES) {
        const [first] = await eventually(`${id} at ${gate}`, async () => {
          const rows = await ledgerOf(fleet, gate, `did:practice:${id}`);
          return rows.length > 0 && rows;
        });
        expect(first).toMatchObject({ session_id: `practice-${id}`, tool: 'practice.transfer', key_id: 'v1' });
      }
    }
    const before = await service('scheduler');
    await must('restart', 'scheduler');
    const after = await service('scheduler');
    expect(after.pid).not.toBe(before.pid);
    expect(after.accepted).toBeGreaterThanOrEqual(before.accepted);
    expect(after).toMatchObject({ refused: 0, faults: 0, lastCode: 'ACCEPTED' });
  });

  it('lose no request while each gate is restarted, one after the other', async () => {
    for (const gate of GATES) await must('restart', gate);
    await moreAnswers(10);
    expect(await lost()).toEqual([]);
  });

  it('lose no request in a rotation of gates, then services, then the old secret, and the ledger shows each move', async () => {
    const [current, next] = [sharedSecret(fleet), freshSecret()];
    /** A file in use changes what a gate accepts before it has read the other variable: a new secret has a new file. */
    const placed = (name: string, [variable, value]: [string, string | undefined]): [string, string | undefined] => {
      if (name !== 'gate-c' || value === undefined || ![SECRET, PREV].includes(variable)) return [variable, value];
      const path = `${secretFile(variable)}-${value === next ? 'next' : 'current'}`;
      writeFileSync(path, value, { mode: 0o600 });
      return [variable, path];
    };
    const give = async (name: string, changes: Record<string, string | undefined>): Promise<void> => {
      const lines = Object.entries(changes).map((change) => placed(name, change));
      writeVariables(envOf(fleet, name), Object.fromEntries(lines));
      await must('restart', name);
    };
    const ids = { INTERSERVICE_HMAC_KEY_ID: 'k-next', INTERSERVICE_HMAC_KEY_ID_PREV: 'v1' };
    for (const gate of GATES) await give(gate, { [PREV]: current, [SECRET]: next, ...ids });
    await moreAnswers(3);
    for (const id of SERVICES) await give(id, { [SECRET]: next, INTERSERVICE_HMAC_KEY_ID: 'k-next' });
    await moreAnswers(3);
    for (const id of SERVICES) {
      await eventually(
        `${id} has moved`,
        async () => (await ledgerOf(fleet, 'gate-a', `did:practice:${id}`)).at(-1)?.key_id === 'k-next',
      );
    }
    for (const gate of GATES) await give(gate, { [PREV]: undefined });
    await moreAnswers(3);
    expect(await lost()).toEqual([]);
    for (const gate of GATES) {
      expect(await answerOf(fleet, gate, { secret: current })).toBe('401 invalid request signature');
      expect(await answerOf(fleet, gate, { secret: next, keyId: 'k-next' })).toBe('200 DENIED');
    }
  });

  it('with TOOL_GATE_DUAL_SIGN may go first: gates that have not changed verify the second signature', async () => {
    const [current, next] = [sharedSecret(fleet), freshSecret()];
    const ids = { INTERSERVICE_HMAC_KEY_ID: 'k-third', INTERSERVICE_HMAC_KEY_ID_PREV: 'k-next' };
    const changes = { [SECRET]: next, [PREV]: current, ...ids, TOOL_GATE_DUAL_SIGN: 'true' };
    writeVariables(envOf(fleet, 'langgraph'), changes);
    await must('restart', 'langgraph');
    // A few requests share a connection, and so a gate: each gate's own next one is waited for.
    for (const gate of GATES) {
      const before = await ledgerOf(fleet, gate, 'did:practice:langgraph');
      await eventually(`${gate} answers langgraph`, async () => {
        const rows = await ledgerOf(fleet, gate, 'did:practice:langgraph');
        return rows.length > before.length && rows.at(-1)?.key_id === 'k-next';
      });
    }
    expect(await lost()).toEqual([]);
    writeVariables(envOf(fleet, 'gate-a'), { [SECRET]: next, [PREV]: current, ...ids });
    await must('restart', 'gate-a');
    await eventually('the first signature is verified', async () => {
      const [last] = (await ledgerOf(fleet, 'gate-a', 'did:practice:langgraph')).slice(-1);
      return last?.key_id === 'k-third';
    });
    expect(await lost()).toEqual([]);
    writeVariables(envOf(fleet, 'gate-a'), { [SECRET]: current, [PREV]: undefined, ...ids });
    await must('restart', 'gate-a');
    writeVariables(envOf(fleet, 'langgraph'), { [SECRET]: current, [PREV]: undefined, TOOL_GATE_DUAL_SIGN: undefined });
    await must('restart', 'langgraph');
  });

  it('count refusals apart from faults, by what the gate said', async () => {
    const path = envOf(fleet, 'scheduler');
    const good = readFileSync(path, 'utf8');
    writeVariables(path, { [SECRET]: freshSecret() });
    await moreAnswers(3);
    expect((await service('scheduler')).refused).toBe(0);
    await must('restart', 'scheduler');
    await eventually('refusals', async () => (await service('scheduler')).refused > 3);
    expect(await service('scheduler')).toMatchObject({ faults: 0, lastCode: '401 invalid request signature' });
    writeFileSync(path, good);
    await must('restart', 'scheduler');
    await eventually('accepted again', async () => (await service('scheduler')).lastCode === 'ACCEPTED');
  });

  it('take a secret from a file too, at each request; an empty one sends nothing', async () => {
    const path = envOf(fleet, 'scheduler');
    const good = readFileSync(path, 'utf8');
    const [prefix, file] = [`${fleet.home}/run/secrets/scheduler-`, `${fleet.home}/run/secrets/scheduler-secret`];
    writeFileSync(file, '', { mode: 0o600 });
    const { refused } = await service('scheduler');
    writeVariables(path, { [SECRET]: file, GATE_SECRETS_PREFIX: prefix });
    await must('restart', 'scheduler');
    await eventually('it has none', async () => (await service('scheduler')).lastCode === 'NO_SECRET');
    writeFileSync(file, sharedSecret(fleet));
    await eventually('it has one', async () => (await service('scheduler')).lastCode === 'ACCEPTED');
    expect((await service('scheduler')).refused).toBe(refused);
    writeFileSync(path, good);
    await must('restart', 'scheduler');
  });
});
