import type { Checkpoint, JudgedTrigger } from '../drill/advice/advice.ts';
import type { LedgerCount, LedgerCounts } from '../drill/advice/counts.ts';
import type { AdvisedStep } from '../drill/advice/step.ts';
import { escapeForeign } from '../errors/escape.ts';
import { sayAdvice, sayCheckpoint, sayProgress, saySource } from './advice-words.ts';
import { type Palette, PLAIN } from './palette.ts';
import { textWidth, wrap } from './wrap.ts';

/** What `advise` came to, for people and for programs. */
export interface AdviceReport {
  readonly checkpoint: Checkpoint;
  readonly plan: readonly AdvisedStep[];
  /** The ledger that was counted; `counts` is absent where it has no entries. */
  readonly ledger: { readonly path: string; readonly counts: LedgerCounts | undefined } | undefined;
  /** What the fleet file tells, for information alone. */
  readonly fleet:
    | { readonly name: string; readonly clients: readonly string[]; readonly replicas: readonly string[] }
    | undefined;
}

/** How it is shown. */
export interface AdviceTextOptions {
  readonly palette?: Palette;
  readonly columns?: number;
}

const MOST_ENTRIES = 8;
const FOREIGN = 2000;

/** The advice for people: the answer, the seven triggers, what was counted, what is near, and the steps. */
export function renderAdvice(report: AdviceReport, options: AdviceTextOptions = {}): string {
  const { palette = PLAIN, columns = 80 } = options;
  const width = textWidth(columns);
  const { checkpoint } = report;
  const sections = [
    wrap('', sayCheckpoint(checkpoint), width).map((line) => palette.strong(line)),
    table(checkpoint.triggers, palette),
    notes(report).flatMap((note) => wrap('  ', escapeForeign(note, FOREIGN), width)),
    plan(report, palette, width),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function table(triggers: readonly JudgedTrigger[], palette: Palette): string[] {
  const rows = triggers.map(({ rule, used, met }) => [
    met === undefined ? 'unknown' : met ? 'met' : 'not met',
    rule.name,
    used === undefined ? '-' : String(used.value),
    typeof rule.threshold === 'boolean' ? `= ${rule.threshold}` : `>= ${rule.threshold}`,
    used === undefined ? `not given: set it, or give ${rule.flag}` : `from ${saySource(rule, used.source)}`,
  ]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map(([status = '', ...cells]) => {
    const shade = { met: palette.strong, 'not met': palette.faint }[status] ?? palette.doubt;
    const rest = cells.map((cell, index) => cell.padEnd(widths[index + 1] ?? 0)).join('  ');
    return `  ${shade(status.padEnd(widths[0] ?? 0))}  ${rest}`.trimEnd();
  });
}

/** What stands between the table and the plan, a sentence each. */
function notes({ checkpoint, ledger, fleet }: AdviceReport): string[] {
  return [
    ...checkpoint.triggers.flatMap(differences),
    ...(checkpoint.otherwise === undefined
      ? []
      : [`by what was given in place of what was counted, the advice would be: ${sayAdvice(checkpoint.otherwise)}`]),
    ...(ledger === undefined ? [] : counted(ledger.path, ledger.counts)),
    ...(fleet === undefined
      ? []
      : [
          `fleet ${fleet.name}: ${number(fleet.clients.length, 'client')} and one service of ${number(fleet.replicas.length, 'replica')}; for information, not taken for AUTH_SERVICES`,
        ]),
    ...distance(checkpoint),
  ];
}

function differences({ rule, used, setAside }: JudgedTrigger): string[] {
  return setAside
    .filter(({ value }) => value !== used?.value)
    .map(
      ({ value, source }) =>
        `${rule.name}: ${used === undefined ? '' : saySource(rule, used.source)} says ${String(used?.value)}, ${saySource(rule, source)} says ${String(value)}, which is set aside`,
    );
}

function counted(path: string, counts: LedgerCounts | undefined): string[] {
  if (counts === undefined) return [`${path} has no entries yet: nothing is counted in it`];
  const { rotations, incidents, begins, isAhead } = counts;
  const late = [rotations, incidents].some(({ since }) => begins > since);
  return [
    `counted in ${path}: ${number(rotations.value, 'rotation')} begun since ${utc(rotations.since)} (${rotations.days} days)${entriesOf(rotations)}, ${number(incidents.value, 'incident')} since ${utc(incidents.since)} (${incidents.days} days)${entriesOf(incidents)}`,
    ...(late ? [`this ledger begins ${utc(begins)}: it knows nothing of what came before`] : []),
    ...(isAhead ? ['this ledger has entries stamped later than now; they are counted, and a clock is wrong'] : []),
  ];
}

function entriesOf({ entries, rehearsed }: LedgerCount): string {
  const shown = entries.slice(0, MOST_ENTRIES).join(', ');
  const more = entries.length > MOST_ENTRIES ? ` and ${entries.length - MOST_ENTRIES} more` : '';
  const which = entries.length === 0 ? '' : ` [${entries.length === 1 ? 'entry' : 'entries'} ${shown}${more}]`;
  return `${which}${rehearsed === 0 ? '' : ` and ${rehearsed} in drills, left out`}`;
}

/** How far it is to another advice, where the advice is not to migrate already. */
function distance({ triggers, nearest, least, further }: Checkpoint): string[] {
  if (least === 'migrate') return [];
  const unknown = triggers.filter(({ met }) => met === undefined).map(({ rule }) => rule.name);
  return [
    ...(triggers.some(({ met }) => met === false) ? [sayNearest(nearest)] : []),
    further.map(({ advice, more }) => `${more} more met: ${sayAdvice(advice)}`).join('; '),
    ...(unknown.length === 0 ? [] : [`unknown, and counted neither way: ${unknown.join(', ')}`]),
  ];
}

function sayNearest(nearest: Checkpoint['nearest']): string {
  const which = nearest.map(sayProgress).join(', ');
  return `nearest to its threshold: ${which === '' ? 'none, no unmet trigger is above zero' : which}`;
}

function plan({ checkpoint, plan: steps }: AdviceReport, palette: Palette, width: number): string[] {
  if (steps.length === 0) return [];
  const sure = checkpoint.least === checkpoint.most ? '' : 'whatever the unknown values are, ';
  return [
    palette.strong(`${sure}what to do:`),
    ...steps.flatMap((step, index) => [
      ...(steps[index - 1]?.phase === step.phase ? [] : [`  ${step.phase}`]),
      ...stepLines(step, width),
    ]),
    ...(checkpoint.least === 'migrate'
      ? [
          '',
          ...wrap(
            '  ',
            'rotctl proves the HMAC side of these steps; what proves the new identities is for you to look at.',
            width,
          ),
        ]
      : []),
  ];
}

function stepLines({ step, action, install, proof, back }: AdvisedStep, width: number): string[] {
  const part = (head: string, text: string): string[] => wrap(head, escapeForeign(text, FOREIGN), width);
  return [
    ...part(`  ${String(step).padStart(2)}  `, action),
    ...install.flatMap((line) => part('      install  ', line)),
    ...part('      proof    ', proof),
    ...part('      back     ', back),
  ];
}

function number(n: number, one: string): string {
  return `${n} ${one}${n === 1 ? '' : 's'}`;
}

function utc(ms: number): string {
  return new Date(ms).toISOString();
}
