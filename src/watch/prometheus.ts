/** One line of a page: a metric's name, its labels and its value. */
export interface Series {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

/** A page in Prometheus' text format, read whole. */
export interface MetricsPage {
  readonly series: readonly Series[];
  /** Metrics that a `# TYPE` or `# HELP` line announces, also those without a series yet. */
  readonly announced: ReadonlySet<string>;
}

/** Where and why a page is not in the format; `line` counts from 1. The page's own text is not repeated. */
export interface MetricsProblem {
  readonly line: number;
  readonly problem: string;
}

const COMMENT = /^#\s*(?:(?:HELP|TYPE)\s+([A-Za-z_:][\w:]*)(?:\s|$)|)/;
const NAME = /[A-Za-z_:][\w:]*/y;
const OPEN = /[ \t]*\{[ \t]*/y;
const COMMA = /,[ \t]*/y;
const LABEL = /\s*([A-Za-z_]\w*)\s*=\s*"((?:[^"\\\n]|\\["\\n])*)"\s*/y;
const TAIL = /^\s+(\S+)(?:\s+-?\d+)?\s*$/;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const ESCAPES: Readonly<Record<string, string>> = { '\\\\': '\\', '\\"': '"', '\\n': '\n' };

/**
 * Reads Prometheus' text exposition format 0.0.4. Strict: a line that is not of the format, a label or a series that
 * stands twice makes the whole page unreadable, because half of a page proves nothing.
 */
export function parseMetrics(text: string): MetricsPage | MetricsProblem {
  const series: Series[] = [];
  const announced = new Set<string>();
  const seen = new Set<string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    if (line.startsWith('#')) {
      const name = COMMENT.exec(line)?.[1];
      if (name !== undefined) announced.add(name);
      continue;
    }
    const parsed = parseSeries(line);
    if (typeof parsed === 'string') return { line: index + 1, problem: parsed };
    const key = keyOf(parsed);
    if (seen.has(key)) return { line: index + 1, problem: 'the series stands twice' };
    seen.add(key);
    series.push(parsed);
  }
  return { series, announced };
}

/** Names a series uniquely within a page. */
function keyOf({ name, labels }: Series): string {
  return JSON.stringify([name, ...[...labels].sort(([a], [b]) => (a < b ? -1 : 1))]);
}

function parseSeries(line: string): Series | string {
  NAME.lastIndex = 0;
  const name = NAME.exec(line)?.[0];
  if (name === undefined) return 'no metric name';
  const labels = new Map<string, string>();
  const end = parseLabels(line, name.length, labels);
  if (typeof end === 'string') return end;
  const value = parseValue(TAIL.exec(line.slice(end))?.[1]);
  return value === undefined ? 'no value' : { name, labels, value };
}

/** Fills `labels` from a `{…}` at `start`, if there is one; returns where it ends. */
function parseLabels(line: string, start: number, labels: Map<string, string>): number | string {
  OPEN.lastIndex = start;
  if (!OPEN.test(line)) return start;
  let at = OPEN.lastIndex;
  while (line[at] !== '}') {
    LABEL.lastIndex = at;
    const match = LABEL.exec(line);
    const [whole, label, value] = match ?? [];
    if (whole === undefined || label === undefined || value === undefined) return 'a label is malformed';
    if (labels.has(label)) return 'a label stands twice';
    labels.set(label, unescapeValue(value));
    at += whole.length;
    COMMA.lastIndex = at;
    if (COMMA.test(line)) at = COMMA.lastIndex;
    else if (line[at] !== '}') return 'labels do not end';
  }
  return at + 1;
}

function unescapeValue(value: string): string {
  return value.replace(/\\["\\n]/g, (sequence) => ESCAPES[sequence] ?? sequence);
}

function parseValue(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (NUMBER.test(text)) return Number(text);
  if (/^\+?Inf$/i.test(text)) return Number.POSITIVE_INFINITY;
  if (/^-Inf$/i.test(text)) return Number.NEGATIVE_INFINITY;
  return /^NaN$/i.test(text) ? Number.NaN : undefined;
}
