import { escapeForeign } from '../errors/escape.ts';
import { describePhase } from '../machine/phase.ts';
import type { Task } from '../machine/roll.ts';
import type { Proof } from '../machine/step.ts';
import type { Cell, Finding } from '../probe/finding.ts';
import { formatDuration } from '../report/duration.ts';
import type { Progress } from '../runner/progress.ts';
import { isFancy, paletteFor } from './colour.ts';
import { LiveLine } from './live-line.ts';
import type { Platform } from './platform.ts';
import type { GlobalFlags } from './request.ts';

const TICK_MS = 100;
/** What lasts longer is named also where there is no live line. */
const LONG_MS = 1000;
/** Without a live line something is told at least so often, however many short waits there are. */
const SILENCE_MS = 5000;

type Flags = Pick<GlobalFlags, 'json' | 'quiet' | 'verbose' | 'color'>;

/**
 * What tells an operator, on stderr, how the work goes: with a live last line on a terminal, in plain lines elsewhere,
 * and not at all with `--quiet` or `--json`. Incidents are told in every case.
 */
export async function openProgress(
  platform: Pick<Platform, 'stderr' | 'env' | 'clock'>,
  flags: Flags,
): Promise<Progress> {
  if (flags.quiet || flags.json) return silent(platform);
  const palette = await paletteFor(platform, flags, platform.stderr);
  const watch = await openWatch(platform, flags);
  const print = (line: string): void => watch.print(line);
  return {
    phase: (phase) => print(palette.strong(`${phase}: ${describePhase(phase)}`)),
    task: (task) => watch.begin(nameOf(task), undefined),
    taskDone(task, result, reason) {
      watch.end();
      if (result === 'failed')
        print(`  ${palette.bad('FAIL')}  ${nameOf(task)}: ${escapeForeign(reason ?? 'no reason given', 400)}`);
      else if (result === 'skipped') print(`  ${palette.faint('skip')}  ${nameOf(task)}: ${reason ?? ''}`);
      else print(`  ${palette.good('done')}  ${nameOf(task)}${proofsOf(task)}`);
    },
    wait(wait) {
      if (wait === undefined) watch.end();
      else watch.begin(wait.what, wait.ms);
    },
    findings(findings) {
      const isTold = isWorthALine(flags.verbose);
      for (const finding of findings) if (isTold(finding) || isRemark(finding)) print(`  ${findingLine(finding)}`);
    },
    cells(cells) {
      for (const cell of cells.filter(isWorthALine(flags.verbose))) print(`  ${cellLine(cell)}`);
    },
    part: (title) => print(palette.strong(`== ${escapeForeign(title, 400)}`)),
    note(text) {
      if (flags.verbose) print(`  ${palette.faint(escapeForeign(text, 400))}`);
    },
    incident: (text) => print(palette.bad(`INCIDENT ${escapeForeign(text, 400)}`)),
  };
}

/** What shows waits on stderr: a live line on a terminal, plain lines elsewhere, nothing with `--quiet` or `--json`. */
export async function openWatch(platform: Pick<Platform, 'stderr' | 'env' | 'clock'>, flags: Flags): Promise<Watch> {
  if (flags.quiet || flags.json) return { begin: () => {}, end: () => {}, print: () => {} };
  return isFancy(platform, flags, platform.stderr) ? liveWatch(platform) : plainWatch(platform);
}

function silent({ stderr }: Pick<Platform, 'stderr'>): Progress {
  const ignore = (): void => {};
  return {
    phase: ignore,
    task: ignore,
    taskDone: ignore,
    wait: ignore,
    findings: ignore,
    cells: ignore,
    part: ignore,
    note: ignore,
    incident: (text) => stderr.write(`INCIDENT ${escapeForeign(text, 400)}\n`),
  };
}

/** Shows what is being waited for. `ms` is how long at most, where that is known. */
export interface Watch {
  begin(what: string, ms: number | undefined): void;
  end(): void;
  print(line: string): void;
}

