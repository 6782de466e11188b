import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../../../src/credential/secret.ts';
import { AnsibleHosts } from '../../../src/deploy/ansible/hosts.ts';
import { createDeployDriver } from '../../../src/deploy/create-driver.ts';
import { createGateDriver } from '../../../src/deploy/gate.ts';
import type { DriverPorts } from '../../../src/deploy/places.ts';
import { DEFAULT_GATE_NAMES } from '../../../src/fleet/deploy-fields.ts';
import type { AnsibleDeploy } from '../../../src/fleet/fleet.ts';
import { ansibleRuns } from '../../../src/system/ansible.ts';
import { createCommands } from '../../../src/system/commands.ts';
import { privateFiles } from '../../../src/system/private-files.ts';
import { type SshHost, startSshHost } from './ssh-host.ts';

const SHIPPED = fileURLToPath(new URL('../../../runbooks/ansible/rotctl.yml', import.meta.url));
const [OLD, NEW] = ['old-secret-0123456789abcdef', 'new-secret-fedcba9876543210'].map((text) => Secret.fromText(text));
const HIDDEN = 'a-secret-in-an-answer-42';

let ssh: SshHost;
let folder: string;
let file: string;

beforeAll(async () => {
  ssh = await startSshHost(['signer-1', 'signer-2']);
}, 60_000);
afterAll(() => ssh?.stop(), 60_000);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ansible-driver-'));
  file = join(folder, 'signer.env');
  writeFileSync(file, `# signer\nLOG=info\nKEYS="old-secret-0123456789abcdef"\nREGION=eu\n`, { mode: 0o600 });
  // The worst that an operator's configuration may say.
  const config = `[defaults]\nlog_path = ${join(folder, 'ansible.log')}\nverbosity = 4\nkeep_remote_files = True\n`;
  writeFileSync(join(folder, 'ansible.cfg'), config);
  return () => rmSync(folder, { recursive: true, force: true });
});

function place(changed: Partial<AnsibleDeploy> = {}): AnsibleDeploy {
  return {
    driver: 'ansible',
    inventory: ssh.inventory,
    host: 'signer-1',
    path: file,
    become: false,
    playbook: undefined,
    file: 'env',
    variable: 'KEYS',
    format: { kind: 'list', separator: ',' },
    deadlineMs: 120_000,
    reload: undefined,
    restart: ['true'],
    ...changed,
  };
}

/** A driver whose runs are counted. */
function open(...places: readonly AnsibleDeploy[]) {
  const redact = (text: string) => text.replaceAll(HIDDEN, '[hidden]');
  const commands = createCommands(redact);
  const real = ansibleRuns({ commands, playbook: SHIPPED, redact });
  const actions: string[] = [];
  const runs: typeof real = {
    run(order) {
      actions.push(`${order.action} ${[...order.hosts.keys()].join(' ')}`);
      return real.run(order);
    },
  };
  const ansible = new AnsibleHosts({ runs, cwd: folder, places, monotonic: () => performance.now() });
  const ports: DriverPorts = { files: privateFiles(), commands, cwd: folder, ansible };
  return { driver: createDeployDriver(ports), gate: createGateDriver(ports), actions };
}

const both = () =>
  new Map([['client-a', [OLD, NEW].map((secret) => ({ secret: secret as Secret, generation: undefined }))]]);
const log = () => readFileSync(join(folder, 'ansible.log'), 'utf8');
/** Folders of this process that were left behind. */
const leftovers = () => readdirSync(tmpdir()).filter((name) => name.startsWith(`rotctl-ansible-${process.pid}-`));

