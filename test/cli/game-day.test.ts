import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Platform } from '../../src/cli/platform.ts';
import { runCli } from '../../src/cli/run.ts';
import { printed } from '../drill/game-day-fakes.ts';
import { isAlive } from '../practice/harness.ts';
import { builtProgram, expectFleetIn, startRotctl } from '../support/practice-fleet.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { eventually } from '../support/until.ts';
import { buildProgramFiles, filesLoadedBy } from './program-build.ts';
import { makeWorld } from './world.ts';

/** The pids of every practice fleet below a game day's folder, by drill. */
function fleetsIn(out: string): Map<string, number[]> {
  const drills = join(out, 'drills');
  const homes = existsSync(drills) ? readdirSync(drills) : [];
  return new Map(
    homes
      .filter((home) => existsSync(join(drills, home, 'practice.json')))
      .map((home) => {
        const { pids } = JSON.parse(readFileSync(join(drills, home, 'practice.json'), 'utf8'));
        return [home, Object.values(pids).map(Number)] as const;
      }),
  );
}

const pidsIn = (out: string): number[] => [...fleetsIn(out).values()].flat();
/** Those that run still, with what they are, so that a failure names them. */
const running = (pids: readonly number[]): string[] =>
  pids.filter(isAlive).map((pid) => `${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`);

