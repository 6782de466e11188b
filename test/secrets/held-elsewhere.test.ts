import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { armor, Decrypter } from 'age-encryption';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Entry } from '../../src/ledger/entry.ts';
import { type Ended, freshFolder, type PracticeFleet, startPracticeFleet, within } from '../support/practice-fleet.ts';
import { textsInMemory } from './memory.ts';
import { Canaries, filesBelow, type Place, Watch } from './search.ts';

const SUPPORT = new URL('../support/', import.meta.url).pathname;
const HOLDER = join(SUPPORT, 'key-holder.mjs');
const HOMES = new Set(['signers', 'clients']);
const CLIENTS = ['client-a', 'client-b'];
const LOOK_MS = 1500;

type Keys = Record<string, { current: string; next?: string; made?: number }>;

const canaries = new Canaries();
const printed: Place[] = [];
const inMemory: string[] = [];
let looks = 0;
let fleet: PracticeFleet;
let keyFile: string;
let watch: Watch;

beforeAll(async () => {
  fleet = await startPracticeFleet({ replicas: 2 });
  keyFile = join(freshFolder('holder'), 'keys.json');
  const { clients } = fleet.material();
  const keys = Object.fromEntries(Object.entries(clients).map(([id, current]) => [id, { current }]));
  writeFileSync(keyFile, JSON.stringify(keys), { mode: 0o600 });
  const before = readFileSync(fleet.fleetFile, 'utf8');
  writeFileSync(fleet.fleetFile, heldElsewhere(before));
  watch = new Watch(() => {
    for (const key of everyKey()) canaries.learn(key);
  });
  return async () => {
    watch.stop();
    await fleet.down();
  };
}, 120_000);

/** The practice fleet's file, with signers in place of secrets, and a program that is told generations in place of values. */
function heldElsewhere(text: string): string {
  const program = (path: string, ctl: string) =>
    `['${process.execPath}', '${HOLDER}', '${keyFile}', deploy, '${path}'${ctl}]`;
  const signers: Record<string, string> = {
    'client-a': `{ command: ['${process.execPath}', '${HOLDER}', '${keyFile}', lines, '{client}', '{generation}'], mode: lines, deadline: 1500ms, create: ['${process.execPath}', '${HOLDER}', '${keyFile}', create, '{client}'] }`,
    'client-b': `{ command: [python3, '${join(SUPPORT, 'key-holder.py')}', '${keyFile}', '{client}', '{generation}'], encoding: base64, deadline: 1500ms, create: ['${process.execPath}', '${HOLDER}', '${keyFile}', create, '{client}'] }`,
  };
  return withoutCertificates(text)
    .replace(/ {4}deploy:\n(?: {6}.*\n)+/g, (block) => {
      const [, path = ''] = /path: (\S+)/.exec(block) ?? [];
      const loads = [...block.matchAll(/^ {6}(reload|restart): \[(.*)\]/gm)];
      const [, , argv = ''] = loads[0] ?? [];
      const ctl = loads.length === 0 ? '' : `, ${argv.replace(/"(?:reload|restart)"/, 'LOAD')}`;
      const which = loads.length === 0 ? '' : `\n      loads: [${loads.map(([, load]) => load).join(', ')}]`;
      return `    deploy:\n      driver: command\n      command: ${program(path, ctl)}${which}\n`;
    })
    .replace(/ {2}- id: (\S+)\n {4}secret: .*\n/g, (_, id: string) => `  - id: ${id}\n    signer: ${signers[id]}\n`)
    .replace(/ratePerSecond: \w+/, 'ratePerSecond: 2')
    .replace(/clockError: \w+/, 'clockError: 500ms');
}

/** Certificates are taken up by the commands of `deploy`, which a program carries out here. */
function withoutCertificates(text: string): string {
  return text
    .replace(/^authority: .*\n/m, '')
    .replace(/ {4}certificates:.*\n(?: {6}.*\n)+/g, '')
    .replace(/^certificateUsage:\n(?: {2}.*\n)+/m, '');
}

function keys(): Keys {
  return JSON.parse(readFileSync(keyFile, 'utf8'));
}

function everyKey(): string[] {
  return Object.values(keys()).flatMap(({ current, next }) => (next === undefined ? [current] : [current, next]));
}

