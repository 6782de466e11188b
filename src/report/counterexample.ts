import type { Position } from '../errors/rotctl-error.ts';
import type { Counterexample } from '../machine/safety/counterexample.ts';
import type { TraceLine } from '../machine/safety/trace.ts';
import type { Holding } from '../machine/safety/words.ts';
import { type Palette, PLAIN } from './palette.ts';
import { textWidth, wrap } from './wrap.ts';

/** How a counterexample is shown. */
export interface TraceOptions {
  readonly palette?: Palette;
  /** Columns of the screen. */
  readonly columns?: number;
  /** What every party holds after each line, and not only what has changed. */
  readonly verbose?: boolean;
  /** Where the step to change stands. */
  readonly at?: Position | undefined;
}

const INDENT = '  ';

/**
 * A counterexample for people: its lines, numbered, under the phase in which they happen; below each what has changed for
 * whom; then the request that goes wrong, and what to change.
 */
export function renderCounterexample(found: Counterexample, options: TraceOptions = {}): string {
  const { palette = PLAIN, columns = 80, verbose = false, at } = options;
  const width = textWidth(columns);
  const marker = ' '.repeat(String(found.lines.length).length);
  const body = INDENT + ' '.repeat(marker.length + 2);
  const lines = [...wrap(`${INDENT}breaks  `, `${found.invariant}, ${found.statement}`, width), ''];
  let before = found.before;
  let phase: string | undefined;
  for (const line of found.lines) {
    if (line.phase !== phase) lines.push(palette.faint(`${INDENT}${line.phase}`));
    phase = line.phase;
    lines.push(...numbered(line, marker.length, width, palette));
    const shown = verbose ? line.holds : line.holds.filter((one) => !isAmong(one, before));
    lines.push(...holdingLines(shown, body, width).map((text) => palette.faint(text)));
    before = line.holds;
  }
  lines.push(...emphasised(wrap(`${INDENT}${'!'.padStart(marker.length)}  `, found.request, width), palette.bad), '');
  if (found.step !== undefined) lines.push(`${INDENT}change  ${palette.strong(found.step)}${placeOf(at)}`);
  lines.push(...wrap(`${INDENT}advice  `, found.advice, width));
  return lines.join('\n');
}

function numbered(line: TraceLine, digits: number, width: number, palette: Palette): string[] {
  const head = `${INDENT}${String(line.number).padStart(digits)}  `;
  const text = line.by === 'environment' ? `meanwhile, ${line.text}` : line.text;
  const lines = wrap(head, text, width);
  return line.by === 'environment' ? emphasised(lines, palette.doubt) : lines;
}

function emphasised(lines: readonly string[], shade: (text: string) => string): string[] {
  return lines.map((line) => `${/^ */.exec(line)?.[0] ?? ''}${shade(line.trimStart())}`);
}

function placeOf(at: Position | undefined): string {
  const parts = at === undefined ? [] : [at.file, at.line, at.column].filter((part) => part !== undefined);
  return parts.length === 0 ? '' : `, ${parts.join(':')}`;
}

function isAmong(holding: Holding, others: readonly Holding[]): boolean {
  return others.some(
    ({ party, kind, now, afterRestart }) =>
      party === holding.party && kind === holding.kind && now === holding.now && afterRestart === holding.afterRestart,
  );
}

/** What parties hold, aligned; what a restart would change stands with it. */
function holdingLines(holdings: readonly Holding[], indent: string, width: number): string[] {
  const widest = Math.max(0, ...holdings.map(({ party }) => party.length));
  return holdings.flatMap(({ party, kind, now, afterRestart }) => {
    const head = `${indent}${party.padEnd(widest)}  `;
    const own = kind === 'template' ? `as a template ${now}` : now;
    return wrap(head, afterRestart === undefined ? own : `${own}; after a restart ${afterRestart}`, width);
  });
}
