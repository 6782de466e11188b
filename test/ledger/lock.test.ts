import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fateOf, type LockHolder } from '../../src/ledger/holder.ts';
import { acquireLock, lookAtLock } from '../../src/ledger/lock.ts';
import type { LockPorts, Processes, ProcessIdentity } from '../../src/ledger/ports.ts';
import { systemClock } from '../../src/system/clock.ts';
import { ledgerDisk } from '../../src/system/ledger-disk.ts';
import { systemProcesses } from '../../src/system/process-identity.ts';
import { bundle, ended, linesOf, startChild, temporaryFolder } from './support.ts';

const ROUNDS = 12;
const RACERS = 4;
const ABSENT_PID = 2 ** 22 + 12_345;
const CLAIM = { runId: 'r-1', command: 'overlap' };
const SELF = systemProcesses().self();

async function newLock(): Promise<string> {
  return join(await temporaryFolder(), 'rotation-ledger.lock');
}

function portsAt(now = Date.UTC(2026, 10, 21, 12)): LockPorts {
  return { disk: ledgerDisk(), processes: systemProcesses(), clock: { ...systemClock, now: () => now } };
}

const ports = portsAt();

async function leave(path: string, changes: Partial<LockHolder>): Promise<LockHolder> {
  const since = '2026-11-21T11:00:00.000Z';
  const holder = { ...SELF, runId: 'r-0', command: 'retire', since, token: 41, ...changes };
  await writeFile(path, JSON.stringify(holder), { mode: 0o600 });
  return holder;
}

async function filesBeside(path: string): Promise<string[]> {
  return (await readdir(dirname(path))).toSorted();
}

describe('the lock', () => {
  it('is taken, is still held, and is given back without leaving anything but the token', async () => {
    const path = await newLock();
    const lock = await acquireLock(path, CLAIM, ports);
    expect(lock.holder).toEqual({ ...SELF, ...CLAIM, since: '2026-11-21T12:00:00.000Z', token: 1 });
    expect(await filesBeside(path)).toEqual(['rotation-ledger.lock', 'rotation-ledger.lock.token']);
    expect(await lock.stillHeld()).toBe(true);
    await lock.release();
    await lock.release();
    expect([await lock.stillHeld(), await filesBeside(path)]).toEqual([false, ['rotation-ledger.lock.token']]);
  });

  it('says that its folder is gone or may not be written to', async () => {
    const path = await newLock();
    const lock = await acquireLock(path, CLAIM, ports);
    await rm(dirname(path), { recursive: true });
    const gone = { code: 'LEDGER_WRITE_FAILED', message: expect.stringMatching(/^lock: could not be .*ENOENT/) };
    await expect(lock.release()).rejects.toMatchObject(gone);
    await expect(acquireLock(path, CLAIM, ports)).rejects.toMatchObject(gone);
  });

  it('has a token that only grows', async () => {
    const path = await newLock();
    const tokens: number[] = [];
    for (let n = 0; n < 3; n += 1) {
      const lock = await acquireLock(path, CLAIM, ports);
      tokens.push(lock.holder.token);
      await lock.release();
    }
    await leave(path, { pid: ABSENT_PID, token: 900 });
    tokens.push((await acquireLock(path, CLAIM, ports)).holder.token);
    expect(tokens).toEqual([1, 2, 3, 901]);
  });

  it('that is held is refused with host, pid, run, command and age', async () => {
    const path = await newLock();
    await acquireLock(path, CLAIM, ports);
    const later = portsAt(Date.UTC(2026, 10, 21, 12, 3, 2));
    await expect(acquireLock(path, { runId: 'r-2', command: 'retire' }, later)).rejects.toMatchObject({
      code: 'LOCK_HELD',
      exitCode: 16,
      message: `lock: held by host ${SELF.host}, pid ${SELF.pid}, run r-1, command overlap, for 3m 2s`,
    });
    expect(await lookAtLock(path, later)).toMatchObject({ holder: { runId: 'r-1' }, fate: { is: 'alive' } });
  });

  it('that is held by a live process here is not even broken by hand', async () => {
    const path = await newLock();
    await acquireLock(path, CLAIM, ports);
    await expect(acquireLock(path, CLAIM, ports, { breakLock: { reason: 'in a hurry' } })).rejects.toMatchObject({
      code: 'LOCK_HELD',
    });
  });

  it('that was broken by hand and taken by another is not held any more, and is not removed', async () => {
    const path = await newLock();
    const lock = await acquireLock(path, CLAIM, ports);
    await leave(path, { runId: 'r-9', token: 2 });
    expect(await lock.stillHeld()).toBe(false);
    await lock.release();
    expect(await readFile(path, 'utf8')).toContain('r-9');
  });

  it('refuses a token file that is none', async () => {
    const path = await newLock();
    await writeFile(`${path}.token`, 'many');
    await expect(acquireLock(path, CLAIM, ports)).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      at: { file: `${path}.token` },
    });
    expect(await filesBeside(path)).toEqual(['rotation-ledger.lock.token']);
  });
});

