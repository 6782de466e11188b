import { type Job, sayJob } from '../drill/game-day/campaign.ts';
import type { GameDayTools, JobEnd } from '../drill/game-day/play.ts';
import { paletteFor } from './colour.ts';
import type { Platform } from './platform.ts';
import { openWatch } from './progress.ts';
import type { GlobalFlags } from './request.ts';

/** Tells on stderr which drills run, how long they took and how much time is left; nothing with `--quiet` or `--json`. */
export async function openGameDayProgress(
  platform: Platform,
  flags: Pick<GlobalFlags, 'json' | 'quiet' | 'verbose' | 'color'>,
): Promise<GameDayTools['tell']> {
  const palette = await paletteFor(platform, flags, platform.stderr);
  const watch = await openWatch(platform, flags);
  const running = new Set<Job>();
  const say = (word: string, text: string, leftMs: number): void =>
    watch.print(`  ${word}  ${text}; ${Math.max(0, Math.round(leftMs / 1000))} s left`);
  const waitForAll = (leftMs: number): void => {
    watch.end();
    if (running.size === 0) return;
    watch.begin(
      `${running.size} drill${running.size === 1 ? '' : 's'}: ${[...running].map(sayJob).join(', ')}`,
      leftMs,
    );
  };
  return {
    started(job, leftMs) {
      running.add(job);
      say('play', `${sayJob(job)}, usually ${job.typicalS} s`, leftMs);
      waitForAll(leftMs);
    },
    ended(end, leftMs) {
      const [word, text] = wordsOf(end);
      say(word === 'done' ? palette.good(word) : palette.doubt(word), text, leftMs);
      if (running.delete(end.job)) waitForAll(leftMs);
    },
  };
}

function wordsOf(end: JobEnd): [word: string, text: string] {
  if (end.state === 'not-run') return ['skip', `${sayJob(end.job)}: ${end.reason}`];
  const took = `in ${(end.ms / 1000).toFixed(1)} s`;
  if (end.cut !== undefined) return ['stop', `${sayJob(end.job)} ${took}`];
  return [end.document?.verdict === 'pass' ? 'done' : 'FAIL', `${sayJob(end.job)} ${took}: ${end.said || end.how}`];
}
