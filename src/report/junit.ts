import { escapeForeign } from '../errors/escape.ts';
import type { Finding } from '../probe/finding.ts';
import { type CommandResult, verdictWord } from './result.ts';

interface Case {
  readonly className: string;
  readonly name: string;
  readonly seconds: number;
  /** `undefined` is a pass. */
  readonly flaw?: { readonly element: 'failure' | 'skipped'; readonly type?: string; readonly message: string };
}

/**
 * A result as JUnit XML for CI systems: a test case for each check on each target, and one for the verdict as a whole,
 * so that an end without any check is seen too. `unknown` is a failure of type `inconclusive`, a stop one of type
 * `stopped`; a rehearsal, an advice, a check that does not apply and a failure that the fleet file accepts are skipped.
 */
export function renderJunit(result: CommandResult): string {
  const cases = [...result.checks.map(caseOf), overall(result)];
  const count = (element: string): number => cases.filter((one) => one.flaw?.element === element).length;
  const seconds = cases.reduce((total, one) => total + one.seconds, 0);
  const attributes = attributesOf({
    name: `rotctl ${result.command}`,
    tests: cases.length,
    failures: count('failure'),
    errors: 0,
    skipped: count('skipped'),
    time: seconds.toFixed(3),
  });
  const body = cases.map(render).join('\n');
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n  <testsuite ${attributes}>\n${body}\n  </testsuite>\n</testsuites>\n`;
}

function caseOf(check: Finding): Case {
  const base = { className: check.id, name: check.target, seconds: check.ms / 1000 };
  const reason = check.reason === undefined ? '' : `: ${check.reason}`;
  const remedy = check.remedy === undefined ? '' : `; do: ${check.remedy}`;
  const hazards = check.hazards === undefined ? '' : ` [${check.hazards.join(', ')}]`;
  const message = `expected ${check.expected}, saw ${check.seen}${reason}${hazards}${remedy}`;
  const { accepted } = check;
  if (accepted !== undefined) {
    const excuse = `accepted by ${accepted.owner}: ${accepted.reason}`;
    return { ...base, flaw: { element: 'skipped', message: `${message}; ${excuse}` } };
  }
  switch (check.verdict) {
    case 'pass':
      return base;
    case 'fail':
      return { ...base, flaw: { element: 'failure', type: 'fail', message } };
    case 'unknown':
      return { ...base, flaw: { element: 'failure', type: 'inconclusive', message } };
    case 'not-applicable':
      return { ...base, flaw: { element: 'skipped', message: check.reason ?? 'not applicable' } };
  }
}

function overall(result: CommandResult): Case {
  const base = { className: `rotctl.${result.command}`, name: 'verdict', seconds: 0 };
  const message = `${verdictWord(result.verdict)} ${result.summary}`;
  switch (result.verdict) {
    case 'pass':
      return base;
    case 'rehearsed':
    case 'advised':
      return { ...base, flaw: { element: 'skipped', message } };
    case 'unknown':
      return { ...base, flaw: { element: 'failure', type: 'inconclusive', message } };
    case 'fail':
    case 'stopped':
      return { ...base, flaw: { element: 'failure', type: result.verdict, message } };
  }
}

function render(one: Case): string {
  const attributes = attributesOf({ classname: one.className, name: one.name, time: one.seconds.toFixed(3) });
  if (one.flaw === undefined) return `    <testcase ${attributes}/>`;
  const { element, type, message } = one.flaw;
  const flaw = attributesOf({ ...(type === undefined ? {} : { type }), message });
  return `    <testcase ${attributes}><${element} ${flaw}/></testcase>`;
}

function attributesOf(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}="${escapeXml(String(value))}"`)
    .join(' ');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Also replaces what XML 1.0 cannot hold even as a reference: controls (made visible), lone surrogates, U+FFFE and U+FFFF. */
function escapeXml(text: string): string {
  return escapeForeign(text, 2000)
    .replace(/[\p{Surrogate}\ufffe\uffff]/gu, '\ufffd')
    .replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
}
