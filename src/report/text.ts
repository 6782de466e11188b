import { escapeForeign } from '../errors/escape.ts';
import type { Verdict } from '../errors/verdict.ts';
import type { Finding } from '../probe/finding.ts';
import { type Palette, PLAIN } from './palette.ts';
import { type CommandResult, totalsOf, verdictWord } from './result.ts';

const WORDS = { pass: 'pass', fail: 'FAIL', unknown: 'unknown', 'not-applicable': 'n/a' } as const;
const WORD_WIDTH = Math.max(...Object.values(WORDS).map((word) => word.length));

/** How to show checks. */
export interface TextOptions {
  readonly palette?: Palette;
  /** One line for each target also where all of them passed. */
  readonly verbose?: boolean;
}

/**
 * Checks as an aligned list in the order of their ids' first appearance: one line for an id that passed on all of its
 * targets, and a line of its own, with what was expected and seen, for each target where it did not.
 */
export function renderChecks(checks: readonly Finding[], options: TextOptions = {}): string {
  const { palette = PLAIN, verbose = false } = options;
  const width = Math.max(0, ...checks.map((check) => escapeForeign(check.id).length));
  const line = (verdict: Finding['verdict'], id: string, text: string): string =>
    `${coloured(verdict, WORDS[verdict].padEnd(WORD_WIDTH), palette)}  ${escapeForeign(id).padEnd(width)}  ${text}`.trimEnd();
  const ids = [...new Set(checks.map((check) => check.id))];
  const rowsOf = (id: string): Row[] =>
    linesOf(
      checks.filter((check) => check.id === id),
      verbose,
    );
  return ids.flatMap((id) => rowsOf(id).map((row) => line(row.verdict, id, row.text))).join('\n');
}

interface Row {
  readonly verdict: Finding['verdict'];
  readonly text: string;
}

function linesOf(group: readonly Finding[], verbose: boolean): Row[] {
  const passed = group.filter((check) => check.verdict === 'pass');
  const others = group.filter((check) => check.verdict !== 'pass').map(describe);
  if (verbose || passed.length === 0) return [...passed.map(describe), ...others];
  const [only] = passed;
  const { applicable } = totalsOf(group);
  const text = applicable === 1 && only !== undefined ? escapeForeign(only.target) : `${passed.length}/${applicable}`;
  return [{ verdict: 'pass', text }, ...others];
}

function describe(check: Finding): Row {
  const reason = check.reason === undefined ? '' : escapeForeign(check.reason, 400);
  const target = escapeForeign(check.target);
  if (check.verdict === 'pass') return { verdict: 'pass', text: `${target}: ${escapeForeign(check.seen)}` };
  if (check.verdict === 'not-applicable') return { verdict: check.verdict, text: `${target}: ${reason}` };
  const seen = `${target}: expected ${escapeForeign(check.expected)}, saw ${escapeForeign(check.seen)}`;
  const hazards = check.hazards === undefined ? '' : ` [${check.hazards.join(', ')}]`;
  // What failed counts in any case.
  const optional = check.critical || check.verdict === 'fail' ? '' : ' (not critical)';
  const { accepted } = check;
  const excuse =
    accepted === undefined ? '' : ` (accepted by ${escapeForeign(accepted.owner)}: ${escapeForeign(accepted.reason)})`;
  return { verdict: check.verdict, text: `${seen}${reason === '' ? '' : `: ${reason}`}${hazards}${optional}${excuse}` };
}

/** Puts a verdict's colour on a text that already says it in words. */
export function coloured(verdict: Verdict | 'not-applicable', text: string, palette: Palette): string {
  switch (verdict) {
    case 'pass':
      return palette.good(text);
    case 'fail':
      return palette.bad(text);
    case 'unknown':
      return palette.doubt(text);
    case 'not-applicable':
      return palette.faint(text);
  }
}

/** The last line of stderr: the verdict's word, what it is about, then counts of checks where there were any. */
export function verdictLine(result: CommandResult, palette: Palette = PLAIN): string {
  const word = verdictWord(result.verdict);
  const shade = {
    pass: palette.good,
    rehearsed: palette.good,
    fail: palette.bad,
    unknown: palette.doubt,
    stopped: palette.doubt,
    advised: PLAIN.good,
  };
  const { applicable, passed, unknown, notApplicable } = totalsOf(result.checks);
  const skipped = notApplicable === 0 ? '' : `, ${notApplicable} not applicable`;
  const counts = result.checks.length === 0 ? '' : `${passed}/${applicable} checks, ${unknown} unknown${skipped}`;
  const summary = escapeForeign(result.summary, 400);
  const rest = [summary, summary === '' ? counts : counts && `(${counts})`].filter((part) => part !== '');
  return [shade[result.verdict](palette.strong(word)), ...rest].join(' ');
}
