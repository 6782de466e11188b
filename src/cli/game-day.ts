import { join, resolve } from 'node:path';
import { parseFault } from '../drill/faults.ts';
import { type Job, jobsOf, sayJob } from '../drill/game-day/campaign.ts';
import { type GameDayLimits, readLimits } from '../drill/game-day/limits.ts';
import { type JobEnd, playGameDay } from '../drill/game-day/play.ts';
import { type GameDay, scoreGameDay } from '../drill/game-day/score.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import { gameDayDocument, gameDayResult } from '../report/game-day-json.ts';
import { renderGameDay, sourceOf } from '../report/game-day-text.ts';
import { paletteFor } from './colour.ts';
import { openGameDayProgress } from './game-day-progress.ts';
import type { Platform } from './platform.ts';
import { wouldDo } from './rehearsed.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';

/** What was typed for `game-day`. */
export interface GameDayRequest {
  /** The texts of the limits' flags, by flag. */
  readonly limits: Readonly<Record<string, string | undefined>>;
  /** `NAME` or `NAME@REPLICA`, in place of the campaign. */
  readonly faults: readonly string[];
  readonly all: boolean;
  readonly fleetGiven: boolean;
}

const DEFAULT_OUT = 'game-day';
const COMMAND = 'game-day';

/** What a game day is to be, before it begins. */
interface Plan {
  readonly jobs: readonly Job[];
  readonly limits: GameDayLimits;
  /** Absolute path of the folder that everything is written to. */
  readonly out: string;
  /** How many drills at once. */
  readonly width: number;
}

/** Says what a game day would play. @throws RotctlError `USAGE` as the game day itself */
export async function rehearseGameDay(
  platform: Platform,
  flags: GlobalFlags,
  request: GameDayRequest,
): Promise<CommandEnd> {
  const { jobs, limits, out, width } = planOf(platform, flags, request);
  const { minPassPercent: least, maxTotalDurationS: most } = limits;
  const lines = [
    `play up to ${width} drills at once, each with a practice fleet of its own in ${join(out, 'drills')}, and end them all`,
    ...jobs.map((job, at) => `play ${sayJob(job)}, about ${job.typicalS} s${at === 0 ? '' : ', if there is time'}`),
    `demand a score of at least ${least.value} % (${sourceOf(least)}), within ${most.value} s (${sourceOf(most)})`,
    `write ${join(out, 'scorecard.json')}`,
  ];
  return wouldDo(COMMAND, lines, {
    limits: { min_pass_percent: least.value, max_total_duration_s: most.value },
    sources: { min_pass_percent: least.from, max_total_duration_s: most.from },
    drills: jobs.map(({ id, drill, faults, typicalS }) => ({ id, drill, planted: faults, typical_s: typicalS })),
  });
}

/**
 * Plays every drill with its faults, side by side, within the time that there is, and scores them together.
 *
 * @throws RotctlError `USAGE` for limits and faults that cannot be read, `PRACTICE_FAILED` when a fleet of an earlier game
 * day still runs in the folder
 */
export async function gameDay(platform: Platform, flags: GlobalFlags, request: GameDayRequest): Promise<CommandEnd> {
  const plan = planOf(platform, flags, request);
  const { jobs, limits, out, width } = plan;
  await clearDrills(platform, plan);
  // A game day that is killed must not leave the last one's score behind.
  await writeScore(platform, out, scoreOf(plan, jobs.map(unfinished), 0, false));
  const { clock, interrupted } = platform;
  const started = clock.monotonic();
  const ends = await playGameDay(jobs, {
    clock,
    width,
    maxMs: limits.maxTotalDurationS.value * 1000,
    stop: interrupted,
    run: (job, stop) => platform.runDrill(orderOf(job, out), stop),
    tell: await openGameDayProgress(platform, flags),
  });
  const day = scoreOf(plan, ends, clock.monotonic() - started, interrupted.aborted);
  const generatedAt = await writeScore(platform, out, day);
  const palette = await paletteFor(platform, flags, platform.stdout);
  return {
    command: COMMAND,
    verdict: day.verdict,
    exitCode: day.exitCode,
    summary: summaryOf(day),
    checks: day.rows.flatMap(({ checks }) => checks),
    faults: day.rows.flatMap((row) =>
      row.faults.map(({ check, ...fault }) => (check === null ? fault : { ...fault, check })),
    ),
    result: { ...gameDayResult(day, generatedAt), folder: out },
    text: renderGameDay(day, { palette, columns: platform.stdout.columns }),
    ...(day.verdict === 'pass' ? {} : nextOf(day)),
  };
}

