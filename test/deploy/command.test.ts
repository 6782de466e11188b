import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import { createDeployDriver } from '../../src/deploy/create-driver.ts';
import { createGateDriver } from '../../src/deploy/gate.ts';
import type { CommandDeploy } from '../../src/fleet/fleet.ts';
import { createCommands } from '../../src/system/commands.ts';
import { privateFiles } from '../../src/system/private-files.ts';
import { ownFolder } from '../credential/real-files.ts';
import { LATER, labels, NAMES, NEW, OLD, refusalOf, shown, text } from './gate-place.ts';

const PROGRAM = fileURLToPath(new URL('deploy-program.mjs', import.meta.url));
const entry = (secret: Secret, generation: 'current' | 'next') => ({ secret, generation });
const [CURRENT, NEXT] = [entry(OLD, 'current'), entry(NEW, 'next')];

/** A driver whose target keeps its configuration by a real program that behaves in this way. */
async function placeWith(mode = 'good', change: Partial<CommandDeploy> = {}) {
  const folder = await ownFolder();
  const path = join(folder, 'kept.json');
  const commands = createCommands((one) => one);
  const ports = { files: privateFiles(), commands, cwd: folder };
  const deploy: CommandDeploy = {
    driver: 'command',
    command: [process.execPath, PROGRAM, path, mode],
    pass: [],
    deadlineMs: 20_000,
    target: { kind: 'replica', name: 'signer-1' },
    format: undefined,
    loads: ['restart'],
    ...change,
  };
  return {
    deploy,
    driver: createDeployDriver(ports),
    gates: createGateDriver(ports),
    kept: async () => JSON.parse(await readFile(path, 'utf8')),
    keep: (value: object) => writeFile(path, JSON.stringify(value), { mode: 0o600 }),
  };
}

const both = new Map([
  ['client-a', [CURRENT, NEXT]],
  ['client-b', [NEXT]],
]);

describe('a program that keeps what a replica accepts', () => {
  it('is given the lists of all clients in one request, with generations and fingerprints', async () => {
    const { driver, deploy, kept } = await placeWith();
    expect(await driver.writeAccepted({ deploy }, both)).toEqual({ changed: true });
    expect((await kept()).accepts).toEqual({
      'client-a': [
        { generation: 'current', fingerprint: OLD.fingerprint, secret: text(OLD) },
        { generation: 'next', fingerprint: NEW.fingerprint, secret: text(NEW) },
      ],
      'client-b': [{ generation: 'next', fingerprint: NEW.fingerprint, secret: text(NEW) }],
    });
  });

  it.each(['good', 'fingerprints'])('that answers with values or names is compared with: %s', async (mode) => {
    const { driver, deploy } = await placeWith(mode);
    await driver.writeAccepted({ deploy }, both);
    const read = await driver.readAccepted({ deploy }, ['client-a']);
    expect(read?.get('client-a')?.map(({ fingerprint }) => fingerprint)).toEqual([OLD.fingerprint, NEW.fingerprint]);
    expect(await driver.accepts({ deploy }, new Map([['client-a', [OLD, NEW]]]))).toBe(true);
    expect(await driver.accepts({ deploy }, new Map([['client-a', [NEW, OLD]]]))).toBe(false);
    expect(await driver.accepts({ deploy }, new Map([['client-b', [LATER]]]))).toBe(false);
  });

  it('that cannot read is taken by what was written last, and by nothing in another run', async () => {
    const { driver, deploy } = await placeWith('unreadable');
    const wanted = new Map([['client-a', [OLD, NEW]]]);
    expect(await driver.readAccepted({ deploy }, ['client-a'])).toBeUndefined();
    expect(await driver.accepts({ deploy }, wanted)).toBe(false);
    await driver.writeAccepted({ deploy }, both);
    expect(await driver.accepts({ deploy }, wanted)).toBe(true);
    expect(await driver.accepts({ deploy: { ...deploy } }, wanted)).toBe(false);
  });

  it('that says yes and does nothing is seen by reading back', async () => {
    const { driver, deploy, keep } = await placeWith('does-nothing');
    await keep({ accepts: { 'client-a': [{ secret: text(OLD) }], 'client-b': [{ secret: text(OLD) }] } });
    expect(await driver.writeAccepted({ deploy }, both)).toEqual({ changed: true });
    expect(await driver.accepts({ deploy }, new Map([['client-a', [OLD, NEW]]]))).toBe(false);
  });

  it('is never told to accept nothing', async () => {
    const { driver, deploy, kept } = await placeWith();
    const error = await refusalOf(driver.writeAccepted({ deploy }, new Map([['client-a', []]])));
    expect(error).toMatchObject({
      code: 'PRECONDITION_FAILED',
      message: expect.stringMatching(/would lock out client-a$/),
    });
    await expect(kept()).rejects.toThrow();
  });
});