describe('a lock that somebody left', () => {
  const dead: readonly (readonly [string, Partial<LockHolder>, RegExp])[] = [
    ['whose process is gone', { pid: ABSENT_PID }, /there is no process/],
    ['whose pid was given to another process', { startTime: (SELF.startTime ?? 0) - 1 }, /is another one by now/],
    ['from before the host was booted', { bootId: 'another boot' }, /booted again/],
  ];
  it.each(dead)('%s is taken over, and said', async (_what, changes, why) => {
    const path = await newLock();
    const holder = await leave(path, changes);
    const lock = await acquireLock(path, CLAIM, ports);
    expect(lock.brokeStale).toEqual({ holder, why: expect.stringMatching(why), forced: false });
    expect([lock.holder.token, await lock.stillHeld()]).toEqual([42, true]);
  });

  const doubtful: readonly (readonly [string, Partial<LockHolder>, RegExp])[] = [
    ['on another host', { host: 'elsewhere', pid: ABSENT_PID }, /host elsewhere, .*it is on another host/],
    [
      'on another host of the same name',
      { machine: 'another', pid: ABSENT_PID, bootId: 'another boot' },
      /another host/,
    ],
    ['in another pid namespace', { pidNamespace: 'pid:[1]', pid: ABSENT_PID }, /pid namespace/],
    ['without a start time', { startTime: null }, /start times cannot be read/],
    ['ages ago on another host', { host: 'elsewhere', since: '2001-01-01T00:00:00.000Z' }, /another host/],
  ];
  it.each(doubtful)('%s is refused, and broken only with a reason', async (_what, changes, why) => {
    const path = await newLock();
    const holder = await leave(path, changes);
    await expect(acquireLock(path, CLAIM, ports)).rejects.toMatchObject({
      code: 'LOCK_HELD',
      message: expect.stringMatching(why),
      hint: expect.stringContaining('--break-lock'),
    });
    expect(await readFile(path, 'utf8')).toBe(JSON.stringify(holder));
    const lock = await acquireLock(path, CLAIM, ports, { breakLock: { reason: 'that host burned down' } });
    expect(lock.brokeStale).toEqual({ holder, why: 'that host burned down', forced: true });
  });

  it.each(['', '{}', 'null', '{"host":1}', '{"host":"a","pid":-1}', 'x'])(
    'that reads %j is refused, and broken only with a reason',
    async (text) => {
      const path = await newLock();
      await writeFile(path, text);
      await expect(acquireLock(path, CLAIM, ports)).rejects.toMatchObject({
        code: 'LOCK_HELD',
        message: expect.stringContaining('unreadable lock file'),
      });
      const lock = await acquireLock(path, CLAIM, ports, { breakLock: { reason: 'it is torn' } });
      expect(lock.brokeStale).toEqual({ holder: undefined, why: 'it is torn', forced: true });
    },
  );

  it('has its text escaped where it is printed', async () => {
    const path = await newLock();
    await leave(path, { host: 'evil\u001b[2J' });
    await expect(acquireLock(path, CLAIM, ports)).rejects.toMatchObject({
      message: expect.not.stringContaining('\u001b'),
    });
  });
});

