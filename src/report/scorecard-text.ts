import type { LeadMetric, Metric, Scorecard } from '../drill/scorecard.ts';
import { formatDuration } from './duration.ts';
import { type Palette, PLAIN } from './palette.ts';
import { coloured } from './text.ts';

const HEAD = ['#', 'metric', 'class', 'value', 'target', 'samples', 'status'] as const;
/** Columns of numbers: aligned to the right. */
const RIGHT: readonly number[] = [0, 3, 5];
const SHOWN_ENTRIES = 8;

/** How much of the scorecard is shown. */
export interface ScorecardTextOptions {
  readonly palette?: Palette;
  /** Also the parts of each value: by phase, replica, client, cell. */
  readonly verbose?: boolean;
}

/** The scorecard for people: the four lead numbers, the table, then what is not a pass, with its reason and entries. */
export function renderScorecardText(card: Scorecard, options: ScorecardTextOptions = {}): string {
  const { palette = PLAIN, verbose = false } = options;
  const bad = card.metrics.filter(({ status }) => status === 'fail' || status === 'unknown');
  const away = card.metrics.filter(({ status }) => status === 'not-applicable');
  const sections = [
    [palette.strong(card.headline), palette.faint(about(card))],
    lead(card.lead, palette),
    table(card.metrics, palette),
    section(
      'failed or unknown',
      bad.map((metric) => explain(metric, palette)),
    ),
    section(
      'capped at inconclusive',
      card.caps.map((cap) => `  ${cap}`),
    ),
    section(
      'not applicable',
      away.map(({ number, title, reason }) => `  ${number} ${title}: ${reason ?? ''}`),
    ),
    ...(verbose ? [section('parts', card.metrics.flatMap(parts))] : []),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function about(card: Scorecard): string {
  const percent = card.scorePercent === null ? 'no percentage' : `${card.scorePercent} %`;
  const run = card.run === '' ? 'no run' : `${card.run} on ${card.fleet}`;
  return `${run}, ${card.generatedAt === '' ? 'no entries' : card.generatedAt}, ${formatDuration(card.totalDurationS * 1000)}, ${percent}`;
}

function lead(metrics: readonly LeadMetric[], palette: Palette): string[] {
  const width = Math.max(...metrics.map(({ title }) => title.length));
  return metrics.map(({ title, text, ms, status }) => {
    const said = ms === null ? text : formatDuration(ms);
    return `  ${title.padEnd(width)}  ${coloured(status, `${said}${status === 'pass' ? '' : `  ${status}`}`, palette)}`;
  });
}

function table(metrics: readonly Metric[], palette: Palette): string[] {
  const rows = metrics.map((metric) => [
    `${metric.number}`,
    metric.title,
    metric.class,
    shownValue(metric),
    metric.target === '' ? '-' : metric.target,
    `${metric.samples}`,
    metric.status,
  ]);
  const widths = HEAD.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        RIGHT.includes(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  const body = rows.map((row, index) => {
    const status = metrics[index]?.status ?? 'unknown';
    const text = line(row);
    return `  ${text.slice(0, text.length - status.length)}${coloured(status, status, palette)}`;
  });
  return [palette.faint(`  ${line(HEAD)}`), ...body];
}

function shownValue({ value, unit }: Metric): string {
  if (value === null) return '-';
  if (unit === 'ms') return formatDuration(value);
  return `${value} ${value === 1 ? unit.replace(/s$/, '') : unit}`.trimEnd();
}

function explain(metric: Metric, palette: Palette): string {
  const { number, title, status, reason, entries } = metric;
  const weight = metric.class === 'critical' ? '' : ` (${metric.class})`;
  return `  ${number} ${title}: ${coloured(status, status, palette)}${weight}: ${reason ?? ''}${where(entries)}`;
}

function where(entries: readonly number[]): string {
  if (entries.length === 0) return '';
  const shown = entries.slice(0, SHOWN_ENTRIES).join(', ');
  const more = entries.length > SHOWN_ENTRIES ? ` and ${entries.length - SHOWN_ENTRIES} more` : '';
  return ` [${entries.length === 1 ? 'entry' : 'entries'} ${shown}${more}]`;
}

function parts({ number, title, details = [] }: Metric): string[] {
  return details.map((detail) => `  ${number} ${title}: ${detail}`);
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`${title}:`, ...lines];
}
