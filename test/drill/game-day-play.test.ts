import { describe, expect, it } from 'vitest';
import { DRILL_FAULTS, parseFault } from '../../src/drill/faults.ts';
import type { Job } from '../../src/drill/game-day/campaign.ts';
import { GAME_DAY_DRILLS, jobsOf, sayJob } from '../../src/drill/game-day/campaign.ts';
import { type JobEnd, playGameDay } from '../../src/drill/game-day/play.ts';
import { FakeClock, fakeRunner, jobFor } from './game-day-fakes.ts';

interface Settings {
  readonly jobs: readonly Job[];
  readonly width?: number;
  readonly maxS: number;
  readonly seconds?: Readonly<Record<string, number>>;
  /** When the operator stops it. */
  readonly stopAtS?: number;
}

async function play({ jobs, width = 2, maxS, seconds = {}, stopAtS }: Settings) {
  const clock = new FakeClock();
  const { log, run } = fakeRunner(clock, seconds);
  const stop = new AbortController();
  const told: string[] = [];
  const day = playGameDay(jobs, {
    clock,
    width,
    maxMs: maxS * 1000,
    stop: stop.signal,
    run,
    tell: {
      started: (job, left) => void told.push(`${job.id} ${left / 1000}`),
      ended: (end, left) => void told.push(`${end.job.id} ${end.state} ${left / 1000}`),
    },
  });
  if (stopAtS !== undefined) {
    await clock.pass(stopAtS);
    stop.abort('SIGINT');
  }
  await clock.pass();
  return { ends: await day, log, told, tookS: clock.monotonic() / 1000 };
}

const say = (end: JobEnd): string =>
  end.state === 'not-run' ? `${end.job.id}: ${end.reason}` : `${end.job.id} ${end.cut ?? 'done'} ${end.ms / 1000}`;

describe('drills side by side, within a time', () => {
  it('plays as many at once as it may, in order, and tells how much time is left', async () => {
    const jobs = [jobFor('plain', 50), jobFor('a', 60), jobFor('b', 40)];
    const { log, ends, told } = await play({ jobs, maxS: 120 });
    expect(log).toEqual(['0 start plain', '0 start a', '50 end plain', '50 start b', '60 end a', '90 end b']);
    expect(ends.map(say)).toEqual(['plain done 50', 'a done 60', 'b done 40']);
    expect(told).toEqual(['plain 120', 'a 120', 'plain played 70', 'b 70', 'a played 60', 'b played 30']);
  });

  it('does not begin what does not fit, and begins what does after it', async () => {
    const jobs = [jobFor('plain', 50), jobFor('long', 71), jobFor('short', 70)];
    const { ends } = await play({ jobs, width: 1, maxS: 120, seconds: { short: 69 } });
    expect(ends.map(say)).toEqual(['plain done 50', 'long: it takes about 71 s, and 70 s were left', 'short done 69']);
  });

  it('takes the pace of this machine from the drills that were played', async () => {
    const jobs = [jobFor('plain', 50), jobFor('a', 40)];
    const { ends } = await play({ jobs, width: 1, maxS: 119, seconds: { plain: 60 } });
    expect(ends.map(say)).toEqual(['plain done 60', 'a done 40']);
    const slower = await play({ jobs, width: 1, maxS: 119, seconds: { plain: 75 } });
    expect(slower.ends.map(say)).toEqual(['plain done 75', 'a: it takes about 60 s, and 44 s were left']);
    const faster = await play({ jobs, width: 1, maxS: 50, seconds: { plain: 25, a: 19 } });
    expect(faster.ends.map(say)).toEqual(['plain done 25', 'a done 19']);
  });

  it('begins the first also where it cannot fit; when the time is up it is stopped, and nothing begins', async () => {
    const { ends, tookS } = await play({ jobs: [jobFor('plain', 50), jobFor('a', 50)], maxS: 20 });
    expect(ends.map(say)).toEqual(['plain time 23', 'a: it takes about 50 s, and 20 s were left']);
    expect(tookS).toBe(23);
  });

  it('stops all that is under way when the time is up', async () => {
    const jobs = [jobFor('plain', 50), jobFor('a', 60), jobFor('b', 60)];
    const { ends, log } = await play({ jobs, maxS: 120, seconds: { a: 500, b: 500 } });
    expect(ends.map(say)).toEqual(['plain done 50', 'a time 123', 'b time 73']);
    expect(log.slice(-2)).toEqual(['123 stopped a', '123 stopped b']);
  });

  it('is over as soon as its last drill is, and does not sleep until its time is up', async () => {
    expect((await play({ jobs: [jobFor('plain', 50)], maxS: 1000 })).tookS).toBe(50);
  });

  it('stops all of them when the operator says so, and begins none', async () => {
    const jobs = [jobFor('plain', 50), jobFor('a', 60), jobFor('b', 10)];
    const { ends, tookS } = await play({ jobs, maxS: 600, stopAtS: 20 });
    expect(ends.map(say)).toEqual([
      'plain operator 23',
      'a operator 23',
      'b: the operator stopped the game day before',
    ]);
    expect(tookS).toBe(23);
  });

  it('does not call a drill cut that ended by itself before', async () => {
    const { ends } = await play({ jobs: [jobFor('plain', 50), jobFor('a', 60)], maxS: 600, stopAtS: 55 });
    expect(ends.map(say)).toEqual(['plain done 50', 'a operator 58']);
  });
});

