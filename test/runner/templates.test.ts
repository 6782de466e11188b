import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import { createDeployDriver } from '../../src/deploy/create-driver.ts';
import type { DeployDriver } from '../../src/deploy/driver.ts';
import type { Fleet } from '../../src/fleet/fleet.ts';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import type { Entry, EntryDraft } from '../../src/ledger/entry.ts';
import { nextTask, settingOf } from '../../src/machine/rotation.ts';
import { readRunbook } from '../../src/runbook/read.ts';
import { requireReadiness } from '../../src/runner/before.ts';
import { keyringConfigurations } from '../../src/runner/configurations.ts';
import { readHistory } from '../../src/runner/history.ts';
import { inventoryOf } from '../../src/runner/inventory.ts';
import { Journal } from '../../src/runner/journal.ts';
import { deployLoader } from '../../src/runner/loader.ts';
import type { Pairs } from '../../src/runner/pair.ts';
import { recordSnapshot } from '../../src/runner/snapshot.ts';
import { takeUp } from '../../src/runner/take-up.ts';
import { runTask } from '../../src/runner/task.ts';
import type { Tools } from '../../src/runner/tools.ts';
import type { World } from '../../src/runner/world.ts';
import { ownFolder, realFiles } from '../credential/real-files.ts';
import { edited, FULL_FLEET } from '../fleet/fleet-text.ts';

const FILE = 'runbooks/signer-hmac.yaml';
const CLIENTS = ['client-a', 'client-b'];
const TEMPLATE = `templates:
  - { name: image, deploy: { path: image.env, variable: KEYRING_CLIENTS, format: json, pointer: '/{client}/hmacSecrets' } }
`;
const pairs: Pairs = new Map(
  CLIENTS.map((id) => [
    id,
    {
      current: Secret.fromText(`${id} current 7f3a9c1e5b2d4f60aa`),
      next: Secret.fromText(`${id} next 00c3d5e7f9a1b2c4`),
    },
  ]),
);
const present = new Map([...pairs].map(([id, { current }]) => [id, current]));

/** What an env file holds whose lists are of these generations. */
const lists = (...generations: ('current' | 'next')[]) =>
  Object.fromEntries(CLIENTS.map((id) => [id, { hmacSecrets: generations.map((one) => `${id} ${SUFFIX[one]}`) }]));
const SUFFIX = { current: 'current 7f3a9c1e5b2d4f60aa', next: 'next 00c3d5e7f9a1b2c4' };

/** A fleet of one replica and one template whose files are there, each listing current alone. */
async function place(template = TEMPLATE) {
  const folder = await ownFolder();
  const fleet = readFleet(edited(FULL_FLEET, 'balancer: {', `${template}balancer: {`), join(folder, 'rotctl.yaml'));
  const runbook = readRunbook(await readFile(FILE, 'utf8'), FILE);
  const image = join(folder, 'image.env');
  const write = (path: string, value: object) =>
    writeFile(path, `A=1\nKEYRING_CLIENTS='${JSON.stringify(value)}'\n`, { mode: 0o600 });
  await mkdir(join(folder, 'signers'), { mode: 0o700 });
  await write(join(folder, 'signers/signer-a.env'), lists('current'));
  await write(image, lists('current'));
  const unexpected = () => Promise.reject(new Error('no command is expected'));
  const driver = createDeployDriver({
    files: realFiles(),
    commands: { run: unexpected, ask: unexpected, runnable: unexpected },
    cwd: folder,
  });
  const held = async () => JSON.parse(/^KEYRING_CLIENTS='(.*)'$/m.exec(await readFile(image, 'utf8'))?.[1] ?? '');
  return { fleet, runbook, driver, write: (value: object) => write(image, value), held };
}

/** A rotation that has just begun to open, with its entries. */
async function opening(fleet: Fleet) {
  const { program, name, digest } = readRunbook(await readFile(FILE, 'utf8'), FILE);
  const entries: Entry[] = [];
  const append = async (draft: EntryDraft): Promise<Entry> => {
    const entry = { ...draft, seq: entries.length + 1, at: new Date(0).toISOString(), prev: '', hash: '' };
    entries.push(entry);
    return entry;
  };
  const setting = settingOf(program, inventoryOf(fleet, CLIENTS, undefined));
  const journal = new Journal({ append }, setting, { rotation: 'r1', fleet: 'f', runbook: name });
  const { templates, replicas, clients } = setting.inventory;
  const targets = { templates: [...templates], replicas: [...replicas], clients: [...clients] };
  await journal.note('header', { runbookDigest: digest, ...targets, material: {} });
  await journal.apply({ kind: 'trigger', trigger: 'overlap' });
  return { entries, journal, setting, history: () => readHistory(entries, program) };
}

/** A world in which only files can be written and nothing can be proven. */
function worldOf({ driver, ...parts }: Pick<World, 'fleet' | 'runbook' | 'setting'> & { driver: DeployDriver }): World {
  const never = () => Promise.reject(new Error('nothing is to be asked of a running process'));
  const ignore = () => {};
  return {
    ...parts,
    pairs,
    configurations: keyringConfigurations({ fleet: parts.fleet, driver }, pairs),
    loader: deployLoader({ fleet: parts.fleet, driver }),
    prover: { ready: never, silent: never, sighted: never, prove: never, burn: never, anew: () => [], settle: never },
    traffic: { sign: never, report: never, alarm: () => undefined, stop: never },
    keeper: { destroy: never },
    enumerate: async () => [],
    gone: new Map(),
    clock: { now: () => 0, monotonic: () => 0, sleep: never },
    progress: {
      phase: ignore,
      task: ignore,
      taskDone: ignore,
      wait: ignore,
      findings: ignore,
      cells: ignore,
      part: ignore,
      note: ignore,
      incident: ignore,
    },
    confirmed: async () => [],
    stop: { signal: new AbortController().signal, reason: async () => undefined },
  };
}