/** On a terminal: the last line counts down, or up where the end is not known. */
function liveWatch(platform: Pick<Platform, 'stderr' | 'env' | 'clock'>): Watch {
  const line = new LiveLine(platform);
  let show: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  return {
    begin(what, ms) {
      const started = platform.clock.monotonic();
      show = () => {
        const passed = platform.clock.monotonic() - started;
        line.show(`waiting for ${what} … ${seconds(ms === undefined ? passed : Math.max(0, ms - passed))}`);
      };
      clearInterval(timer);
      timer = setInterval(show, TICK_MS).unref();
      show();
    },
    end() {
      clearInterval(timer);
      show = undefined;
      line.clear();
    },
    print(text) {
      line.print(text);
      show?.();
    },
  };
}

/**
 * Elsewhere: one line for each wait that is known to be long, or turns out to be; and of many short ones the one that is on
 * when nothing was told for long.
 */
function plainWatch({ stderr, clock }: Pick<Platform, 'stderr' | 'clock'>): Watch {
  let timer: NodeJS.Timeout | undefined;
  let due: number | undefined;
  const print = (line: string): void => {
    due = clock.monotonic() + SILENCE_MS;
    stderr.write(`${line}\n`);
  };
  return {
    begin(what, ms) {
      clearTimeout(timer);
      const now = clock.monotonic();
      due ??= now + LONG_MS;
      if (ms !== undefined) {
        if (ms >= LONG_MS) print(`waiting for ${what} (${formatDuration(ms)})`);
        return;
      }
      timer = setTimeout(() => print(`waiting for ${what}`), Math.min(LONG_MS, Math.max(0, due - now))).unref();
    },
    end: () => clearTimeout(timer),
    print,
  };
}

function seconds(ms: number): string {
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : formatDuration(ms);
}

function nameOf({ step, targets }: Task): string {
  return `${step.id} on ${targets.join(', ')}`;
}

/** What was seen of a task that is done, in words. */
function proofsOf({ step }: Task): string {
  const words = step.proofs.map(
    (proof) =>
      `${WORDS[proof.proves]}${'generation' in proof ? ` ${proof.generation}` : ''}${'keyIds' in proof ? ' under the key id of before' : ''}`,
  );
  return words.length === 0 ? '' : `: ${[...new Set(words)].join(', ')}`;
}

const WORDS: Readonly<Record<Proof['proves'], string>> = {
  accepts: 'accepts',
  refuses: 'refuses',
  signs: 'signs with',
  unused: 'nobody signs with',
  presents: 'shows its certificate of',
  trusts: 'trusts',
  distrusts: 'distrusts',
  'default-id': 'requests without a client id are taken for that of',
  'key-ids': 'key ids of their own',
  'no-session': 'no session is left of',
  checklist: 'checklist passed',
  replay: 'replays refused',
  namespace: 'replay namespace unchanged',
  quiet: 'no spike of refused signatures',
};

function isWorthALine(verbose: boolean): (seen: Pick<Finding, 'verdict'>) => boolean {
  return ({ verdict }) => verbose || verdict === 'fail' || verdict === 'unknown';
}

/** What passes in certificates may still surprise whoever knows a party by its name or its kind of key. */
function isRemark({ id, verdict, reason }: Finding): boolean {
  return verdict === 'pass' && reason !== undefined && id.startsWith('pki.');
}

function findingLine({ id, target, verdict, expected, seen, reason }: Finding): string {
  const why = reason === undefined ? '' : `: ${reason}`;
  const text = verdict === 'pass' ? `${seen}${why}` : `expected ${expected}, saw ${seen}${why}`;
  return `${verdict}  ${id} on ${target}: ${escapeForeign(text, 400)}`;
}

function cellLine({ client, generation, replica, verdict, expected, seen, reason }: Cell): string {
  const text =
    verdict === 'pass' ? seen : `expected ${expected}, saw ${seen}${reason === undefined ? '' : `: ${reason}`}`;
  return `${verdict}  ${client} with ${generation} on ${replica}: ${escapeForeign(text, 400)}`;
}