function planOf(platform: Platform, { out }: GlobalFlags, request: GameDayRequest): Plan {
  const { limits, faults, all, fleetGiven } = request;
  if (fleetGiven) {
    throw new RotctlError('USAGE', 'a game day plays on practice fleets of its own, and takes no --fleet', {
      hint: 'leave --fleet out',
    });
  }
  if (all && faults.length > 0)
    throw new RotctlError('USAGE', '--all-faults and --fault exclude each other', { hint: 'give one of them' });
  for (const fault of faults) parseFault(fault);
  const jobs = jobsOf({ faults, all });
  const nowhere = faults.find((fault) => jobs.every((job) => !job.faults.includes(fault)));
  if (nowhere !== undefined) throw new RotctlError('USAGE', `no drill has a replica for the fault ${nowhere}`);
  return {
    jobs,
    limits: readLimits({ environment: platform.env, flags: limits }),
    out: resolve(platform.cwd, out ?? DEFAULT_OUT),
    width: Math.max(1, platform.cores),
  };
}

function homeOf(out: string, { id }: Job): string {
  return join(out, 'drills', id);
}

function orderOf(job: Job, out: string): { args: readonly string[]; home: string } {
  const home = homeOf(out, job);
  const faults = job.faults.flatMap((fault) => ['--fault', fault]);
  return { args: ['drill', '--runbook', job.runbook, ...faults, '--json', '--out', home], home };
}

/** The last game day's drills are kept beside this one's; a fleet of theirs that still runs is not touched. */
async function clearDrills(platform: Platform, { jobs, out }: Plan): Promise<void> {
  const drills = join(out, 'drills');
  if (!(await platform.exists(drills))) return;
  for (const job of jobs) {
    const home = homeOf(out, job);
    const runs = await platform.attachPractice(home).then(
      () => true,
      () => false,
    );
    if (!runs) continue;
    throw new RotctlError('PRACTICE_FAILED', `a practice fleet runs in ${home} already`, {
      hint: 'another game day is under way there, or one was killed',
      next: `rotctl practice down --home ${home}`,
    });
  }
  await platform.moveAside(drills);
}

function unfinished(job: Job): JobEnd {
  return { job, state: 'not-run', reason: 'the game day has not come to its end' };
}

function scoreOf({ limits }: Plan, ends: readonly JobEnd[], totalMs: number, stopped: boolean): GameDay {
  return scoreGameDay({ ends, limits, totalMs, stopped });
}

/** @returns when it was written, in Unix milliseconds */
async function writeScore(platform: Platform, out: string, day: GameDay): Promise<number> {
  const now = platform.clock.now();
  const text = `${JSON.stringify(gameDayDocument(day, now), undefined, 2)}\n`;
  await platform.writeReport(join(out, 'scorecard.json'), text);
  return now;
}

function summaryOf({ headline, scorePercent, totalDurationS, rows, slo }: GameDay): string {
  const drills = headline.slice(headline.indexOf(': ') + 2);
  const first = rows[0];
  const plain =
    first?.reason !== undefined && first.verdict === 'unknown' ? `; ${sayJob(first.job)}: ${first.reason}` : '';
  const percent = scorePercent === null ? 'no percentage' : `${scorePercent} %`;
  const late = slo.totalDurationMet ? '' : `, more than ${slo.maxTotalDurationS} s`;
  return `game day: ${drills}, ${percent} in ${totalDurationS.toFixed(1)} s${late}${plain}`;
}

/** Where to look first. */
function nextOf({ rows }: GameDay): { next: string } | Record<string, never> {
  const bad = rows.find(({ verdict, ledger }) => verdict !== 'pass' && ledger !== undefined);
  return bad?.ledger === undefined ? {} : { next: `rotctl scorecard --from-ledger ${bad.ledger}` };
}