describe('a game day, with drills that are played by nobody', () => {
  const good = printed('pass', ['pass', 'pass']);

  function gameDay(stdout: (home: string) => string, ...argv: readonly string[]) {
    const world = makeWorld();
    const orders: (readonly string[])[] = [];
    const platform: Platform = {
      ...world.platform,
      cores: 2,
      runDrill: async ({ args, home }) => {
        orders.push(args);
        return { how: 'exit 0', stdout: stdout(home), said: 'PASS drill' };
      },
    };
    return { ...world, orders, run: () => runCli(['game-day', ...argv], platform) };
  }

  it('tells drills, time and score, and writes exactly the fields of the scorecard', async () => {
    const day = gameDay(() => good);
    expect(await day.run()).toBe(0);
    expect(day.stderr.lines).toContain('  play  signer-hmac, usually 60 s; 120 s left');
    expect(day.stderr.lines.at(-1)).toMatch(
      /^PASS game day: 14 drills, 0 of 0 faults found, 100 % in \d\.\d s \(28\/28/,
    );
    const written = JSON.parse(readFileSync(join(day.cwd, 'game-day/scorecard.json'), 'utf8'));
    expect(written).toMatchObject({ total_checks: 28, passed_checks: 28, score_percent: 100 });
    expect(Object.keys(written)).toHaveLength(7);
    expect(readdirSync(join(day.cwd, 'game-day'))).toEqual(['scorecard.json']);
  });

  it('prints one document with --json, and writes verdict and JUnit with --out', async () => {
    const day = gameDay(() => good, '--json', '--out', 'friday', '--fault', 'slow@signer-c');
    expect(await day.run()).toBe(0);
    const { schema, result } = JSON.parse(day.stdout.text);
    expect(schema).toBe('rotctl.game-day.v1');
    const written = JSON.parse(readFileSync(join(day.cwd, 'friday/scorecard.json'), 'utf8'));
    expect(result).toMatchObject(written);
    const orders = day.orders.map((args) => args.slice(0, args.indexOf('--json')).join(' '));
    expect(orders.toSorted()).toEqual([
      'drill --runbook gate-hmac',
      'drill --runbook signer-hmac',
      'drill --runbook signer-hmac --fault slow@signer-c',
    ]);
    expect(readdirSync(join(day.cwd, 'friday')).toSorted()).toEqual([
      'game-day.json',
      'junit.xml',
      'scorecard.json',
      'verdict.json',
    ]);
    expect(day.stderr.lines).toHaveLength(1);
  });

  it('leaves no score of an earlier game day behind while it is under way', async () => {
    const during: unknown[] = [];
    const day = gameDay((home) => {
      const file = join(home, '../../scorecard.json');
      during.push(JSON.parse(readFileSync(file, 'utf8')).score_percent);
      return good;
    });
    await day.run();
    await day.run();
    expect(new Set(during)).toEqual(new Set([null]));
  });

  it('fails with the drill that failed, and says where to look', async () => {
    const faults = [{ name: 'slow', target: 'signer-b', found: false, recovered: true }];
    const bad = printed('fail', ['pass'], { exitCode: 10, faults });
    const day = gameDay((home) => (home.includes('slow') ? bad : good), '--fault', 'slow@signer-b');
    expect(await day.run()).toBe(10);
    expect(day.stdout.text).toMatch(/signer-hmac +slow on signer-b +fail +1\/2 .*not found/);
    expect(day.stdout.text).toContain('score     83 %, at least 100 % (default): NOT MET');
    expect(day.stderr.lines.at(-1)).toMatch(/^FAIL game day: 3 drills, 0 of 1 faults found, 83 %/);
  });
});

it.each(['game-day', 'drill'])(
  'a wrong limit in the environment ends %s before anything is played',
  async (command) => {
    const world = makeWorld({ env: { GAMEDAY_MIN_PASS_PERCENT: '' } });
    expect(await world.run(command)).toBe(2);
    expect(world.stderr.text).toContain('GAMEDAY_MIN_PASS_PERCENT must be a number from 0 to 100, got an empty text');
    expect(readdirSync(world.cwd)).toEqual([]);
  },
);

it('is not loaded by help, and loads no fleet and no runbook itself', async () => {
  const built = await buildProgramFiles();
  const ours = (source: string) => filesLoadedBy(built, source).filter((file) => file.includes('game-day'));
  expect(ours('src/cli/program.ts').filter((file) => !file.endsWith('declare-game-day.ts'))).toEqual([]);
  expect(ours('src/cli/game-day.ts').length).toBeGreaterThan(6);
  const loaded = filesLoadedBy(built, 'src/cli/game-day.ts');
  expect(loaded.filter((file) => /src\/(?:fleet|runbook|runner)\/|\/(?:yaml|undici)\//.test(file))).toEqual([]);
});

describe('a game day on practice fleets', () => {
  it('plays the plain drills and one with a fault side by side, and leaves nothing running', {
    timeout: 400_000,
  }, async () => {
    const cwd = temporaryFolder('rotctl-game-day-');
    const program = await builtProgram();
    const words = ['game-day', '--fault', 'keeps-old@signer-b', '--max-duration', '360', '--json', '--out', 'day'];
    const day = startRotctl(program, cwd, words);
    const { code, stdout, stderr } = await day.ended;
    expect(code, stdout + stderr).toBe(0);
    const { verdict, faults, result } = JSON.parse(stdout);
    expect(verdict).toBe('pass');
    expect(faults).toMatchObject([{ name: 'keeps-old', target: 'signer-b', found: true, recovered: true }]);
    expect(result.results).toHaveLength(3);
    const pids = pidsIn(join(cwd, 'day'));
    expect(pids.length).toBeGreaterThan(0);
    expect(pids.filter(isAlive)).toEqual([]);
    for (const { ledger, id } of result.results) {
      const again = await startRotctl(program, cwd, ['scorecard', '--from-ledger', ledger, '--json']).ended;
      const drill = JSON.parse(readFileSync(join(cwd, 'day/drills', id, 'drill.json'), 'utf8'));
      expect(JSON.parse(again.stdout).result).toEqual(drill.result.scorecard);
    }
  });

  it.each([
    { signals: 1, code: 14, says: /^STOPPED game day/ },
    { signals: 2, code: 14, says: /a second signal ends rotctl at once$/ },
  ])('takes all fleets down after $signals signal(s)', { timeout: 120_000 }, async ({ signals, code, says }) => {
    const cwd = temporaryFolder('rotctl-game-day-');
    const out = join(cwd, 'game-day');
    const day = startRotctl(await builtProgram(), cwd, ['game-day', '--fault', 'slow@signer-b']);
    const drills = ['signer-hmac', 'signer-hmac-slow-signer-b', 'gate-hmac'];
    for (const id of drills) expectFleetIn(join(out, 'drills', id));
    // All processes of all fleets, so that none is missed because it was not there yet.
    await eventually(
      'the fleets to be up',
      () => {
        const fleets = [...fleetsIn(out).values()];
        const isWhole = fleets.every((pids) => pids.length === 8);
        return fleets.length === Math.min(availableParallelism(), drills.length) && isWhole;
      },
      { deadlineMs: 60_000 },
    );
    const pids = pidsIn(out);
    day.process.kill('SIGINT');
    if (signals === 2) {
      await day.said('stopping at the next safe point');
      day.process.kill('SIGINT');
    }
    const ended = await day.ended;
    expect(ended.code, ended.stderr).toBe(code);
    expect(ended.stderr.trimEnd().split('\n').at(-1)).toMatch(says);
    if (signals === 1) expect(pids.filter(isAlive)).toEqual([]);
    await eventually('every process of the fleets to end', () => running(pids).length === 0).catch(() => undefined);
    expect(running(pids)).toEqual([]);
    expect(JSON.parse(readFileSync(join(out, 'scorecard.json'), 'utf8')).score_percent).toBeNull();
  });
});