describe('the guard', () => {
  it('that a dead process left is passed, however many there are, and cleared away', async () => {
    const path = await newLock();
    const gone: ProcessIdentity = { ...SELF, pid: ABSENT_PID };
    await writeFile(`${path}.guard-1`, JSON.stringify(gone));
    await writeFile(`${path}.guard-2`, JSON.stringify({ ...gone, bootId: 'another boot' }));
    await acquireLock(path, CLAIM, ports);
    expect(await filesBeside(path)).toEqual(['rotation-ledger.lock', 'rotation-ledger.lock.token']);
  });

  it('that a live process holds is waited for, and then its owner is named', async () => {
    const path = await newLock();
    await writeFile(`${path}.guard-1`, JSON.stringify(SELF));
    let time = 0;
    const sleep = async (ms: number) => {
      time += ms;
    };
    const impatient: LockPorts = { ...ports, clock: { now: () => 0, monotonic: () => time, sleep } };
    await expect(acquireLock(path, CLAIM, impatient)).rejects.toMatchObject({
      code: 'LOCK_HELD',
      message: expect.stringContaining(`pid ${SELF.pid}`),
    });
    expect([time, await filesBeside(path)]).toEqual([5000, ['rotation-ledger.lock.guard-1']]);
  });
});

describe('the proof of death', () => {
  const other: ProcessIdentity = { ...SELF, pid: 77, startTime: 5 };
  const seeing = (seen: ReturnType<Processes['look']>): Processes => ({ self: () => SELF, look: () => seen });
  it.each([
    ['absent', 'absent', 'dead'],
    ['the same start', { startTime: 5 }, 'alive'],
    ['another start', { startTime: 6 }, 'dead'],
    ['no start time to see', { startTime: null }, 'unknown'],
  ] as const)('%s', (_what, seen, is) => {
    expect(fateOf(other, seeing(seen))).toMatchObject({ is });
  });
});

describe('real processes', () => {
  let folder: string;
  let program: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rotctl-children-'));
    program = await bundle('lock', folder);
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function racers(path: string): Promise<
    {
      readonly say: (word: string) => void;
      readonly next: () => Promise<string | undefined>;
      readonly kill: () => Promise<void>;
    }[]
  > {
    const started = Array.from({ length: RACERS }, (_, n) => {
      const child = startChild(program, [path, `r-${n}`]);
      const kill = async () => {
        child.kill('SIGKILL');
        await ended(child);
      };
      return { say: (word: string) => child.stdin?.write(`${word}\n`), next: linesOf(child), kill };
    });
    for (const { next } of started) expect(await next()).toBe('ready');
    return started;
  }

  it('race for a free lock and for a stale one: one wins, each time', { timeout: 120_000 }, async () => {
    const path = await newLock();
    const all = await racers(path);
    let token = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const isStale = round % 2 === 1;
      if (isStale) await leave(path, { pid: ABSENT_PID, token });
      for (const { say } of all) say('take');
      const answers = await Promise.all(all.map(({ next }) => next()));
      token += 1;
      const winners = answers.filter((answer) => answer?.startsWith('won'));
      expect(winners).toEqual([`won ${token} ${isStale ? 'stale' : 'free'}`]);
      expect(answers.filter((answer) => answer === 'lost LOCK_HELD')).toHaveLength(RACERS - 1);
      const winner = all[answers.findIndex((answer) => answer?.startsWith('won'))];
      winner?.say('release');
      expect(await winner?.next()).toBe('released');
    }
    expect(await filesBeside(path)).toEqual(['rotation-ledger.lock.token']);
  });

  it('killed while they race and hold leave a lock that the next one gets', { timeout: 120_000 }, async () => {
    const path = await newLock();
    for (let round = 0; round < 5; round += 1) {
      const all = await racers(path);
      for (const { say } of all) say('take');
      if (round > 0) await all[round % RACERS]?.next();
      await Promise.all(all.map(({ kill }) => kill()));
      const lock = await acquireLock(path, CLAIM, ports);
      expect(await lock.stillHeld()).toBe(true);
      await lock.release();
    }
    expect((await filesBeside(path)).filter((name) => !name.endsWith('.tmp'))).toEqual(['rotation-ledger.lock.token']);
  });
});
