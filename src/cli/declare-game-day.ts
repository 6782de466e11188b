import { Option } from 'commander';
import { type Add, type Call, collect, texts } from './declaration.ts';
import type { GameDayRequest } from './game-day.ts';

/** The game day: every drill, with faults, in one scorecard. */
export const addGameDay: Add = (program, declare) => {
  declare(program, {
    usage: 'game-day',
    description:
      'Play every drill that there is with a campaign of faults, side by side, and write one scorecard (scorecard.json).',
    examples: [
      'rotctl game-day',
      'rotctl game-day --min-pass-percent 100 --max-duration 240',
      'rotctl game-day --fault keeps-old --fault slow@signer-c --out friday',
      'rotctl game-day --all-faults --max-duration 1800 --json',
    ],
    options: [
      new Option('--min-pass-percent <n>', 'the least score (GAMEDAY_MIN_PASS_PERCENT; default: 100)'),
      new Option('--max-duration <seconds>', 'the longest duration (GAMEDAY_MAX_TOTAL_DURATION_S; default: 120)'),
      new Option('--fault <name>', 'plant this fault in a drill of its own, and none of the campaign; may be repeated')
        .argParser(collect)
        .default([], 'the campaign'),
      new Option('--all-faults', 'plant every fault that there is, each in a drill of its own'),
    ],
    rehearse: async (call) =>
      (await import('./game-day.ts')).rehearseGameDay(call.platform, call.flags, gameDayRequest(call)),
    action: async (call) => (await import('./game-day.ts')).gameDay(call.platform, call.flags, gameDayRequest(call)),
  });
};

function gameDayRequest({ flags, options }: Call): GameDayRequest {
  return {
    limits: { '--min-pass-percent': text(options.minPassPercent), '--max-duration': text(options.maxDuration) },
    faults: texts(options.fault),
    all: options.allFaults === true,
    fleetGiven: flags.fleetGiven,
  };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
