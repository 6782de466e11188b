import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { tasksOf } from '../../src/machine/roll.ts';
import { answerTo, isOf, KeySearch, program, shownBy, tlsFiles, tlsText } from '../support/certificate-fleet.ts';
import {
  type Ended,
  type PracticeFleet,
  type RunOptions,
  startPracticeFleet,
  within,
} from '../support/practice-fleet.ts';

/** Prints itself in the title; set it to see the same kill again. */
const seed = Number(process.env.ROTCTL_SEED ?? Date.now() % 1_000_000);
const MOMENTS = ['before', 'torn', 'durable', 'named'];
const CLIENTS = ['client-a', 'client-b'];
const keys = new KeySearch();

let fleet: PracticeFleet;
let printed = '';
beforeAll(async () => {
  fleet = await startPracticeFleet();
  keys.learn(fleet);
}, 120_000);

async function rotctl(words: readonly string[], options?: RunOptions): Promise<Ended> {
  const ended = await fleet.rotctl(words, options);
  printed += ended.stdout + ended.stderr;
  keys.learn(fleet);
  return ended;
}

/** Runs a command that ends well, and gives its one document. */
async function done(...words: string[]) {
  const { code, stdout, stderr } = await rotctl([...words, '--json', '--out', 'reports']);
  expect([words.join(' '), code], `${stdout}${stderr}`).toEqual([words.join(' '), 0]);
  return JSON.parse(stdout);
}

/** A number from 0 to below 1 for the seed and what it is for. */
function random(what: string): number {
  return createHash('sha256').update(`${seed} ${what}`).digest().readUInt32BE() / 2 ** 32;
}

/** Where an overlap is killed: any task's intent or outcome, at any moment of its append. */
function anyPoint(): string {
  const inventory = { templates: ['signer-image'], replicas: fleet.replicas, clients: CLIENTS };
  const tasks = [program.opening, program.moving].flatMap((steps) => tasksOf(steps, inventory));
  const kind = random('kind') < 0.5 ? 'intent' : 'outcome';
  return `${kind}:${1 + Math.floor(random('task') * tasks.length)}:${MOMENTS[Math.floor(random('moment') * 4)]}`;
}

async function expectNobodyRefused(): Promise<void> {
  for (const { id, refused, byCode, accepted } of await fleet.clients()) {
    expect({ id, refused, byCode }).toMatchObject({ refused: 0 });
    expect(accepted).toBeGreaterThan(50);
  }
}

/** What the vault keeps of TLS sessions. */
function sealedSessions(): string[] {
  return readdirSync(join(fleet.home, 'rotctl-vault')).filter((name) => name.includes('.sessions.'));
}

/** Every party's certificate is of this authority, and nobody trusts another. */
function expectAllOf(authority: string): void {
  const files = tlsFiles(fleet);
  const chains = Object.keys(files).filter((name) => !/trust|^ca|key$/.test(name));
  expect(chains).toHaveLength(fleet.replicas.length + CLIENTS.length + 2);
  expect(chains.filter((name) => !isOf(files[name] ?? '', authority))).toEqual([]);
  const bundles = Object.keys(files).filter((name) => /trust|^ca/.test(name));
  expect(bundles.filter((name) => files[name]?.trim() !== authority.trim())).toEqual([]);
}

it(
  `certificates are rotated over a kill, retired, rotated again and taken back (seed ${seed})`,
  within(150),
  async () => {
    const old = shownBy(fleet, 'client-a');
    const point = anyPoint();
    const killed = await rotctl(['overlap', '--material', 'mtls'], { entry: 'crash-main', env: { CRASH_AT: point } });
    expect(killed.signal, `${point}: ${killed.stdout}${killed.stderr}`).toBe('SIGKILL');
    const secrets = await rotctl(['overlap', '--material', 'hmac']);
    expect([secrets.code, secrets.stderr]).toEqual([13, expect.stringContaining('signer-mtls')]);
    expect(await done('resume')).toMatchObject({ verdict: 'pass', phase: 'switched' });
    expect(await done('status')).toMatchObject({
      phase: 'switched',
      result: {
        rotations: [{ material: 'certificates', phase: 'switched' }],
        validity: { days: expect.any(Number), due: false },
      },
    });
    expect(await answerTo(fleet, 'signer-b', old, `${old.ca}${tlsText(fleet, 'ca.pem')}`)).not.toBe(
      'AUTH_MTLS_REQUIRED',
    );
    // All is narrowed, and the sessions that were kept for its proofs are gone: only the word of it is missing.
    const narrowed = { entry: 'crash-main', env: { CRASH_AT: 'checkpoint:2:before' } } as const;
    expect((await rotctl(['retire', '--wait'], narrowed)).signal).toBe('SIGKILL');
    expect(sealedSessions()).toEqual([]);
    expect(await done('resume', '--wait')).toMatchObject({ verdict: 'pass', phase: 'destroyed' });

    const second = tlsText(fleet, 'ca.pem');
    expect(second.trim()).not.toBe(old.ca.trim());
    expectAllOf(second);
    for (const replica of fleet.replicas) {
      expect(await answerTo(fleet, replica, old, second)).toBe('AUTH_MTLS_REQUIRED');
      expect(await answerTo(fleet, replica, shownBy(fleet, 'client-a'))).not.toBe('AUTH_MTLS_REQUIRED');
      expect(await answerTo(fleet, replica, shownBy(fleet, 'client-a'), old.ca)).toMatch(/SELF_SIGNED|UNABLE_TO|CERT/);
    }

    const between = tlsFiles(fleet);
    expect(await done('overlap', '--material', 'mtls')).toMatchObject({ verdict: 'pass', phase: 'switched' });
    const third = shownBy(fleet, 'client-a');
    expect(isOf(third.cert, second)).toBe(false);
    expect(existsSync(join(fleet.home, 'rotctl-vault'))).toBe(true);
    expect(keys.filesWith(fleet)).toEqual([]);
    expect(await done('rollback')).toMatchObject({ verdict: 'pass', phase: 'rolled-back' });
    expect(sealedSessions()).toEqual([]);
    expect(tlsFiles(fleet)).toEqual(between);
    for (const replica of fleet.replicas)
      expect(await answerTo(fleet, replica, third, second)).toBe('AUTH_MTLS_REQUIRED');

    expect(await done('ledger', 'verify')).toMatchObject({ verdict: 'pass' });
    await expectNobodyRefused();
    expect(keys.size).toBeGreaterThan(20);
    expect(keys.filesWith(fleet)).toEqual([]);
    expect(keys.isIn(printed)).toBe(false);
    expect(keys.isIn(readFileSync(fleet.ledger, 'utf8'))).toBe(false);
    await fleet.down();
  },
);
