import { Option } from 'commander';
import { RotctlError } from '../errors/rotctl-error.ts';
import { HOLD_EVENTS, type HoldEvent } from '../probe/hold/explain-loss.ts';
import type { Call } from './declaration.ts';
import { wouldDo } from './rehearsed.ts';
import type { CommandEnd } from './result.ts';

const MODES = ['watch', 'over', 'before', 'after', 'chaos'] as const;
type Mode = (typeof MODES)[number];

const DEFAULT_EVERY = '5s';
/** How long an event's command may take where --for does not say it: an hour. */
const EVENT_MS = 3_600_000;

/** What `verify-replay` may be told beside the checks themselves: to prove that nonces hold over time and events. */
export const replayModeOptions: readonly Option[] = [
  new Option('--watch', 'keep a low-rate proof running; one line for each change (--json: one document a line)'),
  new Option('--every <time>', 'with --watch: between two looks').default(DEFAULT_EVERY, DEFAULT_EVERY),
  new Option('--for <time>', 'with --watch: how long; with --over: how long the command may take'),
  new Option('--over <event>', 'burn nonces, run the command after --, and try them again').choices(HOLD_EVENTS),
  new Option('--before <file>', 'burn nonces and note them (no signed request), for --after'),
  new Option('--after <file>', 'try the nonces of --before again; --over names the event'),
  new Option('--chaos', 'take the replay store away by the hooks of rotctl.yaml; never in production'),
  new Option('--confirm <name>', "with --chaos on staging: the fleet's name"),
];

/** Examples for the help of `verify-replay`. */
export const replayModeExamples = [
  'rotctl verify-replay --watch --every 5s --for 1h',
  'rotctl verify-replay --over roll -- kubectl rollout restart deploy/signer',
  'rotctl verify-replay --before burned.json && make deploy && rotctl verify-replay --after burned.json',
  'rotctl verify-replay --chaos --fleet staging.yaml --confirm staging',
] as const;

/** Milliseconds of a time as it was typed. @throws RotctlError `USAGE` */
async function timeOf(flag: string, text: string): Promise<number> {
  const { duration } = await import('../document/scalars.ts');
  const read = duration().safeParse(text);
  if (read.success) return read.data;
  throw new RotctlError('USAGE', `${flag} ${read.error.issues[0]?.message ?? 'must be a time such as 5s'}`);
}

/** Runs the mode of `verify-replay` that was asked for; `undefined` where none was. @throws RotctlError `USAGE` for two */
export async function runReplayMode({ platform, flags, args, options }: Call): Promise<CommandEnd | undefined> {
  const mode = modeIn(options, args);
  const event = HOLD_EVENTS.find((name) => name === options.over);
  const forMs = typeof options.for === 'string' ? await timeOf('--for', options.for) : undefined;
  switch (mode) {
    case undefined:
      return undefined;
    case 'watch': {
      const { watchReplay } = await import('./replay-watch.ts');
      return watchReplay(platform, flags, { everyMs: await timeOf('--every', String(options.every)), forMs });
    }
    case 'chaos': {
      const { chaosReplay } = await import('./replay-chaos.ts');
      return chaosReplay(platform, flags, { confirm: typed(options.confirm) });
    }
    case 'over': {
      const { replayOver } = await import('./replay-over.ts');
      return replayOver(platform, flags, { event: event ?? 'other', command: args, deadlineMs: forMs ?? EVENT_MS });
    }
    case 'before': {
      const { beforeEvent } = await import('./replay-over.ts');
      return beforeEvent(platform, flags, typed(options.before) ?? '');
    }
    case 'after': {
      const { afterEvent } = await import('./replay-over.ts');
      return afterEvent(platform, flags, typed(options.after) ?? '', event ?? 'other');
    }
  }
}

/** Says what the mode that was asked for would do; `undefined` where none was. Sends nothing. */
export async function rehearseReplayMode({ platform, flags, args, options }: Call): Promise<CommandEnd | undefined> {
  const mode = modeIn(options, args);
  if (mode === undefined) return undefined;
  const { loadFleet } = await import('./load.ts');
  const fleet = await loadFleet(platform, flags);
  const names = fleet.replicas.map(({ name }) => name).join(', ');
  const event: HoldEvent | undefined = HOLD_EVENTS.find((name) => name === options.over);
  const would: Readonly<Record<Mode, readonly string[]>> = {
    watch: [`burn a nonce every ${String(options.every)} ms, and try it and older ones on ${names}`],
    over: [
      `burn nonces on ${names}`,
      `run ${args.length === 0 ? `nothing, and wait for ${event}` : args.join(' ')}`,
      'try them again',
    ],
    before: [`burn nonces on ${names}`, `note them in ${String(options.before)}`],
    after: [`try the nonces of ${String(options.after)} again on ${names}`],
    chaos: (fleet.chaos?.outages ?? []).flatMap(({ name, begin, end }) => [
      `${name}: burn nonces, run ${begin.join(' ')}, and send signed requests to ${names}`,
      end === undefined ? 'try the nonces again' : `run ${end.command.join(' ')}, and try the nonces again`,
    ]),
  };
  return { ...wouldDo('verify-replay', would[mode]), fleet: fleet.name };
}

function modeIn(options: Call['options'], args: Call['args']): Mode | undefined {
  const given = MODES.filter((mode) => options[mode] !== undefined && options[mode] !== false);
  // The event that a file's nonces were burned before.
  const modes = given.includes('after') ? given.filter((mode) => mode !== 'over') : given;
  if (options.pairwise === true && modes.length > 0) modes.push(modes[0] ?? 'watch');
  if (modes.length > 1)
    throw new RotctlError('USAGE', '--watch, --over, --before, --after, --chaos and --pairwise are one at a time');
  const [mode] = modes;
  if (args.length > 0 && mode !== 'over')
    throw new RotctlError('USAGE', `verify-replay takes a command only with --over, got ${args.length} words`, {
      hint: 'rotctl verify-replay --over roll -- COMMAND',
    });
  if (options.confirm !== undefined && mode !== 'chaos') throw new RotctlError('USAGE', '--confirm is for --chaos');
  if (options.for !== undefined && mode !== 'watch' && mode !== 'over')
    throw new RotctlError('USAGE', '--for is for --watch and --over');
  return mode;
}

function typed(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