describe('a file on a host of an inventory', () => {
  it('is read and replaced in its own spelling, keeps mode, and shows no secret in the log of ansible', async () => {
    chmodSync(file, 0o640);
    const deploy = place();
    const { driver, actions } = open(deploy);
    const before = await driver.readAccepted({ deploy }, ['client-a']);
    expect(before?.get('client-a')?.map(({ fingerprint }) => fingerprint)).toEqual([OLD?.fingerprint]);
    expect(await driver.writeAccepted({ deploy }, both())).toEqual({ changed: true });
    expect(await driver.accepts({ deploy }, new Map([['client-a', [OLD as Secret, NEW as Secret]]]))).toBe(true);
    expect(readFileSync(file, 'utf8')).toBe(
      '# signer\nLOG=info\nKEYS="old-secret-0123456789abcdef,new-secret-fedcba9876543210"\nREGION=eu\n',
    );
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(actions).toEqual(['look signer-1', 'write signer-1']);
    expect(log()).toContain('Replace the file');
    expect(log()).not.toMatch(/old-secret|new-secret/);
    expect(leftovers()).toEqual([]);
  }, 120_000);

  it('is looked at together with the others of its inventory, and alone while one after the other is changed', async () => {
    const other = join(folder, 'other.env');
    writeFileSync(other, 'KEYS=old-secret-0123456789abcdef\n', { mode: 0o600 });
    const [first, second] = [place(), place({ host: 'signer-2', path: other })];
    const { driver, actions } = open(first, second);
    await driver.readAccepted({ deploy: first }, ['client-a']);
    await driver.readAccepted({ deploy: second }, ['client-a']);
    await driver.writeAccepted({ deploy: first }, both());
    await driver.restart({ deploy: first });
    await driver.readAccepted({ deploy: first }, ['client-a']);
    expect(actions).toEqual(['look signer-1 signer-2', 'write signer-1', 'run signer-1', 'look signer-1']);
  }, 180_000);

  it('is not overwritten when somebody else has changed it since it was read', async () => {
    const deploy = place();
    const { driver } = open(deploy);
    await driver.readAccepted({ deploy }, ['client-a']);
    writeFileSync(file, 'KEYS=old-secret-0123456789abcdef\nADDED=1\n');
    await expect(driver.writeAccepted({ deploy }, both())).rejects.toMatchObject({
      code: 'DRIVER_FAILED',
      message: expect.stringMatching(/"Refuse a file that was changed since": .*somebody else has changed it since/),
    });
    expect(readFileSync(file, 'utf8')).toBe('KEYS=old-secret-0123456789abcdef\nADDED=1\n');
    expect(await driver.writeAccepted({ deploy }, both())).toEqual({ changed: true });
    expect(readFileSync(file, 'utf8')).toContain('ADDED=1');
  }, 180_000);

  it('may be a JSON file', async () => {
    const json = join(folder, 'keys.json');
    writeFileSync(json, '{"a": {"keys": ["old-secret-0123456789abcdef"]}, "b": 1}', { mode: 0o600 });
    const deploy = place({ path: json, file: 'json', variable: '', format: { kind: 'json', pointer: '/a/keys' } });
    await open(deploy).driver.writeAccepted({ deploy }, both());
    expect(readFileSync(json, 'utf8')).toBe(
      '{"a": {"keys": ["old-secret-0123456789abcdef","new-secret-fedcba9876543210"]}, "b": 1}',
    );
  }, 120_000);

  it('may be the env file of a gate, with all its variables, whose secret stands in it', async () => {
    writeFileSync(file, 'INTERSERVICE_HMAC_SECRET=old-secret-0123456789abcdef\nOTHER=1\n');
    const format = { kind: 'gate', names: DEFAULT_GATE_NAMES, secretFiles: undefined } as const;
    const deploy = place({ variable: 'INTERSERVICE_HMAC_SECRET', format });
    const { gate } = open(deploy);
    const change = { secret: NEW as Secret, prev: OLD as Secret, keyId: 'k-2', keyIdPrev: 'k-1', strict: 'true' };
    await gate.write({ deploy }, change, { of: () => 'k' });
    expect(await gate.read({ deploy })).toMatchObject({ keyId: 'k-2', keyIdPrev: 'k-1', strict: 'true' });
    expect(readFileSync(file, 'utf8')).toMatch(/^INTERSERVICE_HMAC_SECRET=new-secret.*\n(.*\n)*OTHER=1/);
    writeFileSync(file, 'INTERSERVICE_HMAC_SECRET=/run/secrets/gate\n');
    await expect(open(deploy).gate.read({ deploy })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('names a file'),
    });
  }, 180_000);
});