describe('before a rotation begins', () => {
  it('a template that lists current alone is let pass', async () => {
    const { fleet, runbook, driver } = await place();
    await expect(
      requireReadiness({ fleet, runbook, driver, gate: undefined }, present, CLIENTS),
    ).resolves.toBeUndefined();
  });

  it.each([
    [
      'an older set',
      lists('next'),
      /^the configuration of image lists another secret than the client signs with for client-a, expected current alone$/,
    ],
    [
      'a set of two',
      lists('current', 'next'),
      /^the configuration of image lists 2 secrets for client-a, expected current alone$/,
    ],
    ['none', lists(), /^the configuration of image lists 0 secrets for client-a, expected current alone$/],
  ])('one that lists %s is refused', async (_, value, message) => {
    const { fleet, runbook, driver, write } = await place();
    await write(value);
    await expect(requireReadiness({ fleet, runbook, driver, gate: undefined }, present, CLIENTS)).rejects.toMatchObject(
      {
        code: 'PRECONDITION_FAILED',
        message: expect.stringMatching(message),
      },
    );
  });
});

describe('a step over templates', () => {
  it('writes what it declares, for every client, and proves it by reading it back', async () => {
    const { fleet, runbook, driver, held } = await place();
    const { journal, setting, entries } = await opening(fleet);
    const world = worldOf({ fleet, runbook, driver, setting });
    const task = nextTask(setting, journal.rotation);
    expect(task).toMatchObject({ step: { id: 'publish-next' }, targets: ['image'] });
    if (task !== undefined) expect(await runTask(world, journal, task)).toEqual({ result: 'done' });
    expect(await held()).toEqual(lists('current', 'next'));
    expect(entries.at(-1)).toMatchObject({ kind: 'outcome', data: { result: 'done', targets: ['image'] } });
    expect(journal.rotation).toMatchObject({ done: 1, touched: ['image'] });
  });

  it('has failed when what was written does not stay', async () => {
    const { fleet, runbook, driver, write } = await place();
    const { journal, setting } = await opening(fleet);
    const restored: DeployDriver = {
      ...driver,
      writeAccepted: async (target, accepted) => {
        const result = await driver.writeAccepted(target, accepted);
        await write(lists('current'));
        return result;
      },
    };
    const task = nextTask(setting, journal.rotation);
    if (task === undefined) throw new Error('no task is due');
    const world = worldOf({ fleet, runbook, driver: restored, setting });
    expect(await runTask(world, journal, task)).toMatchObject({
      result: 'failed',
      verdict: 'fail',
      reason: 'write of image did not take effect',
    });
    expect(journal.rotation).toMatchObject({ done: 0, held: true, intended: false });
  });

  it.each([
    ['found in place after a crash', lists('current', 'next'), ['found in place']],
    ['written again when it is not there', lists('current'), undefined],
  ])('is %s', async (_, value, notes) => {
    const { fleet, runbook, driver, write, held } = await place();
    const { journal, setting, entries } = await opening(fleet);
    await journal.apply({ kind: 'intent' });
    await write(value);
    const task = nextTask(setting, journal.rotation);
    if (task === undefined) throw new Error('no task is due');
    await runTask(worldOf({ fleet, runbook, driver, setting }), journal, task);
    expect(entries.at(-1)?.data.notes).toEqual(notes);
    expect(await held()).toEqual(lists('current', 'next'));
  });

  it('is not there for a fleet without templates', async () => {
    const { fleet } = await place('');
    const { journal, setting } = await opening(fleet);
    expect(nextTask(setting, journal.rotation)?.step.id).toBe('add-next');
  });
});

it('the snapshot of a rotation names what each template lists', async () => {
  const { fleet, driver } = await place();
  const { journal, entries } = await opening(fleet);
  await recordSnapshot({ configurations: keyringConfigurations({ fleet, driver }, pairs) }, journal, 'before');
  const listed = Object.fromEntries([...present].map(([id, secret]) => [id, [secret.fingerprint]]));
  expect(entries.at(-1)?.data).toEqual({ when: 'before', state: { 'signer-a': listed, image: listed } });
});

it.each([
  ['lost', TEMPLATE, '', 'image then, none now'],
  ['got', '', TEMPLATE, 'none then, image now'],
])('a rotation is not taken up when the fleet has %s a template meanwhile', async (_, before, after, said) => {
  const { history: fold } = await opening((await place(before)).fleet);
  const { fleet, runbook } = await place(after);
  const history = fold();
  if (history === undefined) throw new Error('no rotation was begun');
  const tools = new Proxy({} as Tools, {
    get: (_tools, name) => {
      if (name === 'fleet') return fleet;
      if (name === 'runbook') return runbook;
      throw new Error(`${String(name)} was asked for`);
    },
  });
  const ledger = {
    entries: async () => [],
    append: () => Promise.reject(new Error('no entry')),
    close: async () => {},
  };
  await expect(takeUp(tools, ledger, history)).rejects.toMatchObject({
    code: 'INPUT_INVALID',
    message: `the fleet's templates are not those that the rotation began with: ${said}`,
  });
});