describe('a program that does not do as agreed has failed, and nothing that it said of secrets is shown:', () => {
  it.each<[string, RegExp]>([
    ['fails-after', /write: exit 1, though it answered ok$/],
    ['garbage', /write: a bad answer: it is not one JSON object, and nothing else$/],
    ['empty', /write: a bad answer: it is empty$/],
    ['two-answers', /write: a bad answer: it is not one JSON object/],
    ['no-ok', /write: a bad answer: it has no ok that is true or false$/],
    ['other-schema', /write: a bad answer: its schema is not rotctl\.deploy\.v1$/],
    ['refuses', /write: cannot write /],
    ['refuses-silently', /write: a bad answer: its ok is false, and it has no error that says why$/],
    ['prints-secrets', /write: no; stderr: debug: /],
    ['endless', /write: a bad answer: it is longer than 1048576 bytes, or no UTF-8$/],
    ['no-write', /write: it does not know write$/],
  ])('%s', async (mode, message) => {
    const { driver, deploy } = await placeWith(mode);
    const error = await refusalOf(driver.writeAccepted({ deploy }, both));
    expect(error).toMatchObject({ code: 'DRIVER_FAILED', message: expect.stringMatching(message) });
    expect(error.message).toMatch(/for replica signer-1: write: /);
  });

  it.each(['hangs', 'hangs-with-children'])('%s: it is killed at its deadline, with what it started', async (mode) => {
    const { driver, deploy } = await placeWith(mode, { deadlineMs: 1500 });
    const began = performance.now();
    const error = await refusalOf(driver.writeAccepted({ deploy }, both));
    expect(error).toMatchObject({
      code: 'DRIVER_FAILED',
      message: expect.stringMatching(/write: killed by SIG(TERM|KILL) after \d+ ms/),
    });
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it.each<[string, RegExp]>([
    ['reads-garbage', /read: a bad answer: accepts of client-a, entry 1: must be an object with a secret/],
    [
      'reads-wrong-name',
      /read: a bad answer: accepts of client-a, entry 1: its fingerprint is not that of its secret$/,
    ],
    ['reads-others', /read: a bad answer: its accepts has no list for client-a$/],
  ])('%s', async (mode, message) => {
    const { driver, deploy } = await placeWith(mode);
    const error = await refusalOf(driver.readAccepted({ deploy }, ['client-a']));
    expect(error).toMatchObject({ code: 'DRIVER_FAILED', message: expect.stringMatching(message) });
  });

  it('a program that is not there', async () => {
    const { driver, deploy } = await placeWith('good', { command: ['./none'] });
    const error = await refusalOf(driver.writeAccepted({ deploy }, both));
    expect(error.message).toBe('./none for replica signer-1: write: not found');
  });
});

describe('a program sees', () => {
  it('no more of the environment than is passed on, and no secret in its arguments', async () => {
    process.env.DEPLOY_TOKEN = 'x';
    process.env.OTHER_TOKEN = 'y';
    const { driver, deploy } = await placeWith('shows-its-world', { pass: ['DEPLOY_TOKEN'] });
    const { message } = await refusalOf(driver.writeAccepted({ deploy }, both));
    expect(message).toContain('DEPLOY_TOKEN,');
    expect(message).not.toContain('OTHER_TOKEN');
    expect(message).toMatch(/\.json,shows-its-world$/);
  });
});

describe('a program that keeps what a client signs with', () => {
  const client = { target: { kind: 'client', name: 'client-a' } } as const;

  it('is given it, and gives it back', async () => {
    const { driver, deploy, kept } = await placeWith('good', client);
    await driver.writeSigning({ id: 'client-a', deploy }, NEXT);
    expect((await kept()).signs).toEqual({ generation: 'next', fingerprint: NEW.fingerprint, secret: text(NEW) });
    expect(await driver.readSigning({ id: 'client-a', deploy })).toBeInstanceOf(Secret);
    expect(await driver.signs({ id: 'client-a', deploy }, NEW)).toBe(true);
    expect(await driver.signs({ id: 'client-a', deploy }, OLD)).toBe(false);
  });

  it('has none yet', async () => {
    const { driver, deploy } = await placeWith('good', client);
    const error = await refusalOf(driver.readSigning({ id: 'client-a', deploy }));
    expect(error).toMatchObject({ code: 'SECRET_REFUSED', message: 'what it signs with is empty' });
  });
});

describe('loading by a program', () => {
  it('tells it what and whom, and passes on how it ended', async () => {
    const { driver, deploy, kept } = await placeWith('good', { loads: ['reload', 'restart'] });
    expect(await driver.reload({ deploy })).toMatchObject({ ok: true });
    expect(await driver.restart({ deploy })).toMatchObject({ ok: true });
    expect((await kept()).loads).toEqual(['reload replica signer-1', 'restart replica signer-1']);
  });

  it.each([
    ['load-refused', 'the process does not stop'],
    ['load-garbage', 'a bad answer: it is not one JSON object, and nothing else'],
  ])('that fails is no error, because the probes judge: %s', async (mode, how) => {
    const { driver, deploy } = await placeWith(mode);
    expect(await driver.restart({ deploy })).toMatchObject({ ok: false, how });
  });

  it('is refused where the fleet file does not list it', async () => {
    const { driver, deploy } = await placeWith();
    expect(await refusalOf(driver.reload({ deploy }))).toMatchObject({ code: 'PRECONDITION_FAILED' });
  });
});

describe('a rehearsal with a program', () => {
  it.each<[string, RegExp[]]>([
    ['good', []],
    ['no-rehearse', []],
    ['obstacles', [/for replica signer-1: the disk is full$/]],
    ['rehearse-fails', [/for replica signer-1: rehearse: the API is away$/]],
  ])('%s', async (mode, obstacles) => {
    const { driver, deploy } = await placeWith(mode);
    const seen = await driver.rehearse({ deploy }, ['client-a']);
    expect(seen).toEqual(obstacles.map((one) => expect.stringMatching(one)));
  });

  it('that is not there', async () => {
    const { driver, deploy } = await placeWith('good', { command: ['./none'] });
    expect(await driver.rehearse({ deploy }, ['client-a'])).toEqual(['command: ./none is no program that can be run']);
  });
});

describe("a program that keeps a gate's variables", () => {
  const gate = { format: { kind: 'gate', names: NAMES, secretFiles: undefined } } as const;

  it('is read, written as one change, and read back', async () => {
    const { gates, deploy, keep, kept } = await placeWith('good', gate);
    await keep({ variables: { [NAMES.secret]: text(OLD), [NAMES.revoked]: 'k-0', OTHER: 'x' } });
    expect(shown(await gates.read({ deploy }))).toEqual({ secret: text(OLD), revoked: 'k-0' });
    const change = { secret: NEW, prev: OLD, keyId: 'k-1', revoked: null } as const;
    expect(await gates.write({ deploy }, change, labels)).toEqual({ changed: true });
    expect((await kept()).variables).toEqual({
      [NAMES.secret]: text(NEW),
      [NAMES.prev]: text(OLD),
      [NAMES.keyId]: 'k-1',
      OTHER: 'x',
    });
    expect(await gates.write({ deploy }, change, labels)).toEqual({ changed: false });
    expect(await gates.leftovers({ deploy })).toEqual([]);
  });

  it('and cannot read them is refused', async () => {
    const { gates, deploy } = await placeWith('unreadable', gate);
    expect(await refusalOf(gates.read({ deploy }))).toMatchObject({ code: 'PRECONDITION_FAILED' });
  });

  it('and shows its secrets is not shown', async () => {
    const { gates, deploy, keep } = await placeWith('prints-secrets', gate);
    await keep({ variables: { [NAMES.secret]: text(OLD) } });
    const error = await refusalOf(gates.write({ deploy }, { secret: NEW, prev: OLD }, labels));
    expect(error).toMatchObject({ code: 'DRIVER_FAILED' });
  });
});