/** Runs `rotctl`, looking into its memory again and again, and keeps what it prints. */
async function rotctl(args: readonly string[], crashAt?: string): Promise<Ended> {
  const running = fleet.start(args, crashAt === undefined ? {} : { entry: 'crash-main', env: { CRASH_AT: crashAt } });
  const { pid = 0 } = running.process;
  const timer = setInterval(() => {
    const found = textsInMemory(pid, everyKey());
    inMemory.push(...(found ?? []));
    if (found !== undefined) looks += 1;
  }, LOOK_MS);
  const ended = await running.ended;
  clearInterval(timer);
  printed.push({ name: `${args.join(' ')}`, content: `${ended.stdout}${ended.stderr}` });
  return ended;
}

async function entries(): Promise<Entry[]> {
  const { stdout } = await rotctl(['ledger', 'export']);
  return stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
}

describe('keys that are held elsewhere', () => {
  it('are planned with by their signers alone', within(20), async () => {
    const { code, stdout, stderr } = await rotctl(['plan', 'overlap', '--json']);
    expect(code, `${stdout}${stderr}`).toBe(0);
  });

  it('next is made once, whatever kills rotctl on the way', within(150), async () => {
    const broken = await rotctl(['overlap'], 'evidence:2:before');
    expect(broken.signal, `${broken.stdout}${broken.stderr}`).toBe('SIGKILL');
    expect(keys()['client-a']?.made).toBe(1);
    const made = keys()['client-a']?.next;
    const begun = await rotctl(['overlap'], 'intent:1:before');
    expect(begun.signal, `${begun.stdout}${begun.stderr}`).toBe('SIGKILL');
    const header = (await entries()).find(({ kind }) => kind === 'header');
    const { stdout, stderr, code } = await rotctl(['resume']);
    expect(code, `${stdout}${stderr}`).toBe(0);
    expect(keys()['client-a']).toMatchObject({ next: made, made: 1 });
    expect(CLIENTS.map((id) => keys()[id]?.made)).toEqual([1, 1]);
    const after = (await entries()).filter(({ kind }) => kind === 'header');
    expect(after).toEqual([header]);
    for (const id of CLIENTS) expect(fleet.material().clients[id]).toBe(keys()[id]?.next);
  });

  it('current is retired and refused', within(120), async () => {
    const { stdout, stderr, code } = await rotctl(['retire', '--wait']);
    expect(code, `${stdout}${stderr}`).toBe(0);
    for (const signer of Object.values(fleet.material().signers))
      for (const id of CLIENTS) expect(signer[id]).toEqual([keys()[id]?.next]);
    expect((await fleet.clients()).map(({ refused }) => refused)).toEqual([0, 0]);
  });

  it('a retired key cannot be rotated to, and a forgotten one is asked for by name', within(60), async () => {
    const { code, stderr } = await rotctl(['overlap']);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/lists another secret than the client signs with|was retired before/);
  });

  it('rotctl never had one of them', async () => {
    expect(canaries.count).toBe(4);
    expect(looks).toBeGreaterThan(5);
    expect(inMemory).toEqual([]);
    expect(canaries.find(printed)).toEqual([]);
    const meant = (path: string): boolean => HOMES.has(basename(dirname(path)));
    expect(canaries.find(filesBelow(fleet.home, meant))).toEqual([]);
    expect(canaries.find([{ name: 'what is sealed', content: await sealed() }])).toEqual([]);
    expect(canaries.find(watch.places())).toEqual([]);
    expect(watch.seen.commands.some((command) => command.includes('key-holder'))).toBe(true);
  });

  it('the same look finds a key in a process that has it', async () => {
    const [key = ''] = everyKey();
    const shell = spawn('sh', ['-c', 'read -r key; echo read; read -r more'], { stdio: ['pipe', 'pipe', 'ignore'] });
    shell.stdin.write(`${key}\n`);
    await once(shell.stdout, 'data');
    expect(textsInMemory(shell.pid ?? 0, [key])).toContain(key);
    shell.stdin.end();
  });
});

/** What the vault has sealed, opened. */
async function sealed(): Promise<string> {
  const vault = join(fleet.home, 'rotctl-vault');
  const decrypter = new Decrypter();
  decrypter.addIdentity(readFileSync(join(vault, 'identity.txt'), 'utf8').trim());
  const files = readdirSync(vault).filter((name) => name.endsWith('.age'));
  const texts = await Promise.all(
    files.map((name) => decrypter.decrypt(armor.decode(readFileSync(join(vault, name), 'utf8')), 'text')),
  );
  return texts.join('\n');
}
