import type { Limit } from '../drill/game-day/limits.ts';
import type { DrillRow, GameDay } from '../drill/game-day/score.ts';
import { escapeForeign } from '../errors/escape.ts';
import { formatDuration } from './duration.ts';
import { type Palette, PLAIN } from './palette.ts';
import { coloured } from './text.ts';
import { textWidth, wrap } from './wrap.ts';

const HEAD = ['drill', 'faults', 'verdict', 'checks', 'time', 'found'] as const;
const VERDICT_COLUMN = 2;

/** How a game day is shown. */
export interface GameDayTextOptions {
  readonly palette?: Palette;
  readonly columns: number;
}

/** A game day for people: the four lead metrics, a line for each drill, what was not run, the limits. */
export function renderGameDay(day: GameDay, { palette = PLAIN, columns }: GameDayTextOptions): string {
  const played = day.rows.filter(({ verdict }) => verdict !== 'not-run');
  const away = day.rows.filter(({ verdict }) => verdict === 'not-run');
  const bad = played.filter(({ verdict }) => verdict !== 'pass');
  const width = textWidth(columns);
  const sections = [
    [palette.strong(`${wordOf(day)} ${day.headline}`)],
    leadLines(day),
    table(played, palette),
    limitLines(day, palette),
    section('failed or unknown', bad, width),
    section('not run', away, width),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function wordOf({ verdict }: GameDay): string {
  return { pass: 'PASS', fail: 'FAIL', unknown: 'INCONCLUSIVE', stopped: 'STOPPED' }[verdict];
}

function leadLines({ lead }: GameDay): string[] {
  const wide = Math.max(0, ...lead.map(({ title }) => title.length));
  return lead.map(({ title, text, ms, missing }) => {
    const said = ms === null ? text || 'not measured' : `${formatDuration(ms)} at most`;
    const gap = missing === 0 ? '' : `, not measured in ${missing} drill${missing === 1 ? '' : 's'}`;
    return `  ${title.padEnd(wide)}  ${said}${gap}`;
  });
}

function table(rows: readonly DrillRow[], palette: Palette): string[] {
  if (rows.length === 0) return [];
  const cells = [[...HEAD], ...rows.flatMap(cellsOf)];
  const widths = HEAD.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row, index) => {
    const padded = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
    if (index === 0) return palette.faint(`  ${padded.join('  ').trimEnd()}`);
    const shown = padded.map((cell, column) => {
      const word = row[column];
      const isVerdict = column === VERDICT_COLUMN && (word === 'pass' || word === 'fail' || word === 'unknown');
      return isVerdict ? coloured(word, cell, palette) : cell;
    });
    return `  ${shown.join('  ').trimEnd()}`;
  });
}

/** A line for the drill with its first fault, and one for each further fault. */
function cellsOf({ job, verdict, seconds, checks, faults }: DrillRow): string[][] {
  const counted = checks.filter((check) => check.verdict !== 'not-applicable');
  const passed = counted.filter((check) => check.verdict === 'pass').length;
  const planted = faults.length > 0 ? faults.map(({ name, target }) => `${name} on ${target}`) : [...job.faults];
  const found = faults.map((fault) => (fault.found ? `by ${fault.check ?? 'a check'}` : 'not found'));
  const first = [
    job.drill,
    planted[0] ?? 'none',
    verdict,
    `${passed}/${counted.length}`,
    `${seconds.toFixed(1)} s`,
    found[0] ?? '-',
  ];
  return [first, ...planted.slice(1).map((name, at) => ['', name, '', '', '', found[at + 1] ?? '-'])];
}

function limitLines({ scorePercent, totalDurationS, limits, slo }: GameDay, palette: Palette): string[] {
  const met = (value: boolean | null): string =>
    value === null
      ? palette.doubt('not told while a check is unknown')
      : value
        ? palette.good('met')
        : palette.bad('NOT MET');
  const percent = scorePercent === null ? 'no percentage' : `${scorePercent} %`;
  const { minPassPercent: least, maxTotalDurationS: most } = limits;
  return [
    `  score     ${percent}, at least ${least.value} % (${sourceOf(least)}): ${met(slo.passPercentMet)}`,
    `  duration  ${totalDurationS.toFixed(1)} s, at most ${most.value} s (${sourceOf(most)}): ${met(slo.totalDurationMet)}`,
  ];
}

/** Where a limit comes from, in words. */
export function sourceOf({ source, from }: Limit): string {
  return source === 'environment' ? `${from} in the environment` : from;
}

function section(title: string, rows: readonly DrillRow[], width: number): string[] {
  if (rows.length === 0) return [];
  return [`${title}:`, ...rows.flatMap((row) => wrap('  ', `${labelOf(row)}: ${reasonOf(row)}`, width))];
}

function labelOf({ job }: DrillRow): string {
  const planted = job.faults.map((fault) => fault.replace('@', ' on ')).join(' and ');
  return planted === '' ? job.drill : `${job.drill} with ${planted}`;
}

function reasonOf({ reason }: DrillRow): string {
  return escapeForeign(reason ?? 'no reason given', 600);
}
