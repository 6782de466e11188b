import type { Clock } from '../../probe/ports.ts';
import type { Job } from './campaign.ts';
import { type DrillDocument, readDrillDocument } from './document.ts';

/** How a drill's process ended, with its fleet taken down. */
export interface Ran {
  /** `exit 10`, `SIGKILL`, or why it could not be started. */
  readonly how: string;
  readonly stdout: string;
  /** The last line of its stderr. */
  readonly said: string;
}

/** Who stopped a drill that was under way. */
export type Cut = 'time' | 'operator';

/** What became of a drill of the game day. */
export type JobEnd =
  | { readonly job: Job; readonly state: 'not-run'; readonly reason: string }
  | {
      readonly job: Job;
      readonly state: 'played';
      /** What it printed, where that can be read. */
      readonly document: DrillDocument | undefined;
      readonly how: string;
      readonly said: string;
      readonly cut: Cut | undefined;
      readonly ms: number;
    };

/** What a game day is played with. */
export interface GameDayTools {
  readonly clock: Pick<Clock, 'monotonic' | 'sleep'>;
  /** How many drills at once. */
  readonly width: number;
  readonly maxMs: number;
  /** The operator's wish to stop. */
  readonly stop: AbortSignal;
  /** Plays one drill to its end, or stops it safely when the signal aborts. Never rejects, and leaves nothing running. */
  run(job: Job, stop: AbortSignal): Promise<Ran>;
  /** Told at each start and end, with the time that is left. */
  tell: { started(job: Job, leftMs: number): void; ended(end: JobEnd, leftMs: number): void };
}

/**
 * Plays the drills side by side, in their order. The first is always begun; another only when it usually takes no
 * longer than there is time left, at the pace of the slowest drill so far. When the time is up, or the operator stops,
 * what is under way is stopped.
 *
 * @returns one end for each job, in the order of the jobs
 */
export async function playGameDay(jobs: readonly Job[], tools: GameDayTools): Promise<readonly JobEnd[]> {
  const { clock, width, maxMs, stop, tell } = tools;
  const started = clock.monotonic();
  const left = (): number => maxMs - (clock.monotonic() - started);
  const timeUp = new AbortController();
  const over = new AbortController();
  const timer = clock.sleep(maxMs, over.signal).then(
    () => timeUp.abort(),
    () => {},
  );
  const halt = AbortSignal.any([stop, timeUp.signal]);
  const cutBy = (): Cut | undefined => (stop.aborted ? 'operator' : timeUp.signal.aborted ? 'time' : undefined);
  const ends = new Map<Job, JobEnd>();
  const waiting = [...jobs];
  let pace: number | undefined;
  const play = async (job: Job): Promise<JobEnd> => {
    const why = job === jobs[0] && !halt.aborted ? undefined : notNow(job, left(), pace ?? 1, cutBy());
    if (why !== undefined) return { job, state: 'not-run', reason: why };
    const begun = clock.monotonic();
    tell.started(job, left());
    const { how, stdout, said } = await tools.run(job, halt);
    const ms = clock.monotonic() - begun;
    const document = readDrillDocument(stdout);
    // A drill that came to its end before it saw the signal has not been cut.
    const cut = document === undefined || document.verdict === 'stopped' ? cutBy() : undefined;
    if (cut === undefined) pace = Math.max(pace ?? 0, ms / 1000 / job.typicalS);
    return { job, state: 'played', document, how, said, cut, ms };
  };
  const lane = async (): Promise<void> => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      const end = await play(job);
      ends.set(job, end);
      tell.ended(end, left());
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(width, jobs.length)) }, lane));
  over.abort();
  await timer;
  return jobs.flatMap((job) => ends.get(job) ?? []);
}

/** Why a drill is not begun now, if so. */
function notNow({ typicalS }: Job, leftMs: number, pace: number, cut: Cut | undefined): string | undefined {
  if (cut === 'operator') return 'the operator stopped the game day before';
  if (cut === 'time') return 'the time was up before';
  const needs = Math.ceil(typicalS * pace);
  const has = Math.max(0, Math.floor(leftMs / 1000));
  return needs * 1000 > leftMs ? `it takes about ${needs} s, and ${has} s were left` : undefined;
}