describe('what is played', () => {
  it('is each drill with its first faults, then the plain ones, then the campaign, turn by turn', () => {
    const drill = (name: string, ...names: string[]) => ({
      name,
      runbook: name,
      protocol: 'keyring-v1' as const,
      replicas: [],
      typicalS: 50,
      campaign: names.map((fault) => ({ faults: [fault], typicalS: 60 })),
    });
    const jobs = jobsOf({ faults: [], all: false }, [drill('signer', 'a', 'b'), drill('gate', 'c')]);
    expect(jobs.map(({ id }) => id)).toEqual(['signer-a', 'gate-c', 'signer', 'gate', 'signer-b']);
    expect(jobs.map(({ asked }) => asked)).toEqual([true, true, false, false, false]);
  });

  it('is what was named, each in a drill of its own, once, and asked for', () => {
    const jobs = jobsOf({ faults: ['slow', 'slow@signer-c', 'slow'], all: false });
    expect(jobs.map(sayJob)).toEqual([
      'signer-hmac',
      'gate-hmac',
      'signer-hmac with slow',
      'gate-hmac with slow',
      'signer-hmac with slow on signer-c',
    ]);
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(5);
    expect(jobs.every(({ asked, id }) => asked && /^[\w+-]+$/.test(id))).toBe(true);
  });

  it('is every fault that there is, on request', () => {
    expect(jobsOf({ faults: [], all: true })).toHaveLength(
      2 + DRILL_FAULTS['keyring-v1'].length + DRILL_FAULTS['gate-v1'].length,
    );
  });

  it('has in its campaign faults that there are, on different replicas of a drill, and none twice', () => {
    for (const { campaign } of GAME_DAY_DRILLS) {
      const faults = campaign.flatMap((group) => group.faults);
      expect(faults.map((fault) => parseFault(fault).name)).toHaveLength(new Set(faults).size);
      for (const group of campaign) {
        const targets = group.faults.map((fault) => parseFault(fault).target);
        expect(targets).not.toContain(undefined);
        expect(new Set(targets).size).toBe(targets.length);
      }
    }
  });

  it('has in its default campaign a drill with two faults that fits beside the plain one, with a third to spare', () => {
    const [drill] = GAME_DAY_DRILLS;
    const first = drill?.campaign[0];
    expect(first?.faults.length).toBeGreaterThanOrEqual(2);
    expect(Math.max(drill?.typicalS ?? 999, first?.typicalS ?? 999)).toBeLessThanOrEqual(80);
  });
});