describe('a command on a host', () => {
  it('is run there, and what it says is told without secrets', async () => {
    const said = place({ restart: ['sh', '-c', `echo ${HIDDEN}; exit 3`] });
    expect(await open(said).driver.restart({ deploy: said })).toMatchObject({
      ok: false,
      how: 'exit 3 on signer-1',
      output: '[hidden]',
    });
    expect(log()).not.toContain(`"stdout": "${HIDDEN}`);
  }, 120_000);

  it('that its host does not have is found before anything is changed', async () => {
    const deploy = place({ restart: ['no-such-program', 'x'], reload: ['sh', '-c', 'true'] });
    const { driver } = open(deploy);
    expect(await driver.rehearse({ deploy }, ['client-a'])).toEqual([
      'no-such-program is no program that host signer-1 has',
    ]);
    expect(await driver.restart({ deploy })).toMatchObject({
      ok: false,
      output: expect.stringContaining('No such file'),
    });
  }, 180_000);
});

describe('what ansible cannot do is told in its own words', () => {
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const hangs = '- hosts: all\n  gather_facts: false\n  tasks: [{ ansible.builtin.command: sleep 300 }]\n';

  it.each([
    ['a host that does not listen', () => ({ host: 'gone' }), /^host gone cannot be reached: .*Connection refused/],
    [
      'a host that the inventory lacks',
      () => ({ host: 'signer-9' }),
      /^ansible gave no answer for host signer-9 \(exit 1\): .*hosts/,
    ],
    [
      'an inventory that is not there',
      () => ({ inventory: join(folder, 'none.ini') }),
      /^ansible gave no answer for host signer-1 \(exit 0\).*supplied host pattern/,
    ],
    ['a user that it cannot become', () => ({ become: true }), /^on host signer-1, "See how the files stand": ./],
    ['a file that is not there', () => ({ path: join(folder, 'none.env') }), /^host signer-1 has no file .*none\.env$/],
    ['a folder in place of a file', () => ({ path: folder }), /is no regular file on host signer-1$/],
    [
      'a playbook that is none',
      () => ({ playbook: write('own.yml', 'nonsense: [') }),
      /^ansible gave no answer for host signer-1 \(exit 4\): .*/,
    ],
    [
      'a playbook that answers nothing',
      () => ({ playbook: write('own.yml', '- hosts: all\n  gather_facts: false\n') }),
      /^ansible gave no answer for host signer-1 \(exit 0\)/,
    ],
    [
      'a playbook that does not end',
      () => ({ playbook: write('own.yml', hangs), deadlineMs: 5000 }),
      /^ansible gave no answer for host signer-1 \(.*(deadline of 5000 ms|killed by)/,
    ],
  ] as [string, () => Partial<AnsibleDeploy>, RegExp][])('%s', { timeout: 120_000 }, async (_, change, message) => {
    const deploy = place(change());
    const failed = await open(deploy)
      .driver.readAccepted({ deploy }, ['client-a'])
      .catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 'DRIVER_FAILED', message: expect.stringMatching(message) });
    expect(leftovers()).toEqual([]);
  });

  it('a file that everybody may read', async () => {
    chmodSync(file, 0o644);
    const deploy = place();
    await expect(open(deploy).driver.readAccepted({ deploy }, ['client-a'])).rejects.toMatchObject({
      code: 'SECRET_REFUSED',
    });
  }, 60_000);

  it('and one host that cannot be reached hides no other', async () => {
    const [good, gone] = [place(), place({ host: 'gone' })];
    const { driver } = open(good, gone);
    expect((await driver.readAccepted({ deploy: good }, ['client-a']))?.size).toBe(1);
    await expect(driver.readAccepted({ deploy: gone }, ['client-a'])).rejects.toThrow('cannot be reached');
  }, 120_000);
});

it('what a killed process left is removed by the next one', async () => {
  const { pid } = spawnSync('true');
  const left = join(tmpdir(), `rotctl-ansible-${pid}-abcdef`);
  mkdirSync(left);
  writeFileSync(join(left, 'next'), 'a secret');
  const deploy = place();
  await open(deploy).driver.readAccepted({ deploy }, ['client-a']);
  expect(existsSync(left)).toBe(false);
}, 60_000);
