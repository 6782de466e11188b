import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import { replayBound } from '../../src/fleet/replay-bound.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
const guide = await readFile(join(ROOT, 'spec/fleet-file.md'), 'utf8');
/** Those within a list are indented. */
const blocks = (language: string, page = readme) =>
  [...page.matchAll(new RegExp(`^( *)\`\`\`${language}\\n(.*?)^\\1\`\`\`$`, 'gms'))].map(([, indent = '', text = '']) =>
    text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
const commands = blocks('sh')
  .flatMap((text) => text.split('\n'))
  .map((line) => line.replace(/\s+#.*$/, '').trim())
  .filter((line) => line.startsWith('rotctl '));

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rotctl-readme-'));
  await cp(join(ROOT, 'spec'), join(folder, 'spec'), { recursive: true });
});

afterAll(async () => {
  // Where a test that failed has left one.
  for (const home of ['practice', 'practice-gates', 'other']) await rotctl(`rotctl practice down --home ${home}`);
  await rm(folder, { recursive: true, force: true });
});

/** As the page's alias and its `export` have it. */
function rotctl(command: string) {
  const args = command.split(/\s+/).slice(1);
  return execa(process.execPath, [join(ROOT, 'bin/rotctl.js'), ...args], {
    cwd: folder,
    reject: false,
    env: { ROTCTL_FLEET: 'practice/rotctl.yaml', NO_COLOR: '1', NODE_EXTRA_CA_CERTS: undefined },
  });
}

describe('every command of the README, in its order', { timeout: 240_000 }, () => {
  it('shows the commands that a newcomer types first', () => {
    const first = readme.split('\n').slice(0, 12).join('\n');
    expect(first).toContain('make drill');
    expect(first).toContain('make test');
    expect(commands.length).toBeGreaterThan(12);
  });

  for (const command of commands) {
    it(command, async () => {
      const { exitCode, stderr, stdout } = await rotctl(command);
      expect(exitCode, `${stdout}\n${stderr}`).toBe(0);
    });
  }
});

describe('the fleet files of the README and of spec/fleet-file.md', () => {
  const examples = blocks('yaml', `${readme}\n${guide}`);
  const read = (text: string) => readFleet(text, join(folder, 'rotctl.yaml'));
  const isSourced = (text: string) => text.startsWith('replicas:');
  const whole = examples.filter((text) => text.includes('schema: rotctl.fleet.v1'));
  const [signers = '', gates = '', described = '', ...others] = whole;
  const accepts = examples.find((text) => text.startsWith('accepts:')) ?? '';

  it('of replicas from a source goes into that of signers', () => {
    const sourced = examples.find(isSourced) ?? '';
    const text = signers.replace(/^replicas:.*\n(?: .*\n)+/m, () => sourced);
    const listed = [1, 2, 3].map((n) => ({ name: `10.0.0.1${n}`, url: `https://10.0.0.1${n}:8443` }));
    const { replicas } = readFleet(text, join(folder, 'rotctl.yaml'), listed);
    expect(replicas.map(({ deploy }) => deploy)).toMatchObject([
      { path: '/srv/10.0.0.11/signer.env', restart: ['ssh', '10.0.0.11', 'systemctl', 'restart', 'signer'] },
      {},
      {},
    ]);
  });

  it('of what operations demand goes into that of signers', () => {
    const demands = examples.find((text) => text.includes('blockedWindows')) ?? '';
    const { lockout, policy, probe } = read(signers.replace(/^probe:.*\n/m, () => demands));
    expect(lockout).toEqual({ refusals: 20, windowMs: 600_000, per: 'client' });
    expect(policy.windows.blocked.map(({ kind }) => kind)).toEqual(['weekly', 'once']);
    expect(probe.inert).toHaveLength(1);
  });

  it('of signers is a whole one', () => {
    const fleet = read(signers);
    expect(fleet.protocol).toBe('keyring-v1');
    expect(fleet.replicas.map((replica) => replica.name)).toEqual(['signer-1', 'signer-2']);
  });

  it('of a scheme of its own is a whole one, of Standard Webhooks', () => {
    const { protocol, probe } = read(described);
    expect(protocol).toBe('described');
    expect(probe.scheme).toMatchObject({ encoding: 'base64', singleUse: false, weaknesses: [], tellsTime: true });
  });

  it('of gates is a whole one, of which its own numbers are good', () => {
    const fleet = read(gates);
    expect(fleet.protocol).toBe('gate-v1');
    expect(fleet.replicas.map((replica) => replica.name)).toEqual(['gate-1', 'gate-2']);
    expect(fleet.clients.map(({ id, actor }) => [id, actor])).toEqual([['langgraph', 'did:staging:langgraph']]);
    expect(replayBound(fleet.replay)).toMatchObject({ ok: true });
  });

  it('of gates takes the defect that is accepted, and there is no further example', () => {
    expect(read(`${gates}${accepts}`).accepts).toMatchObject([{ check: 'replay.cross-replica', owner: 'platform' }]);
    expect(others).toEqual([]);
  });

  it('of gates has to accept the nonce life that a gate has by default', () => {
    const byDefault = gates.replace('maxAge: 60s, nonceTtl: 130s', 'maxAge: 300s, nonceTtl: 300s');
    expect(byDefault).not.toBe(gates);
    expect(() => read(byDefault)).toThrow('nonceTtl');
    const known = 'accepts: [{ check: replay.ttl-bound, reason: it is known, owner: platform }]\n';
    expect(read(`${byDefault}${known}`).replay.nonceTtlMs).toBe(300_000);
  });
});
